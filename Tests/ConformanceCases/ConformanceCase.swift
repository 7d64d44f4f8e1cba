import Execution
import Foundation
import GraphIR
import ONNXFormat
import Tensors

/// One of the ONNX project's backend test cases: a model, and inputs with the outputs that they must give.
public struct ConformanceCase: Sendable {
    public enum Suite: String, CaseIterable, Sendable {
        case node, pytorchConverted = "pytorch-converted", pytorchOperator = "pytorch-operator", simple
    }

    public var suite: Suite
    public var name: String

    static let root = URL(filePath: "/usr/share/libonnx-testdata/data")
    public static let isInstalled = FileManager.default.fileExists(atPath: root.path)

    var folder: URL { Self.root.appending(components: suite.rawValue, name) }

    /// All cases of a suite, by name.
    public static func all(of suite: Suite) throws -> [ConformanceCase] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(component: suite.rawValue).path).sorted()
            .map { ConformanceCase(suite: suite, name: $0) }
    }

    public func graph() throws -> Graph { try Graph(onnx: folder.appending(component: "model.onnx").path) }

    /// Runs the model on every data set.
    /// - Parameter observing: whether every value is asked for and held against its inferred type, and not only the outputs.
    /// - Returns: what is wrong with the outputs; `nil` when nothing is.
    public func run(on backend: any Backend, observing: Bool) throws -> String? {
        let graph = try graph()
        let session = try backend.prepare(graph, inputShapes: [:]).makeSession()
        let sets = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter { $0.hasPrefix("test_data_set") }
        guard !sets.isEmpty else { return "there are no data sets" }
        for set in sets {
            let inputs = try tensors("input", set, graph, graph.inputs)
            let expected = try tensors("output", set, graph, graph.outputs)
            guard expected.count == graph.outputs.count else { return "\(set) has \(expected.count) of \(graph.outputs.count) outputs" }
            let observed = observing ? graph.values.filter { $0.tensorType != nil }.map(\.name) : []
            let results = try session.run(inputs, observing: observed)
            for (name, tensor) in expected {
                if let difference = difference(results[name], tensor) { return "\(set): output '\(name)': \(difference)" }
            }
            for value in graph.values {
                guard let type = value.tensorType, let tensor = results[value.name] else { continue }
                if !tensor.fits(type) { return "\(set): value '\(value.name)' is \(tensor), but its inferred type is \(type)" }
            }
        }
        return nil
    }

    private func tensors(_ kind: String, _ set: String, _ graph: Graph, _ values: [ValueID]) throws -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (index, name) in values.map({ graph[$0].name }).enumerated() {
            let file = folder.appending(components: set, "\(kind)_\(index).pb")
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            tensors[name] = try ONNXTensor(path: file.path).tensor.asDeclared(graph.value(named: name))
        }
        return tensors
    }

    /// The tolerance of ONNX's own test runner: |actual − expected| ≤ 10⁻⁷ + 10⁻³·|expected|.
    private func difference(_ actual: Tensor?, _ expected: Tensor) -> String? {
        guard let actual else { return "missing" }
        guard actual.elementType == expected.elementType, actual.shape == expected.shape else {
            return "is \(actual), expected \(expected)"
        }
        if expected.elementType == .string { return actual.strings == expected.strings ? nil : "other strings" }
        guard let left = actual.doubles(), let right = expected.doubles() else { return "cannot compare \(expected.elementType)" }
        for (index, (actual, expected)) in zip(left, right).enumerated() {
            let isClose = actual == expected || (actual.isNaN && expected.isNaN)
                || (actual - expected).magnitude <= 1e-7 + 1e-3 * expected.magnitude && expected.isFinite
            if !isClose { return "element \(index) is \(actual), expected \(expected)" }
        }
        return nil
    }
}

extension Tensor {
    /// NumPy has no bfloat16: the data sets hold such tensors as uint16.
    fileprivate func asDeclared(_ value: Value?) throws -> Tensor {
        guard elementType == .uint16, value?.tensorType?.elementType == .bfloat16 else { return self }
        return try Tensor(shape: shape, elementType: .bfloat16, storage: withUnsafeBytes { TensorStorage(copying: $0) })
    }

    /// Whether a value of the given type can be this tensor.
    fileprivate func fits(_ type: TensorType) -> Bool {
        guard elementType == type.elementType else { return false }
        guard let shape = type.shape else { return true }
        return shape.count == rank && zip(shape, self.shape).allSatisfy { $0.known == nil || $0.known == $1 }
    }
}

extension ConformanceCase {
    /// What kind of values a case is about.
    public enum Group: Hashable, Sendable {
        /// Tensors of numbers, which a compiler for convolutional networks is measured by.
        case plain
        case controlFlow
        /// Tensors of strings, converted to numbers and back.
        case text
        /// Something that no backend runs by design.
        case notRun(NotRun)
    }

    public func group() throws -> Group {
        let graph = try graph()
        if let reason = graph.notRun { return .notRun(reason) }
        if (graph.inputs + graph.outputs).contains(where: { graph[$0].tensorType?.elementType == .string }) { return .text }
        return graph.nodes.contains { $0.operator.isControlFlow } ? .controlFlow : .plain
    }
}

extension Graph {
    /// What the graph, or one in it, has that no backend runs.
    fileprivate var notRun: NotRun? {
        for node in nodes {
            if case .opaque(let payload) = node.operator, let reason = payload.notRun { return reason }
            for (_, body) in node.operator.subgraphs {
                if let reason = body.graph.notRun { return reason }
            }
        }
        return values.lazy.compactMap { $0.type?.notRun }.first
    }
}
