import Execution
import GraphIR
import Tensors

/// A backend whose outputs are whatever a closure says, so that verification is tested apart from kernels.
struct ScriptedBackend: Backend {
    typealias Script = @Sendable (_ graph: Graph, _ inputs: [String: Tensor], _ names: [String]) throws -> [String: Tensor]

    let name = "scripted"
    let script: Script

    func prepare(_ graph: Graph, inputShapes: [String: [Int]]) throws -> any ExecutionPlan {
        Plan(graph: graph, script: script)
    }

    private struct Plan: ExecutionPlan {
        let graph: Graph
        let script: Script

        func makeSession() throws -> any Session { ScriptedSession(graph: graph, script: script) }
    }

    private final class ScriptedSession: Session {
        let graph: Graph
        let script: Script

        init(graph: Graph, script: @escaping Script) {
            self.graph = graph
            self.script = script
        }

        func run(_ inputs: [String: Tensor], observing: [String]) throws -> [String: Tensor] {
            try graph.checkInputs(inputs)
            return try script(graph, inputs, graph.outputs.map { graph[$0].name } + observing)
        }
    }
}

/// A chain x → first → second → … with one node per name, each called `node_NAME`; the last is the output unless told otherwise.
/// - Parameter origins: of the nodes, by the names of their values.
func chain(
    _ names: [String], graphName: String, input: String = "x", outputs: [String]? = nil, origins: [String: Origin] = [:]
) throws -> Graph {
    var graph = Graph(name: graphName, opset: 17)
    try graph.edit { editor in
        var value = try editor.addInput(input, type: .tensor(TensorType(.float32, [.named("N"), .known(2)])))
        for name in names {
            value = try editor.insertSingle(
                .identity(Identity()), inputs: [value], output: .new(name: name), name: "node_\(name)", before: nil,
                origin: origins[name])
        }
        let declared = outputs ?? names.suffix(1)
        editor.setOutputs(declared.compactMap { editor.graph.value(named: $0)?.id })
    }
    return graph
}
