import GraphIR
import Tensors

/// Computes one operator on constant operands; `ReferenceBackend.evaluate` is one.
public typealias ConstantEvaluator = @Sendable (
    _ operation: Operator, _ operands: [Tensor?], _ outputCount: Int, _ opset: Int
) throws -> [Tensor?]

/// Computes what does not depend on the graph's inputs: nodes whose operands are all constants, and small integer values (shapes,
/// axes) that type inference knows completely.
///
/// Requires: a deterministic operator that Cleave knows. Ensures: the results are initializers under their old names (`Constant`
/// nodes where they are graph outputs).
///
/// Left alone, so that the file does not grow out of proportion:
/// - results of more than 1 MiB that have more elements than their operands together, or take more than 64 MiB more: in a chain of
///   nodes that repeat their operand, every one would double the file;
/// - `ConstantOfShape` of more than 16 KiB: models that come without their trained weights have these as weights. Batch norm
///   folding reads them as they are, and writes them out only where channels come to differ;
/// - `DequantizeLinear`, which keeps weights small on purpose.
public struct FoldConstants: RewriteRule {
    public struct Match {
        let results: [(value: ValueID, tensor: Tensor)]
    }

    private let evaluate: ConstantEvaluator

    public init(evaluate: @escaping ConstantEvaluator) { self.evaluate = evaluate }

    public var name: String { "fold-constants" }
    public var fidelity: Fidelity { .exact }

    static let largestResult = 1 << 20
    static let largestFill = 16 << 10
    static let largestGrowth = 64 << 20
    /// About a second of the slowest evaluator.
    static let mostMultiplyAccumulates = 100_000_000

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        switch node.operator {
        case .constant, .branch, .loop, .scan, .opaque: return .unrelated
        case .bernoulli, .randomNumbers: return .skip(SkipReason("it is random"))
        default: break
        }
        guard node.captures.isEmpty, node.outputs.contains(where: { $0 != nil }) else { return .unrelated }
        if let results = graph.knownResults(of: node) { return .match(Match(results: results)) }
        guard node.inputs.allSatisfy({ $0 == nil || graph.constant($0) != nil }) else { return .unrelated }
        if let reason = reasonAgainst(node, graph) { return .skip(reason) }
        return computed(node, graph)
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        for (value, tensor) in match.results { try editor.fold(value, of: node, to: tensor, pass: name) }
        editor.remove(node.id)
        return match.results.map(\.tensor.description).joined(separator: ", ")
    }

    private func reasonAgainst(_ node: Node, _ graph: Graph) -> SkipReason? {
        switch node.operator {
        case .dequantizeLinear: return SkipReason("it keeps a weight quantized")
        case .dropout(let dropout):
            if !graph.isInactive(dropout, node) { return SkipReason("it is random") }
        default: break
        }
        var isFill = false
        if case .constantOfShape = node.operator { isFill = true }
        let operands = Set(node.inputs).compactMap { graph.constant($0) }
        let operandBytes = operands.reduce(0) { $0 + $1.byteCount }
        for value in node.outputs.compactMap({ $0 }) {
            guard let type = graph[value].tensorType, let shape = type.knownShape, let count = try? Tensor.elementCount(of: shape),
                let bytes = type.elementType.byteCount(elements: count)
            else {
                if node.operator.hasSizeOfData && operandBytes <= Self.largestResult { continue }
                return SkipReason("the size of its result is not known before it is computed")
            }
            let moved = type.elementType.byteCount(elements: operands.reduce(0) { $0 + $1.count }) ?? 0
            let limit = isFill ? Self.largestFill : max(Self.largestResult, min(moved, operandBytes + Self.largestGrowth))
            if bytes > limit { return SkipReason("its result would take \(bytes) bytes, but its operands only \(operandBytes)") }
        }
        guard let work = node.operator.payload.multiplyAccumulates(graph.costContext(of: node)), work > Self.mostMultiplyAccumulates
        else { return nil }
        return SkipReason("it takes too long to compute")
    }

    private func computed(_ node: Node, _ graph: Graph) -> MatchResult<Match> {
        let results: [Tensor?]
        do {
            results = try evaluate(node.operator, node.inputs.map { graph.constant($0) }, node.outputs.count, graph.opset)
        } catch {
            let problem = (error as? CleaveError)?.problem ?? "\(error)"
            return .skip(SkipReason("it could not be computed: \(problem)"))
        }
        var match: [(value: ValueID, tensor: Tensor)] = []
        for (index, value) in node.outputs.enumerated() {
            guard let value else { continue }
            guard index < results.count, let tensor = results[index] else {
                return .skip(SkipReason("it could not be computed: a result is missing"))
            }
            if let type = graph[value].tensorType, type.elementType != tensor.elementType {
                return .skip(SkipReason("it gave \(tensor.elementType), expected \(type.elementType)"))
            }
            match.append((value, tensor))
        }
        return .match(Match(results: match))
    }
}

extension Graph {
    /// The node's outputs when inference knows every element of each.
    func knownResults(of node: Node) -> [(value: ValueID, tensor: Tensor)]? {
        var results: [(value: ValueID, tensor: Tensor)] = []
        for value in node.outputs.compactMap({ $0 }) {
            guard let contents = self[value].contents, let type = self[value].tensorType, let shape = type.knownShape else { return nil }
            let known = contents.compactMap { $0.known.map { Int64($0) } }
            guard known.count == contents.count, type.elementType.isInteger || type.elementType == .bool,
                let tensor = try? Tensor(known, shape: shape, as: type.elementType)
            else { return nil }
            results.append((value, tensor))
        }
        return results
    }
}

extension Operator {
    /// Whether the size of the result depends on the operands' elements, but is bounded by their number.
    fileprivate var hasSizeOfData: Bool {
        switch self {
        case .nonZero, .compress, .unique, .nonMaxSuppression: true
        default: false
        }
    }
}
