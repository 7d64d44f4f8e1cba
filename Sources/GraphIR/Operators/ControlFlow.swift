import Tensors

/// `If`: the outputs of one of two branches, which have no inputs and read what they need from the graph around them.
public struct If: OperatorPayload {
    public var thenBranch: Subgraph
    public var elseBranch: Subgraph

    public enum Operand: Int, CaseIterable, Sendable {
        case condition
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...Int.max

    public init(thenBranch: Subgraph, elseBranch: Subgraph) {
        self.thenBranch = thenBranch
        self.elseBranch = elseBranch
    }
}

/// `Loop`: runs a body as often as the iteration count says and the condition holds.
///
/// The body takes (iteration, condition, states…) and gives (condition, states…, scan outputs…); the node gives the last states, and
/// each scan output of all iterations, stacked along a new first dimension.
public struct Loop: OperatorPayload {
    public var body: Subgraph

    /// The states' first values follow.
    public enum Operand: Int, CaseIterable, Sendable {
        case iterationCount, condition
    }

    public static let operandCount = 2...Int.max
    public static let outputCount = 1...Int.max

    public init(body: Subgraph) {
        self.body = body
    }
}

/// `Scan`: runs a body once per slice of its scan inputs.
///
/// The body takes (states…, slices…) and gives (states…, scan outputs…); the node takes first states and whole tensors, and gives
/// last states and scan outputs, stacked along a new dimension. Since opset 9; in opset 8 everything has a batch dimension in front
/// (`isBatched`), and operand 0 may tell how long each sample's sequence is.
public struct Scan: OperatorPayload {
    public var body: Subgraph
    /// Operands that are scanned: the last ones.
    public var scanInputCount: Int
    /// Per scan input, which dimension is scanned; empty for the first of each. A batched one scans the dimension after the batch.
    public var inputAxes: [Int]
    /// Per scan input, whether it is scanned from its end; empty for none.
    public var inputsReversed: [Bool]
    /// Per scan output, the dimension along which the iterations are stacked; empty for the first of each.
    public var outputAxes: [Int]
    /// Per scan output, whether each iteration comes before the one that ran earlier; empty for none.
    public var outputsReversed: [Bool]
    public var isBatched: Bool

    public static let operandCount = 1...Int.max
    public static let outputCount = 1...Int.max

    public init(
        body: Subgraph, scanInputCount: Int, inputAxes: [Int], inputsReversed: [Bool], outputAxes: [Int], outputsReversed: [Bool],
        isBatched: Bool
    ) {
        self.body = body
        self.scanInputCount = scanInputCount
        self.inputAxes = inputAxes
        self.inputsReversed = inputsReversed
        self.outputAxes = outputAxes
        self.outputsReversed = outputsReversed
        self.isBatched = isBatched
    }
}

extension Scan {
    /// How many operands are states.
    /// - Parameter operandCount: of the node.
    /// - Throws: `CleaveError` when the numbers of operands, attributes and the body's inputs and outputs do not fit each other.
    public func stateCount(operandCount: Int) throws -> Int {
        let (inputs, outputs) = (body.graph.inputs.count, body.graph.outputs.count)
        let operands = operandCount - (isBatched ? 1 : 0)
        guard scanInputCount >= 1, scanInputCount <= operands else {
            throw CleaveError(.invalidAttribute, "num_scan_inputs is \(scanInputCount), expected 1 to \(operands)")
        }
        let states = operands - scanInputCount
        guard inputs == operands, outputs >= states else {
            throw CleaveError(
                .invalidGraph,
                "the body has \(inputs) inputs and \(outputs) outputs, expected \(operands) inputs and at least \(states) outputs")
        }
        for (name, count, expected) in [
            ("scan_input_axes", inputAxes.count, scanInputCount), ("scan_input_directions", inputsReversed.count, scanInputCount),
            ("scan_output_axes", outputAxes.count, outputs - states),
            ("scan_output_directions", outputsReversed.count, outputs - states),
        ] where count != 0 && count != expected {
            throw CleaveError(.invalidAttribute, "\(name) has \(count) entries, expected \(expected)")
        }
        return states
    }
}

extension Operator {
    /// The graphs in the node's attributes, by ONNX's name.
    public var subgraphs: [(name: String, body: Subgraph)] {
        switch self {
        case .branch(let payload): [("then_branch", payload.thenBranch), ("else_branch", payload.elseBranch)]
        case .loop(let payload): [("body", payload.body)]
        case .scan(let payload): [("body", payload.body)]
        default: []
        }
    }

    /// Whether the operator runs graphs of its own.
    public var isControlFlow: Bool {
        switch self {
        case .branch, .loop, .scan: true
        default: false
        }
    }

    func mappingSubgraphs(_ transform: (Subgraph) -> Subgraph) -> Operator {
        switch self {
        case .branch(let payload):
            return .branch(If(thenBranch: transform(payload.thenBranch), elseBranch: transform(payload.elseBranch)))
        case .loop(let payload): return .loop(Loop(body: transform(payload.body)))
        case .scan(var payload):
            payload.body = transform(payload.body)
            return .scan(payload)
        default: return self
        }
    }
}
