import Foundation
import Testing

struct BadInputTests {
    /// Prefixes of a model are no models; the exhaustive test is the importer's, this one is about the command.
    @Test(arguments: [0, 1, 7, 100, 1_000, 10_007, 100_003, 229_000])
    func truncatedModels(length: Int) throws {
        try withTemporaryFolder { folder in
            let model = folder.appendingPathComponent("short.onnx")
            try Data(contentsOf: URL(fileURLWithPath: Command.fixture)).prefix(length).write(to: model)
            let result = try Command.run("convert", "short.onnx", "--form", "spatial", "-o", "out.onnx", in: folder)
            #expect(result.status == 3)
            #expect(result.output.isEmpty)
            #expect(result.errors.hasPrefix("error: short.onnx: "), "\(result.errors)")
            #expect(result.errors.split(separator: "\n").count <= 2)
            #expect(try names(in: folder) == ["short.onnx"])
        }
    }

    @Test func aFailedCommandLeavesTheOldFile() throws {
        try withTemporaryFolder { folder in
            let old = Data("precious".utf8)
            try old.write(to: folder.appendingPathComponent("out.onnx"))
            try Data("not a model".utf8).write(to: folder.appendingPathComponent("in.onnx"))
            let result = try Command.run("fold", "in.onnx", "-o", "out.onnx", in: folder)
            #expect(result.status == 3)
            #expect(try Data(contentsOf: folder.appendingPathComponent("out.onnx")) == old)
            #expect(try names(in: folder) == ["in.onnx", "out.onnx"])
        }
    }

    @Test func inputsThatDoNotFitAreNamed() throws {
        try withTemporaryFolder { folder in
            try Data("PK".utf8).write(to: folder.appendingPathComponent("bad.npz"))
            try Data("x".utf8).write(to: folder.appendingPathComponent("bad.txt"))
            let archive = try Command.run("run", Command.fixture, "--inputs", "bad.npz", in: folder)
            #expect(archive.status == 3)
            #expect(archive.errors.hasPrefix("error: bad.npz: "))
            let other = try Command.run("run", Command.fixture, "--inputs", "bad.txt", in: folder)
            #expect(other.status == 3)
            #expect(other.errors.contains("expected arrays in a file that ends in .npz, .npy or .pb"))
            let shape = try Command.run("verify", Command.fixture, Command.fixture, "--shape", "image=1x3x32x32")
            #expect(shape.status == 3)
            #expect(
                shape.errors == """
                    error: \(Command.fixture): a shape is given for 'image', but the input is 'input'
                           `cleave inspect` lists the inputs with their types

                    """)
        }
    }

    @Test func namesOutOfAFileCannotBreakTheLine() throws {
        try withTemporaryFolder { folder in
            // A Conv whose name and second operand, which nothing makes, have an escape character and a line break in them.
            let model = "CAg6bQouCgF4Cgxub3BlG1sySgpmb28SAXkaEmV2aWwbWzMxbXJlZApsaW5lMiIEQ29udhIBZ1obCgF4EhYKFAgBEhAKAggBCgIIBAoC"
                + "CAgKAggIYhsKAXkSFgoUCAESEAoCCAEKAggECgIICAoCCAhCBAoAEBE="
            try #require(Data(base64Encoded: model)).write(to: folder.appendingPathComponent("m.onnx"))
            for path in ["m.onnx", "line\nbreak\u{1B}[2J.onnx"] {
                let result = try Command.run("inspect", path, in: folder)
                #expect(result.status == 3)
                #expect(result.errors.hasPrefix("error: " + (path == "m.onnx" ? "m.onnx: node 'evil\\u{1B}[31mred\\nline2' (Conv): tensor "
                    + "'nope\\u{1B}[2J\\nfoo': nothing makes" : "line\\nbreak\\u{1B}[2J.onnx: cannot open")))
                #expect(!result.errors.contains("\u{1B}") && result.errors.split(separator: "\n").count == 2)
            }
        }
    }
}
