import Foundation
import GraphIR
import Tensors
import Testing

@testable import Datasets

private let input = ImageInput(name: "x", layout: .nchw, channels: 3, height: 32, width: 32, batch: nil)

private func options(
    _ batchSize: Int, shuffles: Bool = false, augment: String = "none", remainder: BatchLoader.Options.Remainder = .kept,
    skips: Bool = false, threads: Int = 1
) throws -> BatchLoader.Options {
    BatchLoader.Options(
        batchSize: batchSize, shuffles: shuffles, seed: 7, normalization: .unit, augmentation: try Augmentation(parsing: augment),
        remainder: remainder, skipsUnreadable: skips, threads: threads, ahead: 2 * threads)
}

private func all(_ loader: BatchLoader) throws -> [Batch] {
    var batches: [Batch] = []
    while let batch = try loader.next() { batches.append(batch) }
    return batches
}

private func withCIFAR<Result>(_ body: (DatasetSplit) throws -> Result) throws -> Result {
    try withFolder { folder in
        try writeCIFAR(to: folder)
        return try body(Dataset(DatasetSpecification(.cifar10, folder)).loadTraining())
    }
}

struct BatchLoaderTests {
    @Test func givesEveryImageOnceInOrder() throws {
        try withCIFAR { split in
            let loader = try BatchLoader(split, for: input, options: options(4), epochs: 2)
            #expect(loader.batchesPerEpoch == 3)
            let batches = try all(loader)
            #expect(batches.flatMap(\.indices) == Array(0..<10) + Array(0..<10))
            #expect(batches.map(\.count) == [4, 4, 2, 4, 4, 2])
            #expect(batches.map(\.position.epoch) == [0, 0, 0, 1, 1, 1])
            #expect(batches[1].labels == [4, 5, 6, 7])
            #expect(batches[2].images.shape == [2, 3, 32, 32])
            let pixels = try split.image(9).elements(as: UInt8.self).map { Float($0) / 255 }
            #expect(try Array(batches[2].images.elements(as: Float.self).suffix(3072)) == pixels)
            #expect(try loader.next() == nil)
        }
    }

    @Test func leavesOutWhatFillsNoBatch() throws {
        try withCIFAR { split in
            let batches = try all(BatchLoader(split, for: input, options: options(4, shuffles: true, remainder: .dropped), epochs: 3))
            #expect(batches.map(\.count) == [Int](repeating: 4, count: 6))
            #expect(failure { _ = try BatchLoader(split, for: input, options: options(11, remainder: .dropped), epochs: 1) }
                .contains("the batch size is 11, but there are only 10 images"))
        }
    }

    @Test func everyEpochHasAnOrderOfItsOwn() throws {
        try withCIFAR { split in
            let batches = try all(BatchLoader(split, for: input, options: options(10, shuffles: true), epochs: 3))
            #expect(batches.allSatisfy { $0.indices.sorted() == Array(0..<10) })
            #expect(Set(batches.map(\.indices)).count == 3)
            #expect(batches.allSatisfy { batch in batch.labels == batch.indices.map { split.labels[$0] } })
        }
    }

    /// Threads and the place where a run was interrupted change nothing.
    @Test func batchesDependOnThePositionOnly() throws {
        try withCIFAR { split in
            let augment = "flip,rotate=15,crop=4,cutout=8,jitter=0.2"
            let one = try all(BatchLoader(split, for: input, options: options(3, shuffles: true, augment: augment), epochs: 4))
            let many = try all(BatchLoader(split, for: input, options: options(3, shuffles: true, augment: augment, threads: 4), epochs: 4))
            #expect(one.count == 16)
            #expect(one.map(\.indices) == many.map(\.indices))
            #expect(one.map(\.images) == many.map(\.images))
            #expect(one[0].images != one[4].images)

            let interrupted = try BatchLoader(split, for: input, options: options(3, shuffles: true, augment: augment), epochs: 4)
            for _ in 0..<6 { _ = try interrupted.next() }
            let position = interrupted.position
            #expect(position == .init(epoch: 1, batch: 2))
            interrupted.cancel()
            #expect(try interrupted.next() == nil)
            let resumed = try BatchLoader(
                split, for: input, options: options(3, shuffles: true, augment: augment), epochs: 4, from: position)
            #expect(try all(resumed).map(\.images) == one[6...].map(\.images))
            #expect(throws: CleaveError.self) {
                try BatchLoader(split, for: input, options: options(3), epochs: 4, from: .init(epoch: 0, batch: 4))
            }
        }
    }

    @Test func reusedMemoryDoesNotChangeBatchesThatAreKept() throws {
        try withCIFAR { split in
            let loader = try BatchLoader(split, for: input, options: options(2, augment: "crop=3"), epochs: 30)
            let kept = try #require(try loader.next())
            let copy = try kept.images.elements(as: Float.self)
            while try loader.next() != nil {}
            #expect(try kept.images.elements(as: Float.self) == copy)
        }
    }

    @Test func putsChannelsWhereTheModelWantsThem() throws {
        try withCIFAR { split in
            let nhwc = ImageInput(name: "x", layout: .nhwc, channels: 3, height: 32, width: 32, batch: nil)
            let batch = try #require(try BatchLoader(split, for: nhwc, options: options(2), epochs: 1).next())
            #expect(batch.images.shape == [2, 32, 32, 3])
            let pixels = try split.image(1).elements(as: UInt8.self)
            let values = try batch.images.elements(as: Float.self)
            #expect(values[3072 + 3 * 40 + 2] == Float(pixels[2 * 1024 + 40]) / 255)
        }
    }

    @Test func fitsImagesToTheModel() throws {
        try withFolder { folder in
            try writeImageFolder(to: folder)
            let split = try Dataset(DatasetSpecification(.folder, folder)).loadTraining()
            let batch = try #require(try BatchLoader(split, for: input, options: options(9), epochs: 1).next())
            #expect(batch.images.shape == [4, 3, 32, 32])
            #expect(batch.labels == [0, 0, 1, 1])
            let open = ImageInput(name: "x", layout: .nchw, channels: 3, height: nil, width: nil, batch: nil)
            let error = failure { _ = try BatchLoader(split, for: open, options: options(2), epochs: 1) }
            #expect(error.contains("leaves the size of its images open"))
        }
    }
}

struct UnreadableImageTests {
    /// Four images, the second of which is damaged.
    private func withDamagedFolder(_ body: (DatasetSplit) throws -> Void) throws {
        try withFolder { folder in
            try writeImageFolder(to: folder)
            try write(Array(fixture("colours.png").prefix(200)), to: folder + "/cat/2.PNG")
            try body(Dataset(DatasetSpecification(.folder, folder)).loadTraining())
        }
    }

    @Test func stopTheLoaderOnce() throws {
        try withDamagedFolder { split in
            let loader = try BatchLoader(split, for: input, options: options(1), epochs: 2)
            #expect(try loader.next()?.indices == [0])
            #expect(failure { _ = try loader.next() }.contains("cat/2.PNG: the PNG image cannot be decoded"))
            #expect(try loader.next() == nil)
        }
    }

    @Test func areLeftOutOrReplacedWhenSkipped() throws {
        try withDamagedFolder { split in
            let kept = try BatchLoader(split, for: input, options: options(1, skips: true), epochs: 2)
            #expect(try all(kept).flatMap(\.indices) == [0, 2, 3, 0, 2, 3])
            #expect(kept.unreadable.map(\.index) == [1])
            #expect(kept.unreadable[0].error.location.file?.hasSuffix("cat/2.PNG") == true)
            let full = try BatchLoader(split, for: input, options: options(2, remainder: .dropped, skips: true), epochs: 1)
            #expect(try all(full).map(\.indices) == [[0, 2], [2, 3]])
        }
    }

    @Test func areAllThereIs() throws {
        try withFolder { folder in
            try write(Array("x".utf8), to: folder + "/cat/1.jpg")
            let split = try Dataset(DatasetSpecification(.folder, folder)).loadTraining()
            let full = try BatchLoader(split, for: input, options: options(1, remainder: .dropped, skips: true), epochs: 1)
            #expect(failure { _ = try full.next() }.contains("cat/1.jpg: the file is neither"))
            #expect(try BatchLoader(split, for: input, options: options(1, skips: true), epochs: 1).next() == nil)
        }
    }
}

struct StatisticsTests {
    @Test func agreeWithTheFormulas() throws {
        try withCIFAR { split in
            let statistics = try DatasetStatistics(of: split)
            #expect(statistics.count == 10)
            #expect(statistics.classCounts == [Int](repeating: 1, count: 10))
            #expect(statistics.height == .init(smallest: 32, largest: 32))
            for channel in 0..<3 {
                let pixels = try (0..<10).flatMap { try split.image($0).elements(as: UInt8.self)[channel * 1024..<(channel + 1) * 1024] }
                let mean = Double(pixels.reduce(0) { $0 + Int($1) }) / 10240
                let variance = pixels.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 10240
                #expect(abs(statistics.mean[channel] - mean) < 1e-9)
                #expect(abs(statistics.deviation[channel] - variance.squareRoot()) < 1e-9)
            }
        }
    }

    @Test func countWhatCannotBeRead() throws {
        try withFolder { folder in
            try writeImageFolder(to: folder)
            try write([0xFF, 0xD8, 0xFF, 0xD9], to: folder + "/cat/3.jpg")
            let split = try Dataset(DatasetSpecification(.folder, folder)).loadTraining()
            let statistics = try DatasetStatistics(of: split)
            #expect(statistics.unreadable.map(\.index) == [2])
            #expect(statistics.classCounts == [3, 2])
            #expect(statistics.channels.map(\.channels) == [1, 3] && statistics.channels.map(\.count) == [1, 3])
            #expect(statistics.width == .init(smallest: 34, largest: 140))
            #expect(statistics.mean.count == 3)
            let sheet = folder + "/sheet.png"
            try ContactSheet(of: split).write(png: sheet)
            let image = try DecodedImage(contentsOf: sheet)
            // Two rows of up to three images of 34×21, twice as large, in squares.
            #expect(image.shape == ImageShape(channels: 3, height: 2 + 2 * 70, width: 2 + 3 * 70))
            let white = image.samples.count { $0 == 255 }
            #expect(white > 70 * 70 * 3 && white < image.samples.count)
        }
    }
}
