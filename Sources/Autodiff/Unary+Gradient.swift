import GraphIR
import Tensors

extension Unary {
    var gradientRule: GradientRule {
        switch function {
        case .abs, .acos, .acosh, .asin, .asinh, .atan, .atanh, .cos, .cosh, .erf, .exp, .log, .neg, .reciprocal, .sin, .sinh, .sqrt,
            .tan: .differentiable(self)
        case .bitwiseNot, .ceil, .floor, .isNaN, .not, .round, .sign: .constant
        }
    }
}

extension Unary: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (x, y, gradient) = (try pass.operand(Operand.input), try pass.output(), try pass.outputGradient())
        try pass.give(to: Operand.input) { writer in
            switch function {
            case .abs: try writer.multiply(gradient, writer.unary(.sign, x))
            case .acos: try writer.unary(.neg, writer.divide(gradient, writer.unary(.sqrt, writer.oneMinusSquare(x))))
            case .acosh:
                try writer.divide(gradient, writer.unary(.sqrt, writer.offset(writer.multiply(x, x), by: -1)))
            case .asin: try writer.divide(gradient, writer.unary(.sqrt, writer.oneMinusSquare(x)))
            case .asinh: try writer.divide(gradient, writer.unary(.sqrt, writer.offset(writer.multiply(x, x), by: 1)))
            case .atan: try writer.divide(gradient, writer.offset(writer.multiply(x, x), by: 1))
            case .atanh: try writer.divide(gradient, writer.oneMinusSquare(x))
            case .cos: try writer.unary(.neg, writer.multiply(gradient, writer.unary(.sin, x)))
            case .cosh: try writer.multiply(gradient, writer.unary(.sinh, x))
            case .erf:
                // 2/√π · e^(−x²)
                try writer.multiply(
                    gradient,
                    writer.scale(
                        writer.unary(.exp, writer.unary(.neg, writer.multiply(x, x))), by: 2 / Double.pi.squareRoot()))
            case .exp: try writer.multiply(gradient, y)
            case .log: try writer.divide(gradient, x)
            case .neg: try writer.unary(.neg, gradient)
            case .reciprocal: try writer.unary(.neg, writer.multiply(gradient, writer.multiply(y, y)))
            case .sin: try writer.multiply(gradient, writer.unary(.cos, x))
            case .sinh: try writer.multiply(gradient, writer.unary(.cosh, x))
            case .sqrt: try writer.divide(gradient, writer.scale(y, by: 2))
            case .tan: try writer.multiply(gradient, writer.offset(writer.multiply(y, y), by: 1))
            case .bitwiseNot, .ceil, .floor, .isNaN, .not, .round, .sign: gradient
            }
        }
    }
}

extension NodeWriter {
    /// 1 − x²
    fileprivate mutating func oneMinusSquare(_ x: ValueID) throws -> ValueID {
        try subtract(scalar(1, as: elementType(x)), multiply(x, x))
    }
}

extension Activation: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let operation = ActivationGradient(forward: self)
        let value = operation.readsOutput ? try pass.output() : try pass.operand(Operand.input)
        let gradient = try pass.outputGradient()
        try pass.give(to: Operand.input) { try $0.emit(.activationGradient(operation), [value, gradient]) }
    }
}

extension Softmax: DifferentiableOperator {
    /// Softmax: dx = y·(dy − Σ dy·y); its logarithm: dx = dy − eʸ·Σ dy.
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, output, gradient) = (try pass.operand(Operand.input), try pass.output(), try pass.outputGradient())
        let shape = try pass.writer.shape(input)
        var (lines, axis) = (shape, axis < 0 ? axis + shape.count : axis)
        if flattens {
            lines = [shape[..<axis].reduce(1, *), shape[axis...].reduce(1, *)]
            axis = 1
        }
        try pass.give(to: Operand.input) {
            let (y, dy) = (try $0.reshape(output, to: lines), try $0.reshape(gradient, to: lines))
            let dx: ValueID
            switch function {
            case .softmax: dx = try $0.multiply(y, $0.subtract(dy, $0.sum($0.multiply(dy, y), over: [axis])))
            case .logSoftmax: dx = try $0.subtract(dy, $0.multiply($0.unary(.exp, y), $0.sum(dy, over: [axis])))
            case .hardmax: dx = try $0.zeros(lines, as: $0.elementType(dy))
            }
            return try $0.reshape(dx, to: shape)
        }
    }
}
