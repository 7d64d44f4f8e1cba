import CKernels
import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    mutating func lower(_ gemm: Gemm, _ group: Group) throws -> Bool {
        let node = group.anchor
        guard let a = node.input(Gemm.Operand.a), let b = node.input(Gemm.Operand.b), isBuffered(a), isBuffered(b),
            let output = node.outputs.first ?? nil, shape(a).count == 2, shape(b).count == 2
        else { return false }
        let (rows, columns) = (shape(output)[0], shape(output)[1])
        let inner = gemm.transposeA ? shape(a)[0] : shape(a)[1]
        var bias = [Float](repeating: 0, count: columns)
        if let c = node.input(Gemm.Operand.c) {
            // A bias that differs from row to row is left to the reference kernel.
            guard let values = elements(c), shape(c).last.map({ $0 == columns || $0 == 1 }) ?? true,
                shape(c).dropLast().allSatisfy({ $0 == 1 }), values.count == columns || values.count == 1
            else { return false }
            bias = bias.indices.map { gemm.beta * values[values.count == 1 ? 0 : $0] }
        }
        guard let weights = elements(b) else {
            guard gemm.alpha == 1, node.input(Gemm.Operand.c) == nil, group.affine.isEmpty else { return false }
            let left = try Layout.strided([rows, inner], strides: gemm.transposeA ? [1, rows] : [inner, 1])
            let right = try Layout.strided([inner, columns], strides: gemm.transposeB ? [1, inner] : [columns, 1])
            return try lowerProduct((a, left), (b, right), [rows, columns], group)
        }
        let source = try Layout.strided([rows, inner], strides: gemm.transposeA ? [1, rows] : [inner, 1])
        let layout = try Layout.strided([columns, inner], strides: gemm.transposeB ? [inner, 1] : [1, columns])
        let scaled = gemm.alpha == 1 ? weights : weights.map { $0 * gemm.alpha }
        return try lowerInnerProduct((a, source), scaled, layout, bias, shape(output), group)
    }

    mutating func lowerMatMul(_ group: Group) throws -> Bool {
        guard group.anchor.inputs.count == 2, let a = group.anchor.inputs[0], let b = group.anchor.inputs[1], isBuffered(b),
            let output = group.anchor.outputs.first ?? nil
        else { return false }
        let (left, right) = (shape(a), shape(b))
        guard left.count >= 2, right.count >= 2 else { return false }
        let inner = left[left.count - 1], columns = right[right.count - 1]
        if right.count == 2, let weights = elements(b) {
            let source = try Layout.plain([left.dropLast().reduce(1, *), inner])
            let layout = try Layout.strided([columns, inner], strides: [1, columns])
            return try lowerInnerProduct((a, source), weights, layout, [Float](repeating: 0, count: columns), shape(output), group)
        }
        let rank = max(left.count, right.count)
        let padded = { (shape: [Int]) in [Int](repeating: 1, count: rank - shape.count) + shape }
        guard group.affine.isEmpty else { return false }
        return try lowerProduct((a, .plain(padded(left))), (b, .plain(padded(right))), shape(output), group)
    }

    /// source [M, K] times constant weights [N, K], plus a bias; `lengths` is the result's shape in the graph.
    private mutating func lowerInnerProduct(
        _ source: (id: ValueID, layout: Layout), _ weights: [Float], _ layout: Layout, _ bias: [Float], _ lengths: [Int], _ group: Group
    ) throws -> Bool {
        var (weights, bias) = (weights, bias)
        let (rows, columns, inner) = (source.layout.shape[0], layout.shape[0], layout.shape[1])
        let isRowMajor = layout.isPlain
        for affine in group.affine {
            for column in 0..<columns {
                bias[column] = bias[column] * affine.scale[column] + affine.shift[column]
                let (start, step) = isRowMajor ? (column * inner, 1) : (column, columns)
                for index in 0..<inner { weights[start + index * step] *= affine.scale[column] }
            }
        }
        let vector = try Layout.plain([columns]), result = try Layout.plain([rows, columns])
        let primitive = try Primitive.innerProduct(
            source.layout, weights: .any([columns, inner]), bias: vector, destination: result)
        let packed = addConstant(try PackedConstant.pack(weights, as: layout, in: primitive.layout(ONEDNN_WEIGHTS), pool: pool))
        let biases = addConstant(try .vector(bias, pool: pool))
        let buffer = try plainOperand(source.id)
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [
                    .init(ONEDNN_SOURCE, buffer, source.layout), .init(ONEDNN_WEIGHTS, packed, try primitive.layout(ONEDNN_WEIGHTS)),
                    .init(ONEDNN_BIAS, biases, vector), .init(ONEDNN_DESTINATION, target, result),
                ]),
            computing: group.mainNodes(withEpilogue: 0), reads: [buffer, packed, biases], writes: [target])
        try finish(group, from: 0, in: target, .plain(lengths))
        return true
    }

    /// The product of two tensors that both change from run to run.
    private mutating func lowerProduct(
        _ a: (id: ValueID, layout: Layout), _ b: (id: ValueID, layout: Layout), _ lengths: [Int], _ group: Group
    ) throws -> Bool {
        let result = try Layout.plain(lengths)
        let primitive = try Primitive.matmul(a.layout, weights: b.layout, bias: nil, destination: result)
        let left = try plainOperand(a.id), right = try plainOperand(b.id)
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [
                    .init(ONEDNN_SOURCE, left, a.layout), .init(ONEDNN_WEIGHTS, right, b.layout),
                    .init(ONEDNN_DESTINATION, target, result),
                ]),
            computing: group.mainNodes(withEpilogue: 0), reads: [left, right], writes: [target])
        try finish(group, from: 0, in: target, result)
        return true
    }
}
