import CKernels
import Foundation
import Tensors
import Testing

@testable import Datasets

/// Largest and mean distance of two images.
private func distance(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> (largest: Int, mean: Double) {
    let distances = zip(left, right).map { abs(Int($0) - Int($1)) }
    return (distances.max() ?? 0, Double(distances.reduce(0, +)) / Double(max(1, distances.count)))
}

struct DecodingTests {
    @Test func agreesWithPillow() throws {
        let expected = try NumpyArchive(contentsOf: imageFixtures + "/decoded.npz")
        #expect(expected.entries.count == 14)
        for entry in expected.entries {
            let image = try DecodedImage(contentsOf: imageFixtures + "/" + entry.name)
            let shape = entry.tensor.shape
            let channels = shape.count == 3 ? shape[2] : 1
            #expect(image.shape == ImageShape(channels: channels, height: shape[0], width: shape[1]), "\(entry.name)")
            let distance = try distance(image.samples, entry.tensor.elements(as: UInt8.self))
            // PNG is exact; JPEG decoders differ by a unit in rounding.
            #expect(distance.largest <= (entry.name.hasSuffix(".jpg") ? 2 : 0), "\(entry.name) \(distance)")
            #expect(distance.mean < 0.1, "\(entry.name)")
        }
    }

    @Test func refusesWhatIsDamaged() throws {
        try withFolder { folder in
            func error(_ bytes: [UInt8]) throws -> String {
                try write(bytes, to: folder + "/x.jpg")
                return failure { _ = try DecodedImage(contentsOf: folder + "/x.jpg") }
            }
            #expect(try error([]).hasPrefix(folder + "/x.jpg: the file is empty"))
            #expect(try error(Array("GIF89a".utf8)).contains("neither a JPEG nor a PNG"))
            for name in ["colours.jpg", "progressive.jpg", "colours.png"] {
                let whole = try fixture(name)
                #expect(try error(Array(whole.prefix(whole.count / 2))).contains("cannot be decoded"), "\(name)")
                let start = try error(Array(whole.prefix(12)))
                #expect(start.contains("cannot be decoded"), "\(name): \(start)")
            }
            var png = try fixture("colours.png")
            png[png.count / 2] ^= 0xFF
            #expect(try error(png).contains("cannot be decoded"))
        }
    }

    @Test func boundsSizesBeforeDecoding() throws {
        var jpeg = try fixture("colours.jpg")
        let frame = try #require(jpeg.indices.dropLast(9).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
        for offset in 5...8 { jpeg[frame + offset] = 0xFE }
        let problem = failure { _ = try jpeg.withUnsafeBytes { try DecodedImage($0, covering: nil) } }
        #expect(problem.contains("the image measures 65278×65278"))
        var png = try fixture("colours.png")
        for offset in [17, 18, 21, 22] { png[offset] = 0xFF }
        // The checksum of the header has to be right, or nothing is read at all.
        let checksum = crc32(Array(png[12..<29]))
        for offset in 0..<4 { png[29 + offset] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * offset)) }
        #expect(failure { _ = try png.withUnsafeBytes { try DecodedImage($0, covering: nil) } }.contains("expected 1 to 134217728 pixels"))
    }

    @Test func encodedImagesDecodeToTheSame() throws {
        try withFolder { folder in
            let image = try DecodedImage(contentsOf: imageFixtures + "/colours.png")
            try PNGEncoder().write(image, to: folder + "/copy.png")
            let copy = try DecodedImage(contentsOf: folder + "/copy.png")
            #expect(copy.shape == image.shape)
            #expect(copy.samples == image.samples)
        }
    }

    private func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { state, byte in
            (0..<8).reduce(state ^ UInt32(byte)) { state, _ in state >> 1 ^ (state & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}

struct FittingTests {
    private func split(_ names: [String], in folder: String) throws -> DatasetSplit {
        for (index, name) in names.enumerated() { try write(fixture(name), to: "\(folder)/a/\(index)-\(name)") }
        return try Dataset(DatasetSpecification(.folder, folder)).loadTraining()
    }

    private func planes(_ index: Int, _ images: FittedImages) throws -> [UInt8] {
        try images.withImage(index) { try $0.planes(of: UInt8.self, ImageShape(of: $0)).elements(as: UInt8.self) }
    }

    private func pixels(_ planes: [UInt8], channels: Int) -> [UInt8] {
        let count = planes.count / channels
        return (0..<count).flatMap { pixel in (0..<channels).map { planes[$0 * count + pixel] } }
    }

    @Test func agreesWithPillow() throws {
        let expected = try NumpyArchive(contentsOf: imageFixtures + "/fitted.npz")
        try withFolder { folder in
            let split = try split(["photo.jpg"], in: folder)
            for entry in expected.entries {
                let shape = ImageShape(channels: 3, height: entry.tensor.shape[0], width: entry.tensor.shape[1])
                let fitted = try pixels(planes(0, FittedImages(split, shape: shape, cacheByteLimit: 1 << 20)), channels: 3)
                let distance = try distance(fitted, entry.tensor.elements(as: UInt8.self))
                // The smallest size is decoded at half scale.
                #expect(distance.mean < (shape.height == 10 ? 1.5 : 0.4), "\(entry.name) \(distance)")
                #expect(distance.largest <= (shape.height == 10 ? 8 : 2), "\(entry.name) \(distance)")
            }
        }
    }

    @Test func convertsChannels() throws {
        try withFolder { folder in
            let split = try split(["grey.png", "colours.png"], in: folder)
            let colour = try FittedImages(split, shape: ImageShape(channels: 3, height: 21, width: 34), cacheByteLimit: 0)
            let grey = try FittedImages(split, shape: ImageShape(channels: 1, height: 21, width: 34), cacheByteLimit: 0)
            let level = try split.image(0).elements(as: UInt8.self)
            #expect(try planes(0, colour) == level + level + level)
            #expect(try planes(0, grey) == level)
            // Pillow made the grey file from the coloured one by the same weights.
            #expect(try distance(planes(1, grey), level).largest <= 1)
        }
    }

    @Test func keepsWhatWasDecoded() throws {
        try withFolder { folder in
            let split = try split(["colours.jpg", "photo.jpg"], in: folder)
            let shape = ImageShape(channels: 3, height: 16, width: 16)
            let kept = try FittedImages(split, shape: shape, cacheByteLimit: shape.count)
            let first = try planes(0, kept)
            #expect(try first == planes(0, kept))
            _ = try planes(1, kept)
            try FileManager.default.removeItem(atPath: folder + "/a")
            #expect(try planes(0, kept) == first, "the first image is in memory")
            #expect(throws: CleaveError.self, "there was room for one image only") { try planes(1, kept) }
        }
    }

    @Test func refusesWhatCannotBeFitted() throws {
        try withFolder { folder in
            let arrays = [
                ("x", try Tensor([Float](repeating: 0, count: 32), shape: [2, 4, 4])), ("y", Tensor(vector: [0, 1] as [Int64])),
            ]
            try NumpyArchive(arrays.map { .init(name: $0.0, tensor: $0.1) }).write(to: folder + "/x.npz")
            let split = try Dataset(DatasetSpecification(.npz, folder + "/x.npz")).loadTraining()
            let error = failure { _ = try FittedImages(split, shape: ImageShape(channels: 1, height: 8, width: 8), cacheByteLimit: 0) }
            #expect(error.contains("the images measure 1×4×4, the model takes 1×8×8"))
        }
    }
}
