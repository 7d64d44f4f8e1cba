import GraphIR
import Tensors

extension BackwardPass {
    /// The gradient in the shape of the first operand: what all operators that only name elements anew have.
    fileprivate mutating func giveReshaped() throws {
        let (input, gradient) = (try operand(at: 0), try outputGradient())
        try give(toOperandAt: 0) { try $0.reshape(gradient, to: $0.shape(input)) }
    }
}

extension Reshape: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws { try pass.giveReshaped() }
}

extension Flatten: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws { try pass.giveReshaped() }
}

extension Squeeze: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws { try pass.giveReshaped() }
}

extension Unsqueeze: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws { try pass.giveReshaped() }
}

extension Identity: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws { try pass.giveReshaped() }
}

extension Transpose: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        let rank = try pass.writer.shape(gradient).count
        let permutation = permutation ?? (0..<rank).reversed()
        try pass.give(to: Operand.input) {
            try $0.transpose(gradient, (0..<rank).map { axis in permutation.firstIndex(of: axis) ?? axis })
        }
    }
}

extension Expand: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        try pass.give(to: Operand.input) { _ in gradient }
    }
}

extension Tile: DifferentiableOperator {
    /// The sum over the copies, each dimension taken apart as [repeats, length].
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        let (shape, tiled) = (try pass.writer.shape(input), try pass.writer.shape(gradient))
        let apart = zip(shape, tiled).flatMap { length, full in [length == 0 ? 1 : full / length, length] }
        try pass.give(to: Operand.input) {
            let copies = try $0.reshape(gradient, to: apart)
            return try $0.reshape($0.sum(copies, over: shape.indices.map { 2 * $0 }.filter { apart[$0] > 1 }), to: shape)
        }
    }
}

extension Concat: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        let rank = try pass.writer.shape(gradient).count
        let axis = axis < 0 ? axis + rank : axis
        var start = [Int](repeating: 0, count: rank)
        for index in pass.node.inputs.indices {
            let shape = try pass.writer.shape(pass.operand(at: index))
            try pass.give(toOperandAt: index) { try $0.crop(gradient, from: start, lengths: shape) }
            start[axis] += shape[axis]
        }
    }
}

extension Split: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let input = try pass.operand(Operand.input)
        let axis = try axis < 0 ? axis + pass.writer.shape(input).count : axis
        let sizes = try partSizes(pass, length: pass.writer.shape(input)[axis])
        var parts: [ValueID] = []
        for index in pass.node.outputs.indices {
            if let gradient = try pass.outputGradient(at: index) {
                parts.append(gradient)
            } else {
                var shape = try pass.writer.shape(input)
                shape[axis] = sizes[index]
                parts.append(try pass.writer.zeros(shape, as: pass.writer.elementType(input)))
            }
        }
        try pass.give(to: Operand.input) { try parts.count == 1 ? parts[0] : $0.emit(.concat(Concat(axis: axis)), parts) }
    }

    /// The sizes that are given, or even ones of which the last may be smaller.
    private func partSizes(_ pass: BackwardPass, length: Int) throws -> [Int] {
        let given = try pass.node.input(Operand.sizes).map { id in
            guard let known = pass.writer.integers(id) else {
                throw CleaveError(.unsupported, "the sizes are computed, expected constants")
            }
            return known
        }
        if let sizes = given ?? sizes { return sizes }
        let count = pass.node.outputs.count
        let chunk = (length + count - 1) / count
        return (0..<count).map { min(chunk, max(0, length - $0 * chunk)) }
    }
}

extension DepthToSpace: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        let (shape, block) = (try pass.writer.shape(input), blockSize)
        try pass.give(to: Operand.input) {
            switch mode {
            case .depthColumnRow: return try $0.emit(.spaceToDepth(SpaceToDepth(blockSize: block)), [gradient])
            case .columnRowDepth:
                let depth = shape[1] / (block * block)
                let apart = try $0.reshape(gradient, to: [shape[0], depth, shape[2], block, shape[3], block])
                return try $0.reshape($0.transpose(apart, [0, 1, 3, 5, 2, 4]), to: shape)
            }
        }
    }
}

extension SpaceToDepth: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        try pass.give(to: Operand.input) {
            try $0.emit(.depthToSpace(DepthToSpace(blockSize: blockSize, mode: .depthColumnRow)), [gradient])
        }
    }
}

extension Dropout: DifferentiableOperator {
    /// In inference nothing is dropped. What is active in training, a training graph has replaced.
    func differentiate(in pass: inout BackwardPass) throws {
        if let mode = pass.node.input(Operand.trainingMode) {
            guard let isActive = pass.graph.constant(mode)?.doubles()?.first.map({ $0 != 0 }), !isActive else {
                throw CleaveError(.unsupported, "an active dropout has no mask to differentiate with")
            }
        }
        try pass.giveReshaped()
    }
}
