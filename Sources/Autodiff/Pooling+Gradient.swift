import GraphIR
import Tensors

extension AveragePool: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        try pass.give(to: Operand.input) {
            try $0.emit(.averagePoolGradient(AveragePoolGradient(forward: self, inputShape: $0.shape(input))), [gradient])
        }
    }
}

extension MaxPool: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        try pass.give(to: Operand.input) { try $0.emit(.maxPoolGradient(MaxPoolGradient(forward: self)), [input, gradient]) }
    }
}

extension LpPool: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, output, gradient) = (try pass.operand(Operand.input), try pass.output(), try pass.outputGradient())
        try pass.give(to: Operand.input) {
            try $0.emit(.lpPoolGradient(LpPoolGradient(forward: self)), [input, output, gradient])
        }
    }
}

extension GlobalPool: DifferentiableOperator {
    /// As a pool whose window is the whole plane; without spatial dimensions nothing is pooled.
    func differentiate(in pass: inout BackwardPass) throws {
        let input = try pass.operand(Operand.input)
        let shape = try pass.writer.shape(input)
        let window = Window(kernel: Array(shape[2...]), strides: [], dilations: [], padding: .valid)
        guard shape.count > 2 else {
            let (gradient, output) = (try pass.outputGradient(), try pass.output())
            return try pass.give(to: Operand.input) {
                switch function {
                case .average, .max: gradient
                case .lp: try $0.multiply(gradient, $0.divide(input, output))
                }
            }
        }
        switch function {
        case .average: try AveragePool(window: window, ceilMode: false, countIncludePad: false).differentiate(in: &pass)
        case .max: try MaxPool(window: window, ceilMode: false, columnMajorIndices: false).differentiate(in: &pass)
        case .lp(let p): try LpPool(window: window, ceilMode: false, p: p).differentiate(in: &pass)
        }
    }
}

extension MaxUnpool: DifferentiableOperator {
    /// The gradients at the places that the values were put to.
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, indices, gradient) = (
            try pass.operand(Operand.input), try pass.operand(Operand.indices), try pass.outputGradient()
        )
        let unpooled = try unpooledShape(pass.writer.shape(input))
        try pass.give(to: Operand.input) {
            let inner = try $0.crop(gradient, from: unpooled.map { _ in 0 }, lengths: unpooled)
            let flat = try $0.reshape(inner, to: [unpooled.reduce(1, *)])
            return try $0.emit(.gather(Gather(axis: 0)), [flat, indices])
        }
    }

    /// The tensor that the indices count over: (L − 1)·stride + extent − pads along every spatial dimension.
    private func unpooledShape(_ shape: [Int]) throws -> [Int] {
        let window = try window.resolved(kernel: nil)
        return shape.prefix(2)
            + window.kernel.indices.map { axis in
                let pads = window.pads(axis, length: shape[axis + 2])
                return (shape[axis + 2] - 1) * window.strides[axis] + window.extent(axis) - pads.begin - pads.end
            }
    }
}
