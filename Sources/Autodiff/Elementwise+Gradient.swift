import GraphIR
import Tensors

extension Binary {
    var gradientRule: GradientRule {
        switch function {
        case .add, .sub, .mul, .div, .pow, .mod, .fmod, .prelu: .differentiable(self)
        case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft,
            .shiftRight: .constant
        }
    }
}

extension Binary: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (a, output, gradient) = (try pass.operand(Operand.a), try pass.output(), try pass.outputGradient())
        let b = try alignedSecond(&pass)
        let aligned = try pass.writer.shape(b)
        let original = try pass.writer.shape(pass.operand(Operand.b))
        func giveB(_ make: (inout NodeWriter) throws -> ValueID) throws {
            try pass.give(to: Operand.b) { try $0.reshape($0.unbroadcast(make(&$0), to: aligned), to: original) }
        }
        switch function {
        case .add:
            try pass.give(to: Operand.a) { _ in gradient }
            try giveB { _ in gradient }
        case .sub:
            try pass.give(to: Operand.a) { _ in gradient }
            try giveB { try $0.unary(.neg, gradient) }
        case .mul:
            try pass.give(to: Operand.a) { try $0.multiply(gradient, b) }
            try giveB { try $0.multiply(gradient, a) }
        case .div:
            try pass.give(to: Operand.a) { try $0.divide(gradient, b) }
            try giveB { try $0.unary(.neg, $0.divide($0.multiply(gradient, output), b)) }
        case .pow:
            try pass.give(to: Operand.a) { try $0.multiply(gradient, $0.powerSlope(a, exponent: b)) }
            try giveB { try $0.multiply(gradient, $0.exponentSlope(a, power: output)) }
        case .mod, .fmod:
            // a = q·b + y with a q that changes in steps.
            try pass.give(to: Operand.a) { _ in gradient }
            try giveB { try $0.multiply(gradient, $0.divide($0.subtract(output, a), b)) }
        case .prelu:
            let isPositive = try pass.writer.binary(.greater, a, pass.writer.scalar(0, as: pass.writer.elementType(a)))
            try pass.give(to: Operand.a) { try $0.select(isPositive, gradient, $0.multiply(gradient, b)) }
            try giveB { try $0.select(isPositive, $0.scalar(0, as: $0.elementType(a)), $0.multiply(gradient, a)) }
        case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft,
            .shiftRight: break
        }
    }

    /// The second operand in a shape that aligns with the first at the end.
    private func alignedSecond(_ pass: inout BackwardPass) throws -> ValueID {
        let b = try pass.operand(Operand.b)
        guard case .legacy(broadcast: true, axis: let axis?) = broadcastAxis else { return b }
        let (shape, rank) = (try pass.writer.shape(b), try pass.writer.shape(pass.operand(Operand.a)).count)
        let first = axis < 0 ? axis + rank : axis
        return try pass.writer.reshape(b, to: shape + [Int](repeating: 1, count: max(0, rank - first - shape.count)))
    }
}

extension NodeWriter {
    /// b·a^(b − 1)
    fileprivate mutating func powerSlope(_ a: ValueID, exponent: ValueID) throws -> ValueID {
        let exponent = try cast(exponent, to: elementType(a))
        return try multiply(exponent, binary(.pow, a, offset(exponent, by: -1)))
    }

    /// y·ln a, and 0 for a base of 0.
    fileprivate mutating func exponentSlope(_ a: ValueID, power: ValueID) throws -> ValueID {
        let zero = try scalar(0, as: elementType(a))
        return try select(binary(.equal, a, zero), zero, multiply(power, unary(.log, a)))
    }
}

extension Variadic: DifferentiableOperator {
    /// Equal extremes share the gradient, as in PyTorch.
    func differentiate(in pass: inout BackwardPass) throws {
        let (output, gradient) = (try pass.output(), try pass.outputGradient())
        let count = pass.node.inputs.count
        switch function {
        case .sum:
            for index in 0..<count { try pass.give(toOperandAt: index) { _ in gradient } }
        case .mean:
            let share = try pass.writer.scale(gradient, by: 1 / Double(count))
            for index in 0..<count { try pass.give(toOperandAt: index) { _ in share } }
        case .max, .min:
            let type = try pass.writer.elementType(output)
            let winners = try (0..<count).map { index in
                try pass.writer.cast(pass.writer.binary(.equal, pass.operand(at: index), output), to: type)
            }
            let total = try pass.writer.emit(.variadic(Variadic(function: .sum)), winners)
            let share = try pass.writer.divide(gradient, total)
            for (index, winner) in winners.enumerated() {
                try pass.give(toOperandAt: index) { try $0.multiply(share, winner) }
            }
        }
    }
}

extension Where: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (condition, gradient) = (try pass.operand(Operand.condition), try pass.outputGradient())
        let zero = try pass.writer.scalar(0, as: pass.writer.elementType(gradient))
        try pass.give(to: Operand.whenTrue) { try $0.select(condition, gradient, zero) }
        try pass.give(to: Operand.whenFalse) { try $0.select(condition, zero, gradient) }
    }
}

extension Clip: DifferentiableOperator {
    /// Elements within the limits, these included, pass their gradient on; the others give it to the limit that they become. Where the
    /// limits cross, that is the upper one.
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, output, gradient) = (try pass.operand(Operand.input), try pass.output(), try pass.outputGradient())
        let zero = try pass.writer.scalar(0, as: pass.writer.elementType(gradient))
        try pass.give(to: Operand.input) { try $0.select($0.binary(.equal, input, output), gradient, zero) }
        guard pass.needs(Operand.minimum) || pass.needs(Operand.maximum) else { return }
        var isUpper = try pass.writer.unary(.not, pass.writer.binary(.equal, input, output))
        if let minimum = pass.node.input(Operand.minimum) {
            let isLower = try pass.writer.binary(
                .and, pass.writer.binary(.less, input, output), pass.writer.binary(.equal, output, minimum))
            try pass.give(to: Operand.minimum) { try $0.select(isLower, gradient, zero) }
            isUpper = try pass.writer.binary(.and, isUpper, pass.writer.unary(.not, isLower))
        }
        try pass.give(to: Operand.maximum) { try $0.select(isUpper, gradient, zero) }
    }
}

extension Cast: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        try pass.give(to: Operand.input) { try $0.cast(gradient, to: $0.elementType(input)) }
    }
}

extension CastLike: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        try pass.give(to: Operand.input) { try $0.cast(gradient, to: $0.elementType(input)) }
    }
}
