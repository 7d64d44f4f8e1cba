import GraphIR
import Tensors

/// Removes arithmetic by neutral elements (x·1, x/1, x¹, x + 0, x − 0) and `Relu` of what is never negative.
///
/// Requires: the result has the shape of x on every run. Ensures: the same numbers; only the sign of a zero may differ, as
/// −0 + 0 is +0.
public struct RemoveNeutralArithmetic: RewriteRule {
    public struct Match {
        let bypass: Bypass
        let reason: String
    }

    public init() {}

    public var name: String { "remove-neutral-arithmetic" }
    public var fidelity: Fidelity { .rounding(tolerance: 0) }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard let output = graph.onlyOutput(of: node) else { return .unrelated }
        switch node.operator {
        case .activation(let activation) where activation.function == .relu:
            guard let input = node.input(Activation.Operand.input), graph.isNeverNegative(input) else { return .unrelated }
            return graph.bypass(output, with: input).map { Match(bypass: $0, reason: "its operand is never negative") }
        case .binary(let binary):
            guard let a = node.input(Binary.Operand.a), let b = node.input(Binary.Operand.b) else { return .unrelated }
            for (value, other, isFirst) in [(a, b, true), (b, a, false)] {
                guard let neutral = neutralElement(of: binary.function, valueIsFirst: isFirst),
                    let constant = graph.constantOperand(other), constant.isEverywhere(neutral),
                    let before = graph.shape(of: value), let after = graph.shape(of: output), before.isCertainlyEqual(to: after)
                else { continue }
                return graph.bypass(output, with: value).map {
                    Match(bypass: $0, reason: "\(binary.function.onnxName) by \(Int(neutral)) changes nothing")
                }
            }
            return .unrelated
        default: return .unrelated
        }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        try editor.apply(match.bypass, removing: node, pass: name)
        return match.reason
    }

    private func neutralElement(of function: Binary.Function, valueIsFirst: Bool) -> Double? {
        switch function {
        case .mul: 1
        case .add: 0
        case .div, .pow: valueIsFirst ? 1 : nil
        case .sub: valueIsFirst ? 0 : nil
        case .mod, .fmod, .prelu, .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor, .bitwiseAnd, .bitwiseOr,
            .bitwiseXor, .shiftLeft, .shiftRight:
            nil
        }
    }
}

extension ConstantOperand {
    /// Whether every element is `number`.
    fileprivate func isEverywhere(_ number: Double) -> Bool {
        switch elements {
        case .uniform(let value): return value == number
        case .tensor(let tensor): return tensor.count > 0 && tensor.doubles()?.allSatisfy { $0 == number } == true
        }
    }
}
