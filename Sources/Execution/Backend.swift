import GraphIR
import Tensors

/// Something that can run graphs. Verification, quantization and training know backends only through this protocol.
public protocol Backend: Sendable {
    /// The name on the command line: `reference`, `onednn`.
    var name: String { get }

    /// Compiles `graph` for the given input shapes.
    /// - Parameter inputShapes: by input name; an input left out has the shape that the graph declares.
    /// - Throws: `CleaveError` naming the node that cannot run and why, before anything is computed.
    func prepare(_ graph: Graph, inputShapes: [String: [Int]]) throws -> any ExecutionPlan

    /// Compiles `program`, and takes its initial tensors over.
    /// - Throws: `CleaveError` as `prepare`, and for an optimizer whose numbers are out of range.
    func prepareTraining(_ program: TrainingProgram) throws -> any TrainingSession
}

extension Backend {
    /// Trains through sessions of `prepare`, with the optimizer in Double: right on every backend, and fast on none.
    public func prepareTraining(_ program: TrainingProgram) throws -> any TrainingSession {
        try prepareGeneralTraining(program)
    }

    /// What `prepareTraining` does where a backend has nothing better.
    public func prepareGeneralTraining(_ program: TrainingProgram) throws -> any TrainingSession {
        try GeneralTrainingSession(program, backend: self)
    }
}

/// A compiled graph: immutable, and shared by any number of sessions.
public protocol ExecutionPlan: Sendable {
    /// The graph that the plan runs.
    var graph: Graph { get }
    func makeSession() throws -> any Session
}

/// Runs a plan. A session owns its buffers and is used by one thread at a time.
public protocol Session: AnyObject {
    /// Computes the graph's outputs.
    /// - Parameters:
    ///   - inputs: a tensor for every graph input, by name.
    ///   - observing: names of further values of the graph that are wanted besides its outputs.
    /// - Returns: outputs and observed values, by name.
    /// - Throws: `CleaveError` for a missing or surplus input, a type or shape that does not fit, or a failing node.
    func run(_ inputs: [String: Tensor], observing: [String]) throws -> [String: Tensor]
}

extension Session {
    public func run(_ inputs: [String: Tensor]) throws -> [String: Tensor] { try run(inputs, observing: []) }
}
