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
            let positions = shape.indices.map { axis in
                // What negative pads cut off is not there to be reflected or repeated.
                let first = min(max(0, -begin[axis]), shape[axis])
                let length = shape[axis] - first - min(max(0, -end[axis]), shape[axis])
                return (0..<shape[axis] + begin[axis] + end[axis]).map {
                    first + source(of: $0 - max(0, begin[axis]), length: max(1, length))
                }
            }
            return try writer.scatterBack(gradient, positions, to: shape)
        }
    }

    /// Where a position outside 0 ..< length takes its element from.
    private func source(of position: Int, length: Int) -> Int {
        func modulo(_ value: Int, _ period: Int) -> Int { ((value % period) + period) % period }
        switch mode {
        case .constant, .edge: return min(max(position, 0), length - 1)
        case .wrap: return modulo(position, length)
        case .reflect:
            guard length > 1 else { return 0 }
            let folded = modulo(position, 2 * (length - 1))
            return min(folded, 2 * (length - 1) - folded)
        }
    }

    private func allPads(_ pass: BackwardPass, rank: Int) throws -> (begin: [Int], end: [Int]) {
        let given = try pass.node.input(Operand.pads).map { try constant($0, "pads", pass) } ?? pads ?? []
        let axes = try pass.node.input(Operand.axes).map { try constant($0, "axes", pass) } ?? Array(0..<rank)
        guard given.count == 2 * axes.count else {
            throw CleaveError(.shapeMismatch, "pads has \(given.count) entries, expected \(2 * axes.count)")
        }
        var (begin, end) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
        for (index, axis) in axes.enumerated() {
            begin[axis < 0 ? axis + rank : axis] = given[index]
            end[axis < 0 ? axis + rank : axis] = given[axes.count + index]
        }
        return (begin, end)
    }

    private func constant(_ id: ValueID, _ name: String, _ pass: BackwardPass) throws -> [Int] {
        guard let known = pass.writer.integers(id) else {
            throw CleaveError(.unsupported, "\(name) is computed, expected a constant")
        }
        return known
    }
}
