import Testing

@testable import Tensors

@Suite struct FilePathTests {
    @Test(arguments: [
        ("x", ".", "x"), ("-", ".", "-"), ("/x", "/", "x"), ("a/", "a", ""), ("a/b.onnx", "a", "b.onnx"), ("/a/b", "/a", "b"),
        ("", ".", ""), ("ä/ü", "ä", "ü"),
    ])
    func splitsAtTheLastSlash(path: String, folder: String, name: String) {
        #expect(FilePath.folder(of: path) == folder)
        #expect(FilePath.name(of: path) == name)
    }

    @Test func aFolderIsNoFileToWrite() {
        #expect(throws: CleaveError.self) { try AtomicFile.checkWritable("no-such-folder/") }
    }
}
