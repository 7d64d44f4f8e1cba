import Autodiff
import Datasets
import Execution
import GraphIR
import Tensors

/// Finds where numbers that are not finite first come from when a loss is not.
struct DivergenceSearch {
    let training: TrainingGraph
    let backend: any Backend
    /// Values that are looked at in one run take no more bytes than this.
    private static let byteLimit = 1 << 28
    static let teacherScores = "one of the teacher's scores"

    /// - Parameter tensors: with which the loss was computed.
    /// - Returns: what the first tensor is, for a person; `nil` when all are finite.
    func firstTensor(_ inputs: [String: Tensor], _ tensors: TrainingTensors) throws -> String? {
        for name in training.inputs.data where inputs[name]?.isFinite == false { return "the input '\(name)'" }
        if let name = training.inputs.teacherLogits, inputs[name]?.isFinite == false { return Self.teacherScores }
        for parameter in training.parameters {
            if tensors.parameters[parameter.name]?.isFinite == false { return "the parameter '\(parameter.name)'" }
        }
        var graph = try training.graph.computing(only: [training.loss])
        try graph.edit { editor in
            for parameter in training.parameters where editor.graph.contains(parameter.value) {
                if let tensor = tensors.parameters[parameter.name] { editor.setConstant(parameter.value, to: tensor) }
            }
        }
        let session = try backend.prepare(graph, inputShapes: [:]).makeSession()
        let given = inputs.filter { input in graph.inputs.contains { graph[$0].name == input.key } }
        for group in groups(of: graph) {
            let values = try session.run(given, observing: group.map { graph[$0.value].name })
            if let found = group.first(where: { values[graph[$0.value].name]?.isFinite == false }) {
                let node = graph[found.node]
                return "'\(graph[found.value].name)', the output of node '\(graph.label(of: node))' (\(node.operator.name))"
            }
        }
        return nil
    }

    /// What the nodes compute, in execution order.
    private func groups(of graph: Graph) -> [[(node: NodeID, value: ValueID)]] {
        var groups: [[(NodeID, ValueID)]] = []
        var size = 0
        for node in graph.nodes {
            guard let value = node.outputs.first ?? nil, let type = graph[value].tensorType, type.elementType.isFloatingPoint else {
                continue
            }
            let bytes = type.knownShape.flatMap { type.elementType.byteCount(elements: $0.reduce(1, *)) } ?? 0
            if groups.isEmpty || size + bytes > Self.byteLimit {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append((node.id, value))
            size += bytes
        }
        return groups
    }
}

extension Batch {
    /// Which image of the split is the first with a pixel that is infinite or not a number; `nil` for none.
    var firstNotFinite: Int? {
        guard count > 0, let pixels = try? images.elements(as: Float.self) else { return nil }
        return pixels.firstIndex { !$0.isFinite }.map { indices[$0 / (pixels.count / count)] }
    }
}

extension Tensor {
    /// Whether no element is infinite or not a number; `true` for integers.
    var isFinite: Bool {
        switch elementType {
        case .float32: (try? withElements(of: Float.self) { $0.allSatisfy(\.isFinite) }) ?? true
        case .float64: (try? withElements(of: Double.self) { $0.allSatisfy(\.isFinite) }) ?? true
        default: !elementType.isFloatingPoint || doubles()?.allSatisfy(\.isFinite) ?? true
        }
    }
}

extension TrainingTensors {
    /// The first tensor, by name, with an element that is not finite.
    var firstNotFinite: String? {
        for (what, tensors) in [("parameter", parameters), ("state", states), ("moving average", averages)] {
            for name in tensors.keys.sorted() where tensors[name]?.isFinite == false { return "the \(what) '\(name)'" }
        }
        for name in moments.keys.sorted() where moments[name]?.contains(where: { !$0.isFinite }) == true {
            return "the optimizer's moment of '\(name)'"
        }
        return nil
    }
}
