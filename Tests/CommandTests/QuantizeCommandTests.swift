import Cleave
import Foundation
import Testing

/// `cleave quantize` and `cleave calibrate`, on a fixture and arrays made here.
struct QuantizeCommandTests {
    /// Arrays for the fixture's input, with a value that is not a number in one of the samples where asked for.
    private func writeInputs(to folder: URL, name: String = "data.npz", count: Int = 8, badSample: Int? = nil) throws {
        var random = SeededRandom(seed: 2)
        var values = (0..<count * 3072).map { _ in Float(random.uniform(-1, 1)) }
        if let badSample { values[badSample * 3072 + 5] = .nan }
        let tensor = try Tensor(values, shape: [count, 3, 32, 32])
        try NumpyArchive([.init(name: "input", tensor: tensor)]).write(to: folder.appendingPathComponent(name).path)
    }

    @Test func quantizeWritesAnIntegerModel() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder)
            let result = try Command.run("quantize", Command.fixture, "--inputs", "data.npz", "-o", "int8.onnx", in: folder)
            #expect(result.status == 0)
            #expect(result.errors.isEmpty)
            #expect(result.output.contains("operators made integer ones"))
            #expect(result.output.contains("batch norms made depthwise 1×1 convolutions"))
            #expect(result.output.contains("Softmax has no integer form"))
            #expect(try names(in: folder) == ["data.npz", "int8.onnx"])
            let path = folder.appendingPathComponent("int8.onnx").path
            let size = try Data(contentsOf: URL(fileURLWithPath: path)).count
            #expect(size < (try Data(contentsOf: URL(fileURLWithPath: Command.fixture))).count / 2)
            let graph = try Graph(onnx: path), original = try Graph(onnx: Command.fixture)
            #expect(graph.inputs.map { graph[$0].name } == original.inputs.map { original[$0].name })
            #expect(graph.outputs.map { graph[$0].type } == original.outputs.map { original[$0].type })
            // The same command gives the same bytes.
            let first = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(
                try Command.run("quantize", Command.fixture, "--inputs", "data.npz", "-o", "int8.onnx", "--quiet", in: folder).status == 0)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)

            let inspected = try Command.run("inspect", "int8.onnx", "--json", in: folder).json()
            let integers = try #require(inspected["integers"] as? [[String: Any]])
            #expect(integers.compactMap { $0["target"] as? String } == ["onnxruntime", "tensorrt", "openvino", "tflite"])
            #expect((integers[0]["float"] as? [Any])?.isEmpty == true)
            #expect((integers[1]["float"] as? [Any])?.isEmpty == false)
            let lint = try Command.run("inspect", "int8.onnx", "--target", "tensorrt", in: folder)
            #expect(lint.output.contains("quantize for it: --target tensorrt"))

            let again = try Command.run("quantize", "int8.onnx", "--inputs", "data.npz", "-o", "twice.onnx", in: folder)
            #expect(again.status == 3)
            #expect(again.errors.hasPrefix("error: int8.onnx: the model is quantized already"))
            #expect(try names(in: folder) == ["data.npz", "int8.onnx"])
        }
    }

    @Test func biasesAreCorrected() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder)
            var files: Set<Data> = []
            for how in [[], ["--correct-bias", "analytic"], ["--correct-bias", "batch-norm"], ["--correct-bias", "empirical"]] {
                let result = try Command.run(
                    ["quantize", Command.fixture, "--inputs", "data.npz", "-o", "int8.onnx", "--quiet"] + how, in: folder)
                #expect(result.status == 0, "\(result.errors)")
                files.insert(try Data(contentsOf: folder.appendingPathComponent("int8.onnx")))
            }
            #expect(files.count == 4)
            let plain = Command.fixture.replacingOccurrences(of: "resnet14v2", with: "fashion-resnet8")
            #expect(try Command.run("fold", plain, "-o", "folded.onnx", "--quiet", in: folder).status == 0)
            let folded = try Command.run(
                "quantize", "folded.onnx", "--inputs", "data.npz", "--correct-bias", "batch-norm", "-o", "b.onnx", in: folder)
            #expect(folded.status == 3)
            #expect(folded.errors.hasPrefix("error: folded.onnx: the model has no batch norms"))
            #expect(try Command.run("calibrate", Command.fixture, "--inputs", "data.npz", "-o", "a.json", in: folder).status == 0)
            let blind = try Command.run(
                "quantize", Command.fixture, "--ranges", "a.json", "--correct-bias", "empirical", "-o", "b.onnx", in: folder)
            #expect(blind.status != 0 && blind.errors.contains("give --calibration or --inputs instead of --ranges"))
            let integers = try Command.run(
                "quantize", Command.fixture, "--inputs", "data.npz", "--correct-bias", "empirical", "--integer-io", "-o", "io.onnx",
                in: folder)
            #expect(integers.status == 0, "\(integers.errors)")
        }
    }

    @Test func rangesAreRecordedMergedAndReused() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder)
            for name in ["a.json", "b.json"] {
                let result = try Command.run("calibrate", Command.fixture, "--inputs", "data.npz", "-o", name, in: folder)
                #expect(result.status == 0)
                #expect(result.output.contains("8 samples"))
            }
            func file(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }
            #expect(try file("a.json") == file("b.json"))
            let arguments = ["quantize", Command.fixture, "--method", "entropy", "--json"]
            for (name, more) in [
                ("direct.onnx", ["--inputs", "data.npz"]), ("one.onnx", ["--ranges", "a.json"]),
                ("two.onnx", ["--ranges", "a.json", "--ranges", "b.json"]),
            ] {
                #expect(try Command.run(arguments + more + ["-o", name], in: folder).status == 0)
            }
            #expect(try file("direct.onnx") == file("one.onnx"))
            let equalized = try Command.run(
                "quantize", Command.fixture, "--ranges", "a.json", "--equalize", "-o", "e.onnx", in: folder)
            #expect(equalized.status == 3)
            #expect(equalized.errors.contains("without equalized layers"))
            try Data("{}".utf8).write(to: folder.appendingPathComponent("broken.json"))
            let broken = try Command.run("quantize", Command.fixture, "--ranges", "broken.json", "-o", "e.onnx", in: folder)
            #expect(broken.status == 3)
            #expect(broken.errors.hasPrefix("error: broken.json: these are no ranges of a calibration: there is no 'format'"))
            for (seed, name) in [("2", "other.onnx"), ("3", "third.onnx")] {
                #expect(try Command.run("build", "resnet14v2", "--seed", seed, "-o", name, "--quiet", in: folder).status == 0)
            }
            #expect(try Command.run("calibrate", "other.onnx", "--inputs", "data.npz", "-o", "o.json", in: folder).status == 0)
            let other = try Command.run("quantize", "third.onnx", "--ranges", "o.json", "-o", "e.onnx", in: folder)
            #expect(other.status == 3)
            #expect(other.errors.hasPrefix("error: third.onnx: the ranges are of another network, or of other weights"))
            let missing = try Command.run("quantize", Command.fixture, "--ranges", "nothere.json", "-o", "e.onnx", in: folder)
            #expect(missing.errors.hasPrefix("error: nothere.json: the ranges cannot be read: no such file or directory"))
        }
    }

    @Test func badSamplesAreNamed() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder, badSample: 3)
            let result = try Command.run("quantize", Command.fixture, "--inputs", "data.npz", "-o", "int8.onnx", in: folder)
            #expect(result.status == 3)
            #expect(result.errors.contains("tensor 'input': the value is not a number for sample 3 of data.npz"))
            #expect(try names(in: folder) == ["data.npz"])
            let shape = try Tensor([Float](repeating: 0, count: 2 * 48), shape: [2, 3, 4, 4])
            try NumpyArchive([.init(name: "input", tensor: shape)]).write(to: folder.appendingPathComponent("small.npz").path)
            #expect(try Command.run("quantize", Command.fixture, "--inputs", "small.npz", "-o", "int8.onnx", in: folder).status == 3)
        }
    }

    @Test func noMoreSamplesThanAskedForAreRun() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder)
            for (more, count) in [(["--samples", "3"], 3), (["--samples", "5", "--batch", "2"], 5), (["--samples", "100"], 8)] {
                let arguments = ["calibrate", Command.fixture, "--inputs", "data.npz", "-o", "r.json", "--json"]
                let result = try Command.run(arguments + more, in: folder)
                #expect(try result.json()["samples"] as? Int == count, "\(more)")
            }
            // A sample that is not run may be bad.
            try writeInputs(to: folder, name: "bad.npz", badSample: 5)
            let good = ["quantize", Command.fixture, "--inputs", "bad.npz", "--samples", "5", "-o", "int8.onnx", "--quiet"]
            #expect(try Command.run(good, in: folder).status == 0)
        }
    }

    @Test func slipsAreNoticed() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder)
            let slip = try Command.run(
                "quantize", Command.fixture, "--inputs", "data.npz", "--exclude", "no/such*", "-o", "int8.onnx", in: folder)
            #expect(slip.status == 3)
            #expect(slip.errors.contains("there is no node 'no/such*' to exclude after folding"))
            let zeros = try Tensor([Float](repeating: 0, count: 2 * 3072), shape: [2, 3, 32, 32])
            try NumpyArchive([.init(name: "input", tensor: zeros)]).write(to: folder.appendingPathComponent("zeros.npz").path)
            let constant = try Command.run("quantize", Command.fixture, "--inputs", "zeros.npz", "-o", "int8.onnx", in: folder)
            #expect(constant.status == 0)
            #expect(constant.output.contains("never changed"))
        }
    }

    @Test func verifySaysWhatQuantizationDid() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder)
            let quantize = ["quantize", Command.fixture, "--inputs", "data.npz", "--quiet", "--integer-io", "-o", "int8.onnx"]
            #expect(try Command.run(quantize, in: folder).status == 0)
            let arguments = ["verify", Command.fixture, "int8.onnx", "--inputs", "data.npz"]
            let close = try Command.run(arguments + ["--sqnr", "10"], in: folder)
            #expect(close.status == 0)
            #expect(close.output.contains("layers in integers that add most noise"))
            #expect(close.output.contains("\nCLOSE ("))
            let strict = try Command.run(arguments + ["--sqnr", "90", "--json"], in: folder)
            #expect(strict.status == 1)
            let json = try strict.json()
            #expect(json["verdict"] as? String == "DIFFERENT")
            let quantization = try #require(json["quantization"] as? [String: Any])
            #expect(quantization["first_bad_layer"] as? String != nil)
            #expect((quantization["layers"] as? [[String: Any]])?.count ?? 0 > 20)
            #expect(try Command.run(arguments + ["--rtol", "1e-7"], in: folder).status == 1)
            #expect(try Command.run(arguments + ["--sqnr", "10", "--atol", "1"], in: folder).status == 2)
        }
    }

    @Test func sensitivityListsLayers() throws {
        try withTemporaryFolder { folder in
            try writeInputs(to: folder)
            let json = try Command.run("quantize", Command.fixture, "--sensitivity", "--inputs", "data.npz", "--json", in: folder).json()
            let layers = try #require(json["layers"] as? [[String: Any]])
            let decibels = layers.compactMap { $0["sqnr_db"] as? Double }
            #expect(decibels.count > 15 && decibels == decibels.sorted())
            #expect(try names(in: folder) == ["data.npz"])
        }
    }

    @Test(arguments: [
        [], ["--ranges", "a.json", "--inputs", "b.npz", "-o", "c.onnx"], ["--inputs", "b.npz"],
        ["--inputs", "b.npz", "--sensitivity", "-o", "c.onnx"], ["--inputs", "b.npz", "--method", "best", "-o", "c.onnx"],
        ["--inputs", "b.npz", "--format", "qoperator", "--target", "tflite", "-o", "c.onnx"],
        ["--inputs", "b.npz", "--keep-accuracy", "1", "-o", "c.onnx"], ["--inputs", "b.npz", "--samples", "0", "-o", "c.onnx"],
        ["--inputs", "b.npz", "--normalize", "unit", "-o", "c.onnx"],
    ])
    func wrongCommandLines(arguments: [String]) throws {
        let result = try Command.run(["quantize", Command.fixture] + arguments)
        #expect(result.status == 2, "\(result.errors)")
    }
}
