import Foundation
import GraphIR
import Tensors

extension Unary: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let type = input.elementType
        switch function {
        case .isNaN: return [try Tensor(input.reals().map { $0.isNaN }, shape: input.shape)]
        case .not:
            guard type == .bool else { throw CleaveError(.typeMismatch, "expected booleans, not \(type)") }
            return [try Tensor(input.integers().map { $0 == 0 }, shape: input.shape)]
        default: break
        }
        if type.isFloatingPoint, let function = realFunction(function) {
            return [try Tensor(input.reals().map(function), shape: input.shape, as: type)]
        }
        if type.isInteger, let function = integerFunction(function, isSigned: type.isSignedInteger) {
            return [try Tensor(input.integers().map(function), shape: input.shape, as: type)]
        }
        throw CleaveError(.typeMismatch, "the operator is not defined for elements of \(type)")
    }
}

/// The function on real numbers; `nil` for one that has integers or booleans only.
private func realFunction(_ function: Unary.Function) -> ((Double) -> Double)? {
    switch function {
    case .abs: { $0.magnitude }
    case .acos: { acos($0) }
    case .acosh: { acosh($0) }
    case .asin: { asin($0) }
    case .asinh: { asinh($0) }
    case .atan: { atan($0) }
    case .atanh: { atanh($0) }
    case .ceil: { $0.rounded(.up) }
    case .cos: { cos($0) }
    case .cosh: { cosh($0) }
    case .erf: { erf($0) }
    case .exp: { exp($0) }
    case .floor: { $0.rounded(.down) }
    case .log: { log($0) }
    case .neg: { -$0 }
    case .reciprocal: { 1 / $0 }
    case .round: { $0.rounded(.toNearestOrEven) }
    case .sign: { $0.isNaN ? $0 : $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
    case .sin: { sin($0) }
    case .sinh: { sinh($0) }
    case .sqrt: { $0.squareRoot() }
    case .tan: { tan($0) }
    case .bitwiseNot, .isNaN, .not: nil
    }
}

/// The function on integers; `nil` for one that leaves them. The most negative number is its own magnitude and negation.
private func integerFunction(_ function: Unary.Function, isSigned: Bool) -> ((Int64) -> Int64)? {
    switch function {
    case .abs: { isSigned && $0 < 0 ? 0 &- $0 : $0 }
    case .neg: { 0 &- $0 }
    case .sign: { isSigned ? $0.signum() : ($0 == 0 ? 0 : 1) }
    case .bitwiseNot: { ~$0 }
    case .ceil, .floor, .round: { $0 }
    case .acos, .acosh, .asin, .asinh, .atan, .atanh, .cos, .cosh, .erf, .exp, .isNaN, .log, .not, .reciprocal, .sin, .sinh, .sqrt,
        .tan:
        nil
    }
}

extension IsInfinite: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let flags = try input.reals().map { $0.isInfinite && ($0 < 0 ? detectsNegative : detectsPositive) }
        return [try Tensor(flags, shape: input.shape)]
    }
}
