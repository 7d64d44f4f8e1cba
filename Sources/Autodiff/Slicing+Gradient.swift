import GraphIR
import Tensors

extension NodeWriter {
    /// The gradient of an operator whose output takes, along every axis, position o from `positions[axis][o]` of an input of `shape`.
    fileprivate mutating func scatterBack(_ gradient: ValueID, _ positions: [[Int]], to shape: [Int]) throws -> ValueID {
        var result = gradient
        for (axis, sources) in positions.enumerated() where sources != Array(0..<shape[axis]) {
            var current = try self.shape(result)
            current[axis] = shape[axis]
            result = try scatterAdd(result, at: vector(sources), along: axis, of: current)
        }
        return result
    }
}

extension StridedSlice: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        let (shape, length) = (try pass.writer.shape(input), try pass.writer.shape(gradient))
        let starts = try bounds?.starts ?? integers(Operand.starts, pass) ?? []
        let axes = try integers(Operand.axes, pass) ?? bounds?.axes ?? Array(starts.indices)
        let steps = try integers(Operand.steps, pass) ?? starts.map { _ in 1 }
        guard starts.count == axes.count, steps.count == axes.count else {
            throw CleaveError(.shapeMismatch, "\(starts.count) starts and \(steps.count) steps are given for \(axes.count) axes")
        }
        var (first, stride) = (shape.map { _ in 0 }, shape.map { _ in 1 })
        for (index, given) in axes.enumerated() {
            let axis = given < 0 ? given + shape.count : given
            let start = starts[index] < 0 ? starts[index] + shape[axis] : starts[index]
            stride[axis] = steps[index]
            first[axis] = min(max(start, 0), steps[index] > 0 ? shape[axis] : shape[axis] - 1)
        }
        try pass.give(to: Operand.input) { writer in
            guard stride.allSatisfy({ $0 == 1 }) else {
                let positions = shape.indices.map { axis in (0..<length[axis]).map { first[axis] + $0 * stride[axis] } }
                return try writer.scatterBack(gradient, positions, to: shape)
            }
            let pads = first + shape.indices.map { shape[$0] - length[$0] - first[$0] }
            return try pads.allSatisfy { $0 == 0 }
                ? gradient : writer.emit(.pad(Pad(mode: .constant, pads: nil, value: 0)), [gradient, writer.vector(pads)])
        }
    }

    private func integers(_ operand: Operand, _ pass: BackwardPass) throws -> [Int]? {
        guard let id = pass.node.input(operand) else { return nil }
        guard let known = pass.writer.integers(id) else {
            throw CleaveError(.unsupported, "operand \(operand) is computed, expected a constant")
        }
        return known
    }
}

extension Pad: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        let shape = try pass.writer.shape(input)
        let (begin, end) = try allPads(pass, rank: shape.count)
        try pass.give(to: Operand.input) { writer in
            guard mode != .constant else {
                let pads = (begin + end).map { -$0 }
                return try pads.allSatisfy { $0 == 0 }
                    ? gradient : writer.emit(.pad(Pad(mode: .constant, pads: nil, value: 0)), [gradient, writer.vector(pads)])
            }
            let positions = try shape.indices.map { axis in
                guard let sources = sources(length: shape[axis], begin: begin[axis], end: end[axis]) else {
                    throw CleaveError(.shapeMismatch, "dimension \(axis) has nothing to pad with: shape \(shape), mode \(mode)")
                }
                return sources
            }
            return try writer.scatterBack(gradient, positions, to: shape)
        }
    }

    private func allPads(_ pass: BackwardPass, rank: Int) throws -> (begin: [Int], end: [Int]) {
        let given = try pass.node.input(Operand.pads).map { try constant($0, "pads", pass) } ?? pads ?? []
        let axes = try pass.node.input(Operand.axes).map { try constant($0, "axes", pass) }
        guard let amounts = Pad.amounts(given, axes: axes, rank: rank) else {
            throw CleaveError(.shapeMismatch, "pads has \(given.count) entries, expected \(2 * (axes?.count ?? rank))")
        }
        return amounts
    }

    private func constant(_ id: ValueID, _ name: String, _ pass: BackwardPass) throws -> [Int] {
        guard let known = pass.writer.integers(id) else {
            throw CleaveError(.unsupported, "\(name) is computed, expected a constant")
        }
        return known
    }
}
