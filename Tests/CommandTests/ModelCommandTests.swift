import Cleave
import Foundation
import Testing

/// Every command on a fixture, as its help text promises.
struct ModelCommandTests {
    @Test func inspectCounts() throws {
        let text = try Command.run("inspect", Command.fixture)
        #expect(text.status == 0)
        #expect(text.errors.isEmpty)
        #expect(text.output.contains("54,602"))
        #expect(text.output.contains("15 convolutions"))
        #expect(!text.output.contains("\u{1B}"))
        let json = try Command.run("inspect", Command.fixture, "--json").json()
        #expect(json["parameters"] as? Int == 54_602)
        #expect(json["multiply_accumulates"] as? Int == 17_548_544)
        #expect(json["file_bytes"] as? Int == (try Data(contentsOf: URL(fileURLWithPath: Command.fixture))).count)
        let convolutions = try #require(json["separable_convolutions"] as? [[String: Any]])
        #expect(convolutions.compactMap { $0["node"] as? String }.first == "conv1_conv")
        #expect(convolutions.count == 5)
        let forms = try #require(json["forms"] as? [[String: Any]])
        #expect(forms.compactMap { $0["form"] as? String } == ["spatial", "depthwise"])
        #expect(forms.compactMap { $0["parameters"] as? Int } == [46_922, 34_986])
        #expect(json["layers"] == nil)
        let layers = try Command.run("inspect", Command.fixture, "--json", "--layers").json()["layers"] as? [[String: Any]]
        #expect(layers?.count == 50)
    }

    @Test func inspectTakesShapesAndSeveralModels() throws {
        let large = try Command.run("inspect", Command.fixture, "--shape", "input=2x3x32x32", "--json").json()
        #expect(large["multiply_accumulates"] as? Int == 2 * 17_548_544)
        let refused = try Command.run("inspect", Command.fixture, "--shape", "input=1x4x32x32")
        #expect(refused.status == 3)
        #expect(refused.errors.hasPrefix("error: \(Command.fixture): "))
        let several = try Command.run("inspect", Command.fixture, Command.fixture)
        #expect(several.output.split(separator: "\n").count == 3)
    }

    @Test func convertWritesASmallerModel() throws {
        try withTemporaryFolder { folder in
            let result = try Command.run("convert", Command.fixture, "--form", "depthwise", "-o", "small.onnx", in: folder)
            #expect(result.status == 0)
            #expect(result.errors.isEmpty)
            #expect(result.output.contains("rewritten     4   3×3 → 3×3 depthwise, 1×1"))
            #expect(result.output.contains("10   kernel is already 1×1"))
            #expect(result.output.contains("1   conv1_conv: not inside a residual block (--scope all would take it)"))
            #expect(try names(in: folder) == ["small.onnx"])
            let graph = try Graph(onnx: folder.appendingPathComponent("small.onnx").path)
            #expect(try graph.cost(assuming: [:]).parameters == 34_986)
            #expect(graph.faults.isEmpty)
        }
    }

    @Test func convertReportsEverythingAsJSON() throws {
        try withTemporaryFolder { folder in
            let json = try Command.run(
                "convert", Command.fixture, "--form", "spatial", "--rank", "4", "--scope", "all", "-o", "small.onnx", "--json", in: folder
            ).json()
            let layers = try #require(json["layers"] as? [[String: Any]])
            #expect(layers.count == 5)
            #expect(layers.allSatisfy { $0["rank"] as? Int == 4 })
            let before = try #require(json["before"] as? [String: Any]), after = try #require(json["after"] as? [String: Any])
            #expect(before["parameters"] as? Int == 54_602)
            let written = try Graph(onnx: folder.appendingPathComponent("small.onnx").path)
            #expect(after["parameters"] as? Int == (try written.cost(assuming: [:]).parameters))
        }
    }

    @Test func convertIsQuietOnRequest() throws {
        try withTemporaryFolder { folder in
            let result = try Command.run(
                "convert", Command.fixture, "--form", "spatial", "--initialize", "random", "--seed", "3", "-o", "x.onnx", "--quiet",
                in: folder)
            #expect(result.status == 0)
            #expect(result.output.isEmpty)
            #expect(result.errors.isEmpty)
        }
    }

    @Test func inputAndOutputMayBeTheSameFile() throws {
        try withTemporaryFolder { folder in
            let model = folder.appendingPathComponent("model.onnx")
            try FileManager.default.copyItem(atPath: Command.fixture, toPath: model.path)
            let result = try Command.run("fold", "model.onnx", "-o", "model.onnx", in: folder)
            #expect(result.status == 0)
            #expect(result.output.contains("batch norms folded into the layer before them"))
            #expect(try names(in: folder) == ["model.onnx"])
            #expect(try Command.run("verify", Command.fixture, model.path, "--samples", "1").status == 0)
        }
    }

    @Test func verifySaysEqualAndDifferent() throws {
        try withTemporaryFolder { folder in
            _ = try Command.run("convert", Command.fixture, "--form", "depthwise", "--exact", "-o", "same.onnx", in: folder)
            _ = try Command.run("convert", Command.fixture, "--form", "depthwise", "-o", "other.onnx", in: folder)
            let same = try Command.run("verify", Command.fixture, "same.onnx", "--samples", "2", in: folder)
            #expect(same.status == 0)
            #expect(same.output.contains("\nEQUAL (max relative error "))
            let other = try Command.run("verify", Command.fixture, "other.onnx", "--samples", "1", "--layers", in: folder)
            #expect(other.status == 1)
            #expect(other.errors.isEmpty)
            #expect(other.output.contains("\nDIFFERENT: first at layer conv2_block1_2_conv, "))
            let json = try Command.run("verify", Command.fixture, "other.onnx", "--samples", "1", "--layers", "--json", in: folder)
            #expect(json.status == 1)
            #expect(try json.json()["verdict"] as? String == "DIFFERENT")
            #expect(try json.json()["first_different_layer"] as? String == "conv2_block1_2_conv")
            let tolerant = try Command.run("verify", Command.fixture, "other.onnx", "--samples", "1", "--rtol", "1", "--quiet", in: folder)
            #expect(tolerant.status == 0)
            #expect(tolerant.output.isEmpty)
        }
    }

    @Test func samplesOfAFileAreTheFirstOnes() throws {
        try withTemporaryFolder { folder in
            let graph = try Graph(onnx: Command.fixture)
            let images = try #require(try randomInputs(for: graph, shapes: InputShapes(batch: 2), seed: 1, index: 0)["input"])
            try NumpyArchive([.init(name: "input", tensor: images)]).write(to: folder.appendingPathComponent("in.npz").path)
            func samples(_ options: String...) throws -> CommandResult {
                try Command.run(["verify", Command.fixture, Command.fixture, "--inputs", "in.npz", "--json"] + options, in: folder)
            }
            #expect(try samples().json()["samples"] as? Int == 1)
            #expect(try samples("--batch", "1").json()["samples"] as? Int == 2)
            #expect(try samples("--batch", "1", "--samples", "1").json()["samples"] as? Int == 1)
            let surplus = try samples("--batch", "1", "--samples", "3")
            #expect(surplus.status == 3)
            #expect(surplus.errors.hasPrefix("error: in.npz: --samples is 3, but there are 2 in the file\n"))
        }
    }

    @Test func elementTypesThatDoNotFitSayWhatToDo() throws {
        try withTemporaryFolder { folder in
            let image = try Tensor(repeating: 0, shape: [1, 3, 32, 32], as: .float64)
            try NumpyArchive([.init(name: "input", tensor: image)]).write(to: folder.appendingPathComponent("in.npz").path)
            let result = try Command.run("run", Command.fixture, "--inputs", "in.npz", in: folder)
            #expect(result.status == 3)
            #expect(
                result.errors == """
                    error: \(Command.fixture): tensor 'input': the input has elements of float64, expected float32
                           convert the array first: array.astype('float32') in NumPy

                    """)
        }
    }

    @Test func buildSaysWhatItWrote() throws {
        try withTemporaryFolder { folder in
            let result = try Command.run("build", "resnet20", "-o", "r.onnx", in: folder)
            #expect(result.output.contains(/\nr\.onnx written, 1\.10 MB, .*s\n$/))
            let warned = try Command.run("convert", "r.onnx", "--form", "spatial", "--rank", "500", "-o", "s.onnx", in: folder)
            #expect(warned.status == 0)
            #expect(warned.output.contains("warning: rank 500 is above the full rank of 18 convolutions, 48 to 192"))
        }
    }

    @Test func verifyRefusesToCompareNothing() throws {
        try withTemporaryFolder { folder in
            let other = folder.appendingPathComponent("other.onnx").path
            var graph = Graph(name: "other", opset: 17)
            try graph.edit { editor in
                let input = try editor.addInput("input", type: .tensor(TensorType(.float32, [.named("N"), 3, 32, 32])))
                let output = try editor.insertSingle(
                    .identity(Identity()), inputs: [input], output: .new(name: "elsewhere"), name: "copy", before: nil, origin: nil)
                editor.setOutputs([output, input])
            }
            try graph.write(onnx: other)
            let result = try Command.run("verify", Command.fixture, other)
            #expect(result.status == 3)
            #expect(result.errors.hasPrefix("error: no output is in common: \(Command.fixture) has 'predictions', "))
            #expect(
                result.errors.contains(
                    "other.onnx 'elsewhere', 'input'\n       outputs are compared by name: rename those of one model\n"))
        }
    }

    @Test func checkFindsFaults() throws {
        #expect(try Command.run("check", Command.fixture).output.hasSuffix("\nSOUND\n"))
        #expect(try Command.run("check", Command.fixture).status == 0)
        try withTemporaryFolder { folder in
            let damaged = folder.appendingPathComponent("damaged.onnx")
            try Data(contentsOf: URL(fileURLWithPath: Command.fixture)).prefix(100_000).write(to: damaged)
            let result = try Command.run("check", damaged.path)
            #expect(result.status == 1)
            #expect(result.output.hasSuffix("\nFAULTY: 1 fault\n"))
            #expect(try Command.run("check", damaged.path, "--json").json()["verdict"] as? String == "FAULTY")
        }
    }

    @Test func runWritesOutputsAndComparesThem() throws {
        try withTemporaryFolder { folder in
            let input = try randomInputs(
                for: try Graph(onnx: Command.fixture), shapes: InputShapes(batch: 3), seed: 5, index: 0)["input"]
            let image = try #require(input)
            try NumpyArchive([.init(name: "image", tensor: image)]).write(to: folder.appendingPathComponent("in.npz").path)
            let first = try Command.run("run", Command.fixture, "--inputs", "in.npz", "-o", "out.npz", in: folder)
            #expect(first.status == 0)
            let output = try #require(try NumpyArchive(contentsOf: folder.appendingPathComponent("out.npz").path)["predictions"])
            #expect(output.shape == [3, 10])
            try NumpyArchive([.init(name: "input", tensor: image), .init(name: "predictions", tensor: output)])
                .write(to: folder.appendingPathComponent("both.npz").path)
            let second = try Command.run("run", Command.fixture, "--inputs", "both.npz", "--batch", "1", in: folder)
            #expect(second.status == 0)
            #expect(second.output.contains("3 samples"))
            #expect(second.output.contains("EQUAL"))
            let wrong = try Tensor(repeating: 0, shape: [3, 10], as: .float32)
            try NumpyArchive([.init(name: "input", tensor: image), .init(name: "predictions", tensor: wrong)])
                .write(to: folder.appendingPathComponent("wrong.npz").path)
            let third = try Command.run("run", Command.fixture, "--inputs", "wrong.npz", in: folder)
            #expect(third.status == 1)
            #expect(third.output.contains("DIFFERENT"))
        }
    }

    /// Keras's counts, and those of the paper's networks (Keras's batch norms have 45,440 statistics that are not trained).
    @Test func resNet50V2HasItsKnownCounts() throws {
        try withTemporaryFolder { folder in
            let built = try Command.run("build", "resnet50v2", "--classes", "10", "--input", "3x32x32", "-o", "r.onnx", in: folder)
            #expect(built.status == 0)
            let text = try Command.run("inspect", "r.onnx", in: folder).output
            for count in ["23,585,290", "23,539,850", "19,767,434", "13,514,058"] { #expect(text.contains(count), "\(count)") }
            let forms = try Command.run("inspect", "r.onnx", "--json", in: folder).json()["forms"] as? [[String: Any]]
            #expect(forms?.compactMap { $0["convolutions"] as? Int } == [16, 16])
            #expect(forms?.compactMap { $0["parameters"] as? Int } == [19_767_434 + 45_440, 13_514_058 + 45_440])
        }
    }

    @Test func buildIsTheSameInTwoProcesses() throws {
        try withTemporaryFolder { folder in
            for (name, seed) in [("a", "1"), ("b", "1"), ("c", "2")] {
                let result = try Command.run(
                    "build", "resnet14v2", "--classes", "10", "--input", "3x32x32", "--seed", seed, "-o", name + ".onnx", in: folder)
                #expect(result.status == 0)
                _ = try Command.run("convert", name + ".onnx", "--form", "spatial", "-o", name + "-small.onnx", in: folder)
                _ = try Command.run("fold", name + ".onnx", "-o", name + "-folded.onnx", in: folder)
            }
            func bytes(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }
            for suffix in [".onnx", "-small.onnx", "-folded.onnx"] {
                #expect(try bytes("a" + suffix) == bytes("b" + suffix))
                #expect(try bytes("a" + suffix) != bytes("c" + suffix))
            }
            #expect(try bytes("a.onnx") == Data(contentsOf: URL(fileURLWithPath: Command.fixture)))
        }
    }
}
