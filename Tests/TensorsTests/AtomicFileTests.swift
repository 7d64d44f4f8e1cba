import Foundation
import Testing

@testable import Tensors

@Suite struct AtomicFileTests {
    struct Interruption: Error {}

    @Test func replacesContents() throws {
        try Fixture.withTemporaryFolder { folder in
            let path = folder + "/file"
            try AtomicFile.write(Array("old".utf8), to: path)
            try AtomicFile.write(Array("new contents".utf8), to: path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "new contents")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        }
    }

    /// What a process leaves that is killed between the two changes of names.
    @Test func takesAwayWhatAKilledWriterLeft() throws {
        try Fixture.withTemporaryFolder { folder in
            let path = folder + "/" + String(repeating: "n", count: 255)
            try AtomicFile.write(Array("old".utf8), to: path)
            try Data("of the killed one".utf8).write(to: URL(fileURLWithPath: AtomicFile.passage(to: path)))
            try AtomicFile.write(Array("new contents".utf8), to: path)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "new contents")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [FilePath.name(of: path)])
        }
    }

    @Test func keepsTheOldContentsWhenTheWriterThrows() throws {
        try Fixture.withTemporaryFolder { folder in
            let path = folder + "/file"
            try AtomicFile.write(Array("old".utf8), to: path)
            #expect(throws: Interruption.self) {
                try AtomicFile.replace(path) { descriptor in
                    try Array("half".utf8).withUnsafeBytes { try AtomicFile.append($0, to: descriptor, path: path) }
                    throw Interruption()
                }
            }
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        }
    }

    @Test func leavesNothingWhenTheFirstWriteThrows() throws {
        try Fixture.withTemporaryFolder { folder in
            #expect(throws: Interruption.self) { try AtomicFile.replace(folder + "/file") { _ in throw Interruption() } }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(files.isEmpty)
        }
    }

    @Test(arguments: [true, false])
    func theTargetAppearsWhenItIsComplete(namelessly: Bool) throws {
        try Fixture.withTemporaryFolder { folder in
            func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
            for contents in ["first", "second"] {
                let before = try names()
                try AtomicFile.replace(
                    [(folder + "/file", { descriptor in
                        try Array(contents.utf8).withUnsafeBytes { try AtomicFile.append($0, to: descriptor, path: "file") }
                        #expect(try names().count == before.count + (namelessly ? 0 : 1))
                    })], namelessly: namelessly) {}
                #expect(try String(contentsOfFile: folder + "/file", encoding: .utf8) == contents)
                #expect(try names() == ["file"])
            }
        }
    }

    @Test(arguments: [true, false])
    func severalFilesAreReplacedTogetherOrNotAtAll(namelessly: Bool) throws {
        try Fixture.withTemporaryFolder { folder in
            func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
            let fill: (Int32) throws -> Void = { descriptor in
                try Array("x".utf8).withUnsafeBytes { try AtomicFile.append($0, to: descriptor, path: "x") }
            }
            var seen: [[String]] = []
            try AtomicFile.replace([(folder + "/a", fill), (folder + "/b", fill)], namelessly: namelessly) {
                seen.append(try names().filter { !$0.hasPrefix(".") })
            }
            #expect(seen == [["a"], ["a", "b"]])
            let failing: (Int32) throws -> Void = { _ in throw Interruption() }
            #expect(throws: Interruption.self) {
                try AtomicFile.replace([(folder + "/c", fill), (folder + "/d", failing)], namelessly: namelessly) {}
            }
            #expect(throws: Interruption.self) {
                try AtomicFile.replace([(folder + "/e", fill), (folder + "/f", fill)], namelessly: namelessly) { throw Interruption() }
            }
            #expect(try names() == ["a", "b"])
        }
    }

    @Test func writesThroughLinksAndKeepsPermissions() throws {
        try Fixture.withTemporaryFolder { folder in
            let target = folder + "/target"
            let link = folder + "/link"
            try AtomicFile.write(Array("old".utf8), to: target)
            #expect(chmod(target, 0o640) == 0)
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
            try AtomicFile.write(Array("new".utf8), to: link)
            #expect(try String(contentsOfFile: target, encoding: .utf8) == "new")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == target)
            let permissions = try FileManager.default.attributesOfItem(atPath: target)[.posixPermissions] as? Int
            #expect(permissions == 0o640)
        }
    }

    @Test func refusesFoldersAndMissingFolders() throws {
        try Fixture.withTemporaryFolder { folder in
            expectError(.file, containing: "not a regular file") { try AtomicFile.write([UInt8](), to: folder) }
            expectError(.file, containing: "no such file") { try AtomicFile.write([UInt8](), to: folder + "/none/file") }
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
    func refusesReadOnlyFolders() throws {
        try Fixture.withTemporaryFolder { folder in
            #expect(chmod(folder, 0o555) == 0)
            defer { chmod(folder, 0o755) }
            expectError(.file, containing: "permission denied") { try AtomicFile.write([UInt8](), to: folder + "/file") }
        }
    }

    @Test func readsFilesIntoStorage() throws {
        try Fixture.withTemporaryFolder { folder in
            try AtomicFile.write([1, 2, 3] as [UInt8], to: folder + "/file")
            let storage = try TensorStorage(contentsOf: folder + "/file")
            #expect(withExtendedLifetime(storage) { Array(storage.bytes) } == [1, 2, 3])
            try AtomicFile.write([UInt8](), to: folder + "/empty")
            #expect(try TensorStorage(contentsOf: folder + "/empty").bytes.isEmpty)
            expectError(.file, containing: "not a regular file") { try TensorStorage(contentsOf: folder) }
            expectError(.file, containing: "cannot open") { try TensorStorage(contentsOf: folder + "/none") }
        }
    }
}
