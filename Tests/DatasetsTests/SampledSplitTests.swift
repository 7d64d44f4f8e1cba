import Foundation
import Tensors
import Testing

@testable import Datasets

struct SampledSplitTests {
    /// Ten images that say their number, sorted by class.
    private func withSplit(_ body: (DatasetSplit) throws -> Void) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-\(UUID().uuidString).npz")
        defer { try? FileManager.default.removeItem(at: file) }
        let pixels = (0..<10).flatMap { image in [UInt8](repeating: UInt8(image), count: 3 * 4) }
        try NumpyArchive([
            .init(name: "x", tensor: Tensor(pixels, shape: [10, 2, 2, 3])),
            .init(name: "y", tensor: Tensor(vector: [Int64](arrayLiteral: 0, 0, 0, 0, 1, 1, 1, 1, 2, 2))),
        ]).write(to: file.path)
        try body(Dataset(DatasetSpecification(.npz, file.path)).loadTraining())
    }

    @Test func imagesAreAtEqualDistances() throws {
        try withSplit { split in
            let some = try split.sampled(5)
            #expect(some.count == 5 && some.labels == [0, 0, 1, 1, 2] && some.classes == split.classes && some.name == split.name)
            for index in 0..<5 {
                #expect(try some.image(index).elements(as: UInt8.self).allSatisfy { Int($0) == 2 * index })
                #expect(some.nameOfImage(index) == split.nameOfImage(2 * index))
            }
            #expect(try split.sampled(3).labels == [0, 0, 1] && split.sampled(10).labels == split.labels)
        }
    }

    @Test(arguments: [0, 11])
    func countsBeyondTheSplitAreRefused(count: Int) throws {
        try withSplit { split in
            let error = try #require(throws: CleaveError.self) { try split.sampled(count) }
            #expect(error.problem == "\(count) images of the split 'all' are asked for, expected 1 to 10, as many as there are")
        }
    }
}
