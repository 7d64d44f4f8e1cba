import Foundation
import Tensors

/// ONNX Runtime in a Python process: a session that runs one model, for comparison.
final class ONNXRuntime {
    /// The times of one turn.
    struct Turn {
        var seconds: [Double]
        /// Work that processors have done for the process since it started.
        var processorSeconds: Double
        /// The most memory that the process has had resident, Python itself included.
        var peakByteCount: Int
    }

    let version: String
    /// What reading the model and making a session took.
    let loadSeconds: Double
    private let process: PeerProcess
    private let python: String

    private static let title = "ONNX Runtime's process"

    /// Starts the process and loads the model.
    /// - Parameters:
    ///   - python: path of a Python 3 that has the packages onnxruntime and numpy.
    ///   - threads: threads that compute an operator.
    /// - Throws: `CleaveError` when Python or a package is missing, or ONNX Runtime does not take the model.
    init(python: String, model: String, threads: Int) throws {
        self.python = python
        process = try PeerProcess(python, arguments: ["-c", onnxRuntimeProgram], title: Self.title)
        let answer = try Self.valid(
            process.ask(Request.Load(model: absolutePath(model), threads: threads), as: Answer.Loaded.self), python: python)
        version = answer.version ?? "of an unknown version"
        loadSeconds = answer.seconds ?? 0
    }

    /// Runs the model once, and keeps the inputs for `measure`.
    /// - Returns: the outputs, in the order of `outputs`.
    /// - Throws: `CleaveError` when an input is of a type that NumPy does not have, or ONNX Runtime cannot run the model.
    func run(_ inputs: [(name: String, tensor: Tensor)], outputs: [String]) throws -> [Tensor] {
        for (name, tensor) in inputs where !Self.types.contains(tensor.elementType) {
            throw CleaveError(
                .unsupported, "the input has element type \(tensor.elementType), which cannot be handed to ONNX Runtime",
                at: .init(tensor: name))
        }
        let request = Request.Run(
            inputs: inputs.map {
                .init(name: $0.name, type: "\($0.tensor.elementType)", shape: $0.tensor.shape, byteCount: $0.tensor.byteCount)
            }, outputs: outputs)
        let answer = try Self.valid(process.ask(request, followedBy: inputs.map(\.tensor), as: Answer.Ran.self), python: python)
        guard let results = answer.outputs, results.count == outputs.count else {
            throw CleaveError(.unsupported, "\(Self.title) returned \(answer.outputs?.count ?? 0) outputs, expected \(outputs.count)")
        }
        return try zip(outputs, results).map { name, result in try locating(tensor: name) { try tensor(result) } }
    }

    /// Runs the model on the inputs of the last `run` for a while.
    func measure(seconds: Double, limit: Int) throws -> Turn {
        let answer = try Self.valid(process.ask(Request.Measure(seconds: seconds, limit: limit), as: Answer.Measured.self), python: python)
        return Turn(
            seconds: answer.seconds ?? [], processorSeconds: answer.processorSeconds ?? 0, peakByteCount: answer.peakByteCount ?? 0)
    }

    /// Element types that NumPy and ONNX Runtime have under the same names.
    private static let types: [ElementType] = [
        .float16, .float32, .float64, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool,
    ]

    private func tensor(_ result: Answer.Output) throws -> Tensor {
        guard let type = Self.types.first(where: { "\($0)" == result.type }) else {
            throw CleaveError(.unsupported, "ONNX Runtime returned elements of type '\(result.type)'")
        }
        let count = try Tensor.allocatableCount(of: result.shape, type)
        guard type.byteCount(elements: count) == result.byteCount else {
            throw CleaveError(.malformedTensor, "\(Self.title) announced \(result.byteCount) bytes for \(type)\(result.shape)")
        }
        let storage = try TensorStorage(byteCount: result.byteCount) { try process.readBytes(into: $0) }
        return try Tensor(shape: result.shape, elementType: type, storage: storage)
    }

    private static func valid<Reply: FallibleAnswer>(_ answer: Reply, python: String) throws -> Reply {
        if let module = answer.missingModule {
            throw CleaveError(
                .unsupported, "Python has no module '\(module)'", at: .init(file: python),
                suggestion: "make an environment that has: python3 -m venv ort && ort/bin/pip install onnxruntime numpy; "
                    + "then add --python ort/bin/python")
        }
        if let error = answer.error { throw CleaveError(.unsupported, "ONNX Runtime: \(error)") }
        return answer
    }
}

/// The file at `path`, links as they are: a virtual environment's Python is one.
private func absolutePath(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
}

private enum Request {
    struct Load: Encodable {
        var request = "load"
        var model: String
        var threads: Int
    }

    struct Input: Encodable {
        var name: String
        var type: String
        var shape: [Int]
        var byteCount: Int
    }

    struct Run: Encodable {
        var request = "run"
        var inputs: [Input]
        var outputs: [String]
    }

    struct Measure: Encodable {
        var request = "measure"
        var seconds: Double
        var limit: Int
    }
}

/// An answer that may say instead why there is none.
private protocol FallibleAnswer {
    var error: String? { get }
    var missingModule: String? { get }
}

private enum Answer {
    struct Loaded: Decodable, FallibleAnswer {
        var error: String?
        var missingModule: String?
        var seconds: Double?
        var version: String?
    }

    struct Output: Decodable {
        var type: String
        var shape: [Int]
        var byteCount: Int
    }

    struct Ran: Decodable, FallibleAnswer {
        var error: String?
        var missingModule: String?
        var outputs: [Output]?
    }

    struct Measured: Decodable, FallibleAnswer {
        var error: String?
        var missingModule: String?
        var seconds: [Double]?
        var processorSeconds: Double?
        var peakByteCount: Int?
    }
}
