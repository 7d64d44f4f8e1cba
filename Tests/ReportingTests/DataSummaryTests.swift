import Datasets
import Foundation
import Tensors
import Testing

@testable import Reporting

struct DataSummaryTests {
    private func summary(labels: [Int32]) throws -> DataSummary {
        let file = FileManager.default.temporaryDirectory.path + "/cleave-summary-\(UUID().uuidString).npz"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try NumpyArchive([
            .init(name: "x", tensor: Tensor([UInt8](repeating: 10, count: labels.count * 12), shape: [labels.count, 2, 2, 3])),
            .init(name: "y", tensor: Tensor(vector: labels)),
        ]).write(to: file)
        let dataset = try Dataset(DatasetSpecification(.npz, file))
        var summary = DataSummary(dataset, splits: [try DatasetStatistics(of: dataset.load("all"))], contactSheet: nil)
        summary.specification = "npz:x.npz"
        return summary
    }

    @Test func showsSizesAndBalance() throws {
        #expect(
            try summary(labels: [0, 0, 2, 0]).text(style: .plain) == """
                npz:x.npz · 3 classes · 4 images

                  split   images   channels   height   width   mean         deviation
                  all          4          3        2       2   10, 10, 10   0, 0, 0

                  label   class   all   of all
                      0   0         3   75.0 %
                      1   1         0    0.0 %
                      2   2         1   25.0 %
                """)
    }

    @Test func namesWhatCannotBeRead() throws {
        var summary = try summary(labels: [0])
        summary.unreadable = (0..<12).map { ("cat/\($0).jpg", "the file is empty") }
        let text = summary.text(style: .plain)
        #expect(text.contains("UNREADABLE: 12 images\n  cat/0.jpg: the file is empty\n"))
        #expect(text.contains("cat/9.jpg") && !text.contains("cat/10.jpg") && text.contains("… and 2 more"))
        #expect(summary.json.text.contains("cat/11.jpg"))
    }

    @Test func cutsLongListsOfClasses() throws {
        let text = try summary(labels: Array(0..<100)).text(style: .plain)
        #expect(text.hasSuffix("… and 60 more classes (--json has them all)"))
    }
}
