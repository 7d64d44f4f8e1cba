import GraphIR
import Tensors

/// Makes one `Gemm` of a `MatMul` of matrices and the `Add` of a constant vector to its rows.
///
/// Requires: both operands of the `MatMul` are known to be matrices of floating-point numbers, its result is read by the `Add`
/// alone, and the constant has one number per column, or one in all. Both operand orders of the `Add`. Ensures: the `Add`'s output
/// keeps its name.
public struct FuseMatMulAdd: RewriteRule {
    public struct Match {
        let product: Node
        let bias: ValueID
        let output: ValueID
    }

    public init() {}

    public var name: String { "fuse-mat-mul-add" }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-6) }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard graph.opset >= 7, case .binary(let binary) = node.operator, binary.function == .add, binary.broadcastAxis == .numpy,
            let a = node.input(Binary.Operand.a), let b = node.input(Binary.Operand.b), a != b, let output = node.outputs.first, let output
        else { return .unrelated }
        for (product, bias) in [(a, b), (b, a)] {
            guard let constant = graph.constantOperand(bias), let producer = graph.producer(of: product), case .matMul = producer.operator
            else { continue }
            guard graph.isPrivate(product) else { return .skip(graph.sharingReason(of: product, madeBy: producer)) }
            guard let left = graph.shape(of: producer.input(MatMul.Operand.a)), left.count == 2,
                let right = graph.shape(of: producer.input(MatMul.Operand.b)), right.count == 2,
                graph.elementType(of: producer.input(MatMul.Operand.b))?.isFloatingPoint == true
            else { return .skip(SkipReason("the operands of MatMul before it are not known to be matrices")) }
            let isPerColumn = constant.shape.last.map { $0 == 1 || right[1] == .known($0) } ?? true
            guard isPerColumn, constant.shape.count <= 2, constant.shape.dropLast().allSatisfy({ $0 == 1 }) else {
                return .skip(SkipReason("its constant of shape \(constant.shape) is not one number per column"))
            }
            return .match(Match(product: producer, bias: bias, output: output))
        }
        return .unrelated
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let label = editor.graph.label(of: match.product)
        let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)
        try editor.insert(
            .gemm(gemm), inputs: match.product.inputs + [match.bias], outputs: [.existing(match.output)], name: match.product.name,
            before: node.id, origin: editor.origin(of: [match.product, node], pass: name))
        editor.remove(node.id)
        editor.remove(match.product.id)
        return "with MatMul '\(label)' to a Gemm"
    }
}
