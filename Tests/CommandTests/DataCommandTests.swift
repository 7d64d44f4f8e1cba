import Foundation
import Testing

struct DataCommandTests {
    private static let images = Command.repository.appendingPathComponent("fixtures/images")

    /// A folder with the classes `cat` and `dog`.
    private func writeImages(to folder: URL) throws {
        for (name, file) in [("cat/1.jpg", "colours.jpg"), ("cat/2.png", "colours.png"), ("dog/1.jpg", "photo.jpg")] {
            let target = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: Self.images.appendingPathComponent(file), to: target)
        }
    }

    @Test func summarizesAFolder() throws {
        try withTemporaryFolder { folder in
            try writeImages(to: folder.appendingPathComponent("data"))
            let result = try Command.run("data", "summary", "folder:data", "--contact-sheet", "sheet.png", in: folder)
            #expect(result.status == 0)
            #expect(result.errors.isEmpty)
            #expect(result.output.hasPrefix("folder:data · 2 classes · 3 images\n"))
            #expect(result.output.hasSuffix("\nsheet.png written\n"))
            #expect(try Data(contentsOf: folder.appendingPathComponent("sheet.png")).starts(with: [0x89, 0x50, 0x4E, 0x47]))
            let json = try Command.run("data", "summary", "folder:data", "--json", in: folder).json()
            #expect(json["classes"] as? [String] == ["cat", "dog"])
            let split = try #require((json["splits"] as? [[String: Any]])?.first)
            #expect(split["images_per_class"] as? [Int] == [2, 1])
        }
    }

    @Test func namesWhatCannotBeRead() throws {
        try withTemporaryFolder { folder in
            let data = folder.appendingPathComponent("data")
            try writeImages(to: data)
            try Data("no image".utf8).write(to: data.appendingPathComponent("dog/2.jpg"))
            let result = try Command.run("data", "summary", "folder:data", in: folder)
            #expect(result.status == 1)
            #expect(result.output.contains("UNREADABLE: 1 image\n  data/dog/2.jpg: the file is neither a JPEG nor a PNG image"))
        }
    }

    @Test func tellsUsageFromBadData() throws {
        let usage = try Command.run("data", "summary", "fodler:x")
        #expect(usage.status == 2)
        #expect(usage.errors.contains("try folder:x"))
        let missing = try Command.run("data", "summary", "cifar10:/nowhere")
        #expect(missing.status == 3)
        #expect(missing.errors.hasPrefix("error: /nowhere: "))
    }
}
