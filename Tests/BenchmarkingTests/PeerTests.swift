@testable import Benchmarking
import Foundation
import Tensors
import Testing

/// Programs that stand for Python: they get the real one's arguments and requests.
struct PeerTests {
    private static let interpreter = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(components: "fixtures", "peer", "script.sh")

    /// Calls `body` with the path of a program that runs a shell script in its folder.
    ///
    /// The program is a link to one that is there for long: a file just written cannot start while any other process that is about to
    /// start still has it open.
    private func withProgram<Result>(_ script: String, _ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = folder.appendingPathComponent("python")
        try Data(script.utf8).write(to: folder.appendingPathComponent("script"))
        try FileManager.default.createSymbolicLink(at: program, withDestinationURL: Self.interpreter)
        return try body(program.path)
    }

    /// The text of a file that a program writes, once it has that many lines.
    private func text(of file: URL, lines: Int) throws -> String {
        for _ in 0..<60_000 {
            if let text = try? String(contentsOf: file, encoding: .utf8), text.filter(\.isNewline).count >= lines { return text }
            usleep(1000)
        }
        throw CleaveError(.invalidRequest, "\(file.lastPathComponent) did not get \(lines) lines within a minute")
    }

    private func start(_ python: String) throws -> ONNXRuntime { try ONNXRuntime(python: python, model: "model.onnx", threads: 2) }

    /// The error that `body` throws.
    private func failure(_ body: () throws -> Void) throws -> CleaveError { try #require(throws: CleaveError.self) { try body() } }

    private static let greeting = #"read load; echo '{"seconds": 0.5, "version": "9.8.7"}'"# + "\n"
    private let input = try! Tensor([1.5, 2.5], shape: [2], as: ElementType.float32)

    @Test func requestsAndAnswersCarryTensors() throws {
        let script = Self.greeting + #"""
            read run; head -c 8 > input
            echo '{"outputs": [{"type": "float32", "shape": [1, 2], "byteCount": 8}, {"type": "bool", "shape": [], "byteCount": 1}]}'
            printf '\000\000\200\077\000\000\000\100\001'
            read measure
            echo '{"seconds": [0.25, 0.5], "processorSeconds": 1.5, "peakByteCount": 4096}'
            printf '%s\n' "$load" "$run" "$measure" > requests
            read end
            """#
        try withProgram(script) { python in
            let peer = try start(python)
            #expect(peer.version == "9.8.7")
            #expect(peer.loadSeconds == 0.5)
            let outputs = try peer.run([("x", input)], outputs: ["a", "b"])
            #expect(try outputs == [Tensor([1, 2], shape: [1, 2], as: ElementType.float32), Tensor([1], shape: [], as: ElementType.bool)])
            let turn = try peer.measure(seconds: 2, limit: 7)
            #expect(turn.seconds == [0.25, 0.5])
            #expect(turn.processorSeconds == 1.5)
            #expect(turn.peakByteCount == 4096)
            let folder = URL(fileURLWithPath: python).deletingLastPathComponent()
            #expect(try Data(contentsOf: folder.appendingPathComponent("input")) == input.withUnsafeBytes { Data($0) })
            let requests = try text(of: folder.appendingPathComponent("requests"), lines: 3)
            let model = FileManager.default.currentDirectoryPath + "/model.onnx"
            #expect(
                requests == """
                    {"model":"\(model)","request":"load","threads":2}
                    {"inputs":[{"byteCount":8,"name":"x","shape":[2],"type":"float32"}],"outputs":["a","b"],"request":"run"}
                    {"limit":7,"request":"measure","seconds":2}

                    """)
        }
    }

    @Test func aMissingModuleIsNamedWithItsRemedy() throws {
        try withProgram(#"read load; echo '{"error": "No module", "missingModule": "onnxruntime"}'"#) { python in
            let error = try failure { _ = try start(python) }
            #expect(error.description == "\(python): Python has no module 'onnxruntime'")
            #expect(error.suggestion?.contains("pip install onnxruntime numpy") == true)
        }
    }

    @Test func refusalsOfThePeerAreToldOn() throws {
        try withProgram(Self.greeting + #"read run; echo '{"error": "unknown operator Frobnicate"}'"#) { python in
            let peer = try start(python)
            let error = try failure { _ = try peer.run([("x", input)], outputs: ["a"]) }
            #expect(error.problem == "ONNX Runtime: unknown operator Frobnicate")
        }
    }

    /// More than the socket holds is still to be sent when the program answers and ends.
    @Test func whatAProgramSaysBeforeItEndsIsHeard() throws {
        try withProgram(Self.greeting + #"read run; echo '{"error": "out of memory"}'"#) { python in
            let peer = try start(python)
            let vast = try Tensor([Float](repeating: 0, count: 1 << 20), shape: [1 << 20])
            let error = try failure { _ = try peer.run([("x", vast)], outputs: ["a"]) }
            #expect(error.problem == "ONNX Runtime: out of memory")
        }
    }

    @Test(arguments: [
        ("echo 'line one\nsegmentation fault' >&2; exit 3", "ended with exit code 3: segmentation fault"),
        ("kill -9 $$", "ended with signal 9"),
        ("exit 0", "ended with exit code 0"), ("read load; echo hello", "says 'hello', which is no answer"),
        ("read load; echo '{\"seconds\": \"long\"}'", "which is no answer"),
    ])
    func programsThatAreNoPythonAreOneLine(script: String, problem: String) throws {
        try withProgram(script) { python in
            let error = try failure { _ = try start(python) }
            #expect(error.suggestion == "name a Python 3: --python /usr/bin/python3")
            #expect(error.problem.contains(problem), "\(error.problem)")
            #expect(!error.problem.contains("\n"))
        }
    }

    @Test(arguments: [
        #"[{"type": "float32", "shape": [2], "byteCount": 4}]"#, #"[{"type": "object", "shape": [2], "byteCount": 8}]"#,
        #"[{"type": "float32", "shape": [-2], "byteCount": 8}]"#,
        #"[{"type": "float32", "shape": [4611686018427387904], "byteCount": 8}]"#, "[]",
        #"[{"type": "float32", "shape": [2], "byteCount": 8}]"#,
    ])
    func outputsThatCannotBeAreRefused(outputs: String) throws {
        try withProgram(Self.greeting + "read run; head -c 8 > input; echo '{\"outputs\": \(outputs)}'") { python in
            let peer = try start(python)
            #expect(throws: CleaveError.self) { try peer.run([("x", input)], outputs: ["a"]) }
        }
    }

    @Test func missingProgramsAndTypesAreToldBefore() throws {
        let missing = try failure { _ = try start("/nonexistent/python") }
        #expect(missing.description == "/nonexistent/python: cannot start: no such file or directory")
        try withProgram(Self.greeting + "read run") { python in
            let peer = try start(python)
            let tensor = try Tensor([1], shape: [1], as: ElementType.bfloat16)
            #expect(try failure { _ = try peer.run([("x", tensor)], outputs: []) }.problem.contains("bfloat16"))
        }
    }

    @Test func noProgramIsLeftBehind() throws {
        try withProgram(Self.greeting + "echo $$ > pid; while :; do sleep 0.05; done") { python in
            let file = URL(fileURLWithPath: python).deletingLastPathComponent().appendingPathComponent("pid")
            var peer: ONNXRuntime? = try start(python)
            let pid = try #require(Int32(text(of: file, lines: 1).dropLast()))
            #expect(kill(pid, 0) == 0)
            _ = peer
            peer = nil
            for _ in 0..<60_000 where kill(pid, 0) == 0 { usleep(1000) }
            #expect(kill(pid, 0) != 0)
        }
    }
}
