import Execution
import GraphIR
import Tensors

/// The values of a training graph that its session keeps: inputs of the graph in the place of initializers, and outputs.
struct TrainedValues: Sendable {
    struct Parameter: Sendable {
        /// As the program calls it.
        var name: String
        var value: ValueID
        var gradient: ValueID
        var decays: Bool
    }

    struct State: Sendable {
        var name: String
        var value: ValueID
        var newValue: ValueID
    }

    private(set) var parameters: [Parameter] = []
    private(set) var states: [State] = []
    private var results: [ValueID] = []
    private var heldInputs: Set<ValueID> = []
    private var heldOutputs: Set<ValueID> = []

    /// Of a graph that is only run.
    init() {}

    /// Makes inputs of what `program` changes.
    /// - Returns: the graph with these inputs, whose outputs are the results, the gradients and the new states.
    /// - Throws: `CleaveError` for something that is no initializer.
    static func graph(of program: TrainingProgram) throws -> (graph: Graph, values: TrainedValues) {
        var (graph, trained) = (program.graph, TrainedValues())
        try graph.edit { editor in
            func held(_ id: ValueID) throws -> ValueID {
                let value = program.graph[id]
                guard program.graph.constant(id) != nil else {
                    throw CleaveError(.invalidRequest, "only an initializer can be trained", at: .init(tensor: value.name))
                }
                let input = try editor.addInput(editor.uniqueName(value.name), type: value.type)
                editor.replaceUses(of: id, with: input)
                return input
            }
            for parameter in program.parameters {
                trained.parameters.append(
                    .init(
                        name: program.graph[parameter.value].name, value: try held(parameter.value), gradient: parameter.gradient,
                        decays: parameter.decays))
            }
            for state in program.states {
                trained.states.append(
                    .init(name: program.graph[state.value].name, value: try held(state.value), newValue: state.newValue))
            }
            editor.setOutputs(program.results + program.parameters.map(\.gradient) + program.states.map(\.newValue))
            for id in program.parameters.map(\.value) + program.states.map(\.value) where editor.graph.useCount(of: id) == 0 {
                editor.removeValue(id)
            }
        }
        trained.results = program.results
        trained.heldInputs = Set(trained.parameters.map(\.value) + trained.states.map(\.value))
        trained.heldOutputs = Set(trained.parameters.map(\.gradient) + trained.states.map(\.newValue))
        return (graph, trained)
    }

    /// Whether the session keeps the tensor of a graph input.
    func isHeld(_ input: ValueID) -> Bool { heldInputs.contains(input) }

    /// Whether a graph output stays in the session.
    func isHeldOutput(_ output: ValueID) -> Bool { heldOutputs.contains(output) }

    /// The nodes on which no result and no new state depends.
    func nodesBehindResults(of graph: Graph) -> Set<NodeID> {
        guard !parameters.isEmpty else { return [] }
        var backward = Set(graph.order)
        var pending = results + states.map(\.newValue)
        while let value = pending.popLast() {
            guard let node = graph.producer(of: value), backward.remove(node.id) != nil else { continue }
            pending += node.reads
        }
        return backward
    }
}

/// Where a session has what it keeps from run to run, in one piece of memory: parameters, then their gradients in the same order and
/// layouts, then states and what they become.
struct HeldTensors: Sendable {
    struct Parameter: Sendable {
        var name: String
        var shape: [Int]
        var layout: Layout
        /// Of the parameter; its gradient is `gradientOffset` further, its moments are at the same place in memory of their own.
        var offset: Int
        var decays: Bool
    }

    struct State: Sendable {
        var name: String
        var shape: [Int]
        var offset: Int
        var newOffset: Int
        var byteCount: Int
    }

    var parameters: [Parameter] = []
    var states: [State] = []
    /// Bytes of all parameters, and the distance of each from its gradient.
    var gradientOffset = 0
    var byteCount = 0
}

/// What forward kernels leave to those of the gradients, besides values of the graph.
struct Leftovers {
    /// Moments of a normalization's operand.
    struct Moments {
        var input: ValueID
        var epsilon: Float
        var buffer: BufferID
    }

    /// The places of a pool's maxima.
    struct Maxima {
        var input: ValueID
        var window: Primitive.Window
        var workspace: BufferID
        var workspaceLayout: Layout
        var source: Layout
        var destination: Layout
    }

    var moments: [Moments] = []
    var maxima: [Maxima] = []
}
