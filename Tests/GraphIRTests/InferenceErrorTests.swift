import GraphIR
import Tensors
import Testing

/// Operands that cannot fit, and the words that say so.
@Suite struct InferenceErrorTests {
    private func f(_ shape: Dimension...) -> ValueType { type(.float32, shape) }
    private func i(_ shape: Dimension...) -> ValueType { type(.int64, shape) }

    @Test func convolutions() {
        let conv = convolution()
        #expect(problem(conv, [f(1, 3, 8, 8), f(16, 3, 3, 3, 1)])
            == "weight has 5 dimensions, expected 4 (filters, channels, height, width)")
        #expect(problem(conv, [f(1, 3, 8, 8), f(16, 16, 3, 3)]) == "input has 3 channels, weight expects 16 (groups 1)")
        #expect(problem(convolution(groups: 2), [f(1, 4, 8, 8), f(3, 2, 3, 3)])
            == "weight has 3 filters, expected a multiple of the 2 groups")
        #expect(problem(convolution(groups: 0), [f(1, 4, 8, 8), f(3, 2, 3, 3)]) == "group is 0, expected a positive number")
        #expect(problem(conv, [f(1, 3, 8, 8), f(16, 3, 3, 3), f(8)]) == "bias has 8 elements, expected 16, one per filter")
        #expect(problem(conv, [f(1, 3, 2, 8), f(16, 3, 3, 3)]) == "the window covers 3 elements of spatial dimension 0, which has 2")
        #expect(problem(conv, [f(3, 8), f(16, 3, 3, 3)]) == "input has 2 dimensions, expected at least 3 (batch, channels, spatial …)")
        #expect(problem(conv, [f(1, 3, 8, 8), type(.float64, [16, 3, 3, 3])])
            == "weight has elements of float64, but input has float32: expected the same type")
        #expect(problem(conv, [type(.int32, [1, 3, 8, 8]), f(16, 3, 3, 3)])
            == "input has elements of int32, expected floating-point numbers")
        #expect(problem(conv, [.sequence(f(1)), f(16, 3, 3, 3)]) == "input is sequence(float32[1]), expected a tensor")
        let transposed = Operator.convolutionTranspose(
            ConvolutionTranspose(
                window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [3], end: [3])), groups: 1,
                outputPadding: [], outputShape: nil))
        #expect(problem(transposed, [f(1, 4, 2), f(3, 2, 3)]) == "input has 4 channels, weight expects 3")
        #expect(problem(transposed, [f(1, 3, 2), f(3, 2, 3)])
            == "spatial dimension 0 of the output would have length -2: pads remove too much")
    }

    @Test func matrices() {
        let gemm = Operator.gemm(Gemm(alpha: 1, beta: 1, transposeA: true, transposeB: false, broadcastsLegacy: false))
        #expect(problem(gemm, [f(2, 3), f(3, 4)]) == "a [2, 3]ᵀ and b [3, 4] do not fit: the inner lengths are 2 and 3")
        #expect(problem(gemm, [f(3, 2), f(3, 4), f(5)]) == "c [5] cannot be broadcast to [2, 4], the shape of the product")
        #expect(problem(.matMul(MatMul()), [f(2, 3), f(4, 5)]) == "a [2, 3] and b [4, 5] do not fit: the inner lengths are 3 and 4")
        #expect(problem(.matMul(MatMul()), [f(2, 2, 3), f(3, 3, 5)])
            == "a [2, 2, 3] and b [3, 3, 5] do not fit: their batch dimensions cannot be broadcast")
        #expect(problem(.einsum(Einsum(equation: "ij,jk->iq")), [f(2, 3), f(3, 4)])
            == "equation 'ij,jk->iq' has the letter q in its output, expected each letter once and from an operand")
        #expect(problem(.einsum(Einsum(equation: "ij->")), [f(2, 3), f(3, 4)]) == "equation 'ij->' has 1 term, but there are 2 operands")
        #expect(problem(.einsum(Einsum(equation: "ij,jk")), [f(2, 3), f(4, 4)]) == "j stands for lengths 3 and 4, expected one length")
        #expect(problem(.einsum(Einsum(equation: "i+j")), [f(2, 3)])
            == "equation 'i+j' is malformed at '+j', expected letters and one ellipsis per term")
    }

    @Test func elementwise() {
        #expect(problem(add, [f(2, 3), f(4, 3)])
            == "a [2, 3] and b [4, 3] cannot be broadcast: aligned at the end, lengths must be equal or 1")
        #expect(problem(add, [f(2), i(2)]) == "b has elements of int64, but a has float32: expected the same type")
        #expect(problem(binary(.and), [f(2), f(2)]) == "a has elements of float32, expected booleans")
        #expect(problem(binary(.prelu), [f(2, 3), f(2, 1, 3)]) == "b [2, 1, 3] cannot be broadcast to [2, 3], the shape of a")
        #expect(problem(relu, [type(.string, [1])]) == "input has elements of string, expected numbers")
        let legacy = Operator.binary(Binary(function: .add, broadcastAxis: .legacy(broadcast: true, axis: 1)))
        #expect(problem(legacy, [f(2, 3), f(2)], opset: 6) == "b [2] does not fit into a [2, 3] from dimension 1 on")
        let variadic = Operator.variadic(Variadic(function: .max))
        #expect(problem(variadic, [f(2), f(2), f(3)])
            == "operand 1 [2] and operand 2 [3] cannot be broadcast: aligned at the end, lengths must be equal or 1")
        #expect(problem(.clip(Clip(minimum: nil, maximum: nil)), [f(2), f(2)]) == "minimum has shape [2], expected a single number")
    }

    @Test func axesAndIndices() throws {
        #expect(problem(.gather(Gather(axis: 2)), [f(2, 3), i(1)]) == "axis is 2, expected -2 … 1 for 2 dimensions")
        #expect(problem(.gather(Gather(axis: 0)), [f(2, 3), nil], constants: [1: try ints(2)])
            == "an index is 2, but dimension 0 of the input has length 2, expected -2 … 1")
        #expect(problem(.transpose(Transpose(permutation: [0, 0])), [f(2, 3)])
            == "perm is [0, 0], expected each of 0 … 1 once for 2 dimensions")
        let sum = Operator.reduction(Reduction(function: .sum, axes: [0, -2], keepDimensions: true, keepsInputWithoutAxes: false))
        #expect(problem(sum, [f(2, 3)]) == "axes are [0, -2], expected each dimension once for 2 dimensions")
        #expect(problem(.squeeze(Squeeze(axes: [1])), [f(2, 3)]) == "dimension 1 has length 3, expected 1 to squeeze it")
        #expect(problem(.topK(TopK(axis: 1, largest: true, sorted: true, k: 5)), [f(2, 3)], outputs: 2)
            == "k is 5, but dimension 1 has 3 elements")
        #expect(problem(.concat(Concat(axis: 1)), [f(2, 3), f(3, 3)])
            == "operand 0 [2, 3] and operand 1 [3, 3] differ in dimension 0, expected equal lengths outside dimension 1")
        #expect(problem(.split(Split(axis: 0, sizes: nil, outputCount: nil)), [f(5)], outputs: 2)
            == "dimension 0 has length 5, which cannot be split evenly into 2")
        #expect(problem(.split(Split(axis: 0, sizes: [1, 2], outputCount: nil)), [f(5)], outputs: 2)
            == "split is [1, 2], which sums to 3, but dimension 0 has length 5")
        #expect(problem(.gatherND(GatherND(batchDimensions: 0)), [f(2, 3), i(4, 3)])
            == "index tuples have 3 entries, but the input has 2 dimensions to index")
        #expect(problem(.pad(Pad(mode: .constant, pads: [0, -2, 0, -2], value: 0)), [f(2, 3)], opset: 10)
            == "pads crop dimension 1 of length 3 by -2 and -2, more than it has")
    }

    @Test func shapes() throws {
        let reshape = Operator.reshape(Reshape(shape: nil, allowZero: false))
        #expect(problem(reshape, [f(2, 6), nil], constants: [1: try ints(5, 2)]) == "input [2, 6] has 12 elements, but shape [5, 2] has 10")
        #expect(problem(reshape, [f(2, 6), nil], constants: [1: try ints(5, -1)])
            == "input [2, 6] has 12 elements, which shape [5, -1] does not divide")
        #expect(problem(reshape, [f(2, 6), nil], constants: [1: try ints(-1, -1)])
            == "shape [-1, -1] has several entries of -1, expected at most one")
        #expect(problem(reshape, [f(2, 6), nil], constants: [1: try ints(2, 6, 0)])
            == "shape copies dimension 2, but the input has 2 dimensions")
        #expect(problem(reshape, [f(2, 6), f(2)]) == "shape has elements of float32, expected int32 or int64")
        #expect(problem(.expand(Expand()), [f(2, 6), nil], constants: [1: try ints(3, 1)])
            == "input [2, 6] and shape [3, 1] cannot be broadcast: aligned at the end, lengths must be equal or 1")
        #expect(problem(.depthToSpace(DepthToSpace(blockSize: 2, mode: .depthColumnRow)), [f(1, 6, 2, 2)])
            == "input has 6 channels, expected a multiple of 4 (blocksize 2)")
    }

    @Test func normalizationAndQuantization() {
        let norm = Operator.batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false))
        #expect(problem(norm, [f(1, 4, 2, 2), f(4), f(3), f(4), f(4)]) == "bias has 3 elements, expected 4, one per channel")
        let group = Operator.groupNorm(GroupNorm(groups: 3, epsilon: 1e-5, stashType: 1, affinePerGroup: false))
        #expect(problem(group, [f(1, 4, 2), f(4), f(4)]) == "input has 4 channels, expected a multiple of the 3 groups")
        let quantize = Operator.quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil))
        #expect(problem(quantize, [f(1, 4, 2), f(3), type(.int8, [3])]) == "scale has 3 elements, expected 4, one per slice along the axis")
        let dequantize = Operator.dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0))
        #expect(problem(dequantize, [type(.int8, [4]), f(), type(.uint8, [])])
            == "zero point has elements of uint8, but input has int8: expected the same type")
    }
}
