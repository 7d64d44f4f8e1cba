import Cleave
import Foundation
import Testing

/// `cleave benchmark`, alone and beside a program that stands for ONNX Runtime. No time is looked at.
struct BenchmarkCommandTests {
    private static let witness = Command.repository.appendingPathComponent(".venv-witness/bin/python").path
    private static let witnessIsInstalled = FileManager.default.isExecutableFile(atPath: witness)

    private static let program = Command.repository.appendingPathComponent("fixtures/peer/python.sh").path

    private func checkMeasurement(_ measured: Any?, name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let measured = try #require(measured as? [String: Any], sourceLocation: sourceLocation)
        #expect(measured["name"] as? String == name, sourceLocation: sourceLocation)
        let latency = try #require(measured["latency_seconds"] as? [String: Any], sourceLocation: sourceLocation)
        let times = try ["smallest", "p10", "median", "p90", "largest"].map { try #require(latency[$0] as? Double) }
        #expect(times == times.sorted(), sourceLocation: sourceLocation)
        #expect(times[0] > 0, sourceLocation: sourceLocation)
        #expect(latency["count"] as? Int ?? 0 >= 10, sourceLocation: sourceLocation)
        for key in ["load_seconds", "images_per_second", "gigaflops_per_second", "peak_bytes"] {
            #expect(measured[key] as? Double ?? 0 > 0, "\(key)", sourceLocation: sourceLocation)
        }
    }

    @Test func aloneItMeasuresOneRuntime() throws {
        let json = try Command.run(
            "benchmark", Command.fixture, "--seconds", "0.1", "--batch", "2", "--threads", "1", "--json").json()
        #expect(json["backend"] as? String == "onednn")
        #expect(json["threads"] as? Int == 1)
        #expect(json["batch"] as? Int == 2)
        #expect(json["multiply_accumulates"] as? Int == 2 * 17_548_544)
        #expect(json["against"] is NSNull)
        try checkMeasurement(json["measured"], name: "Cleave")
        let inputs = try #require(json["inputs"] as? [[String: Any]])
        #expect(inputs.first?["shape"] as? [Int] == [2, 3, 32, 32])
        let text = try Command.run("benchmark", Command.fixture, "--seconds", "0.1", "--shape", "input=3x3x32x32")
        #expect(text.status == 0)
        #expect(text.errors.isEmpty)
        for line in ["input float32[3, 3, 32, 32]", "load ", "compile ", "latency, median ", "images/s ", "GFLOP/s ", "peak memory "] {
            #expect(text.output.contains(line), "\(line)")
        }
        #expect(!text.output.contains("ONNX Runtime"))
    }

    /// Runs the command beside a program that returns `output`.
    private func compared(with output: Tensor, _ option: String = "--threads=1") throws -> CommandResult {
        try withTemporaryFolder { folder in
            try output.withUnsafeBytes { Data($0) }.write(to: folder.appendingPathComponent("output"))
            return try Command.run(
                "benchmark", Command.fixture, "--seconds", "0.2", "--against", "onnxruntime", "--python", Self.program, option,
                environment: ["PEER_OUTPUT": folder.appendingPathComponent("output").path])
        }
    }

    /// What the fixture makes of the command's inputs.
    private func expectedOutput() throws -> Tensor {
        let graph = try Graph(onnx: Command.fixture)
        let result = try run(graph, on: .random(count: 1, seed: 1), backend: ReferenceBackend())
        return try #require(result.outputs.first).tensor
    }

    @Test func besideAPeerItGivesTheRatio() throws {
        let result = try compared(with: try expectedOutput(), "--json")
        #expect(result.status == 0)
        let against = try #require(try result.json()["against"] as? [String: Any])
        #expect(against["verdict"] as? String == "EQUAL")
        let peer = try #require(against["measured"] as? [String: Any])
        try checkMeasurement(peer, name: "ONNX Runtime")
        #expect(peer["version"] as? String == "9.8.7")
        #expect(peer["peak_bytes"] as? Int == 4096)
        #expect((peer["latency_seconds"] as? [String: Any])?["median"] as? Double == 0.5)
        let speedup = try #require(against["speedup"] as? [String: Any])
        #expect(speedup["count"] as? Int == 20)
        let speed = try #require(against["speed"] as? [String: Any])
        #expect(["faster", "slower", "as fast", "too noisy to tell"].contains(speed["verdict"] as? String))
        let bounds = try ["smallest", "ratio", "largest"].map { try #require(speed[$0] as? Double) }
        #expect(bounds[0] > 0)
        #expect(bounds[0] <= bounds[2])
        let smallest = try #require(speedup["smallest"] as? Double), median = try #require(speedup["median"] as? Double)
        #expect(smallest > 0)
        #expect(median >= smallest)
    }

    @Test func otherNumbersThanThePeersAreANo() throws {
        let result = try compared(with: try Tensor([Double](repeating: 0, count: 10), shape: [1, 10], as: ElementType.float32))
        #expect(result.status == 1)
        #expect(result.output.contains("DIFFERENT: output"))
        #expect(result.output.contains("times as fast as ONNX Runtime at the p10 of "))
        #expect(result.output.contains("ONNX Runtime 9.8.7"))
    }

    @Test func badRequestsAreToldBeforeAnythingIsMeasured() throws {
        try withTemporaryFolder { folder in
            let fixed = folder.appendingPathComponent("fixed.onnx").path
            try Graph(onnx: Command.fixture).specialized(inputShapes: ["input": [2, 3, 32, 32]]).write(onnx: fixed)
            let batch = try Command.run("benchmark", fixed, "--batch", "77")
            #expect(batch.status == 3)
            #expect(batch.errors.contains("a batch of 77 was asked for, but 'input' is float32[2, 3, 32, 32]"))
        }
        let shape = try Command.run("benchmark", Command.fixture, "--shape", "other=1x3x32x32")
        #expect(shape.status == 3)
        #expect(shape.errors.contains("'other'"))
        let python = try Command.run(
            "benchmark", Command.fixture, "--against", "onnxruntime", environment: ["VIRTUAL_ENV": "/nonexistent/venv"])
        #expect(python.status == 3)
        #expect(python.errors.hasPrefix("error: /nonexistent/venv/bin/python: cannot start: no such file or directory\n"))
    }

    @Test(.enabled(if: witnessIsInstalled, "scripts/setup-witness.sh installs ONNX Runtime"))
    func besideONNXRuntimeItComputesTheSame() throws {
        let result = try Command.run(
            "benchmark", Command.fixture, "--seconds", "0.2", "--batch", "2", "--against", "onnxruntime", "--python",
            Self.witness, "--json")
        #expect(result.status == 0)
        let against = try #require(try result.json()["against"] as? [String: Any])
        #expect(against["verdict"] as? String == "EQUAL")
        try checkMeasurement(against["measured"], name: "ONNX Runtime")
    }
}
