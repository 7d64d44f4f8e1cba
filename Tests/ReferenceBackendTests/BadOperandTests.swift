import GraphIR
import ReferenceBackend
import Tensors
import Testing

/// What does not fit is refused in words, never with a trap or a giant allocation.
@Suite struct BadOperandTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var operation: Operator
        var operands: [Tensor?]
        /// Part of the message.
        var problem: String
        var outputCount = 1
        var testDescription: String { "\(operation.name): \(problem)" }
    }

    static func ints(_ values: Int64...) -> Tensor { Tensor(vector: values) }
    static func zeros(_ shape: Int..., type: ElementType = .float32) -> Tensor {
        do { return try Tensor(repeating: 0, shape: shape, as: type) } catch { preconditionFailure("\(error)") }
    }
    static let x = zeros(2, 3)
    static let vector = zeros(3)

    static let shapes: [Row] = [
        Row(operation: .reshape(Reshape(shape: [4], allowZero: false)), operands: [x], problem: "cannot reshape"),
        Row(operation: .reshape(Reshape(shape: [-1, 4], allowZero: false)), operands: [x], problem: "do not divide"),
        Row(operation: .reshape(Reshape(shape: [-1, -1], allowZero: false)), operands: [x], problem: "two dimensions open"),
        Row(operation: .reshape(Reshape(shape: [-2], allowZero: false)), operands: [x], problem: "negative"),
        Row(operation: .reshape(Reshape(shape: [6, 1, 0], allowZero: false)), operands: [x], problem: "copies dimension 2"),
        Row(operation: .reshape(Reshape(shape: [0, -1], allowZero: true)), operands: [x], problem: "do not divide"),
        Row(operation: .reshape(Reshape(shape: [.max, .max], allowZero: false)), operands: [x], problem: "memory can address"),
        Row(operation: .reshape(Reshape(shape: nil, allowZero: false)), operands: [x], problem: "neither an attribute"),
        Row(operation: .flatten(Flatten(axis: 3)), operands: [x], problem: "expected -2 … 2"),
        Row(operation: .squeeze(Squeeze(axes: [0])), operands: [x], problem: "has length 2, expected 1"),
        Row(operation: .squeeze(Squeeze(axes: [.min])), operands: [x], problem: "axis is"),
        Row(operation: .unsqueeze(Unsqueeze(axes: [0, -4])), operands: [x], problem: "twice"),
        Row(operation: .unsqueeze(Unsqueeze(axes: [7])), operands: [x], problem: "axis is 7"),
        Row(operation: .transpose(Transpose(permutation: [0, 0])), operands: [x], problem: "some order"),
        Row(operation: .expand(Expand()), operands: [x, ints(4, 3)], problem: "cannot be broadcast"),
        Row(operation: .expand(Expand()), operands: [zeros(), ints(1 << 40, 1 << 40)], problem: "memory"),
        Row(operation: .expand(Expand()), operands: [zeros(), ints(1 << 41)], problem: "can be had"),
        Row(operation: .expand(Expand()), operands: [zeros(), ints(-1)], problem: "negative"),
        Row(operation: .tile(Tile()), operands: [x, ints(.max, 1)], problem: "too long"),
        Row(operation: .tile(Tile()), operands: [x, ints(-1, 1)], problem: "no negative number"),
        Row(operation: .tile(Tile()), operands: [x, ints(1)], problem: "one per dimension"),
        Row(operation: .concat(Concat(axis: 0)), operands: [x, vector], problem: "expected [2, 3]"),
        Row(operation: .concat(Concat(axis: 0)), operands: [x, zeros(2, 3, type: .int8)], problem: "do not mix"),
        Row(operation: .concat(Concat(axis: 0)), operands: [zeros()], problem: "the operand is a scalar"),
        Row(operation: .concat(Concat(axis: 0)), operands: [x, nil], problem: "left out"),
        Row(operation: .split(Split(axis: 1, sizes: [1, 1], outputCount: nil)), operands: [x], problem: "do not make up", outputCount: 2),
        Row(operation: .split(Split(axis: 1, sizes: [-1, 4], outputCount: nil)), operands: [x], problem: "do not make up", outputCount: 2),
        Row(operation: .split(Split(axis: 1, sizes: [.max, .max], outputCount: nil)), operands: [x], problem: "too long", outputCount: 2),
        Row(operation: .split(Split(axis: 1, sizes: [3], outputCount: nil)), operands: [x], problem: "2 outputs", outputCount: 2),
        Row(operation: .slice(StridedSlice(bounds: nil)), operands: [x, ints(0), ints(1), ints(0), ints(0)], problem: "step is 0"),
        Row(operation: .slice(StridedSlice(bounds: nil)), operands: [x, ints(0, 0), ints(1), ints(0)], problem: "2 starts, 1 ends"),
        Row(operation: .slice(StridedSlice(bounds: nil)), operands: [x, ints(0, 0), ints(1, 1), ints(0, -2)], problem: "twice"),
        Row(operation: .slice(StridedSlice(bounds: nil)), operands: [x, zeros(1), ints(1)], problem: "expected integers"),
        Row(operation: .pad(Pad(mode: .constant, pads: [-2, 0, -1, 0], value: 0)), operands: [x], problem: "take more away"),
        Row(operation: .pad(Pad(mode: .constant, pads: [.max, 0, 0, 0], value: 0)), operands: [x], problem: "too long"),
        Row(operation: .pad(Pad(mode: .edge, pads: [.min, 0, .max, 0], value: 0)), operands: [x], problem: "out of range"),
        Row(operation: .pad(Pad(mode: .edge, pads: [1 << 40, 0, 0, 0], value: 0)), operands: [x], problem: "can be had"),
        Row(operation: .pad(Pad(mode: .wrap, pads: [-2, 0, 2, 0], value: 0)), operands: [x], problem: "nothing to pad with"),
        Row(operation: .pad(Pad(mode: .edge, pads: [1, 0], value: 0)), operands: [x], problem: "expected 4"),
        Row(
            operation: .depthToSpace(DepthToSpace(blockSize: 0, mode: .columnRowDepth)),
            operands: [zeros(1, 4, 1, 1)], problem: "positive"),
        Row(operation: .depthToSpace(DepthToSpace(blockSize: 3, mode: .columnRowDepth)), operands: [zeros(1, 4, 1, 1)], problem: "divide"),
        Row(
            operation: .depthToSpace(DepthToSpace(blockSize: .max, mode: .columnRowDepth)),
            operands: [zeros(1, 4, 1, 1)], problem: "too long"),
        Row(operation: .spaceToDepth(SpaceToDepth(blockSize: 2)), operands: [zeros(1, 1, 2, 3)], problem: "divide"),
        Row(operation: .spaceToDepth(SpaceToDepth(blockSize: 2)), operands: [x], problem: "expected 4"),
        Row(
            operation: .dropout(Dropout(ratio: nil, seed: 1, isTestLegacy: nil)),
            operands: [x, Tensor(scalar: Float(1)), Tensor(scalar: true)], problem: "ratio is 1.0"),
    ]

    static let indexing: [Row] = [
        Row(operation: .gather(Gather(axis: 1)), operands: [x, ints(3)], problem: "index 3 is outside"),
        Row(operation: .gather(Gather(axis: 1)), operands: [x, ints(.min)], problem: "is outside"),
        Row(operation: .gather(Gather(axis: 2)), operands: [x, ints(0)], problem: "axis is 2"),
        Row(operation: .gather(Gather(axis: 0)), operands: [x, nil], problem: "left out"),
        Row(operation: .gatherElements(GatherElements(axis: 0)), operands: [x, zeros(1, 4, type: .int64)], problem: "expected to fit"),
        Row(operation: .gatherElements(GatherElements(axis: 0)), operands: [x, ints(0)], problem: "expected to fit"),
        Row(operation: .gatherND(GatherND(batchDimensions: 0)), operands: [x, ints(0, 0, 0)], problem: "do not fit"),
        Row(operation: .gatherND(GatherND(batchDimensions: 0)), operands: [x, ints(0, 5)], problem: "index 5"),
        Row(operation: .gatherND(GatherND(batchDimensions: 1)), operands: [x, zeros(3, 1, type: .int64)], problem: "batch dimensions"),
        Row(operation: .gatherND(GatherND(batchDimensions: -1)), operands: [x, ints(0)], problem: "batch dimensions"),
        Row(operation: .gatherND(GatherND(batchDimensions: 0)), operands: [x, zeros(1 << 41, 0, type: .int64)], problem: "can be had"),
        Row(
            operation: .scatterElements(ScatterElements(axis: 0, reduction: .none)), operands: [x, zeros(1, 1, type: .int64), zeros(1, 2)],
            problem: "updates have [1, 2]"),
        Row(
            operation: .scatterElements(ScatterElements(axis: 0, reduction: .add)),
            operands: [x, zeros(1, 1, type: .int64), zeros(1, 1, type: .float16)], problem: "updates are float16"),
        Row(
            operation: .scatterND(ScatterND(reduction: .none)), operands: [x, zeros(1, 1, type: .int64), vector],
            problem: "expected [1, 3]"),
        Row(operation: .oneHot(OneHot(axis: -1)), operands: [ints(0), ints(-1), zeros(2)], problem: "depth is -1"),
        Row(operation: .oneHot(OneHot(axis: -1)), operands: [ints(0), ints(.max), zeros(2)], problem: "can be had"),
        Row(operation: .oneHot(OneHot(axis: 3)), operands: [ints(0), ints(2), zeros(2)], problem: "axis is 3"),
        Row(operation: .oneHot(OneHot(axis: 0)), operands: [ints(0), ints(2), zeros(3)], problem: "(off, on)"),
        Row(operation: .compress(Compress(axis: 0)), operands: [x, ints(1, 1, 1)], problem: "3 entries"),
        Row(
            operation: .reverseSequence(ReverseSequence(batchAxis: 0, timeAxis: 1)), operands: [x, ints(4, 0)],
            problem: "lengths of at most 3"),
        Row(
            operation: .reverseSequence(ReverseSequence(batchAxis: 0, timeAxis: 0)),
            operands: [x, ints(1, 1)], problem: "expected 0 and 1"),
        Row(operation: .trilu(Trilu(upper: true)), operands: [vector], problem: "expected matrices"),
        Row(operation: .unique(Unique(axis: 5, sorted: true)), operands: [x], problem: "axis is 5", outputCount: 4),
        Row(
            operation: .topK(TopK(axis: 1, largest: true, sorted: true, k: nil)),
            operands: [x, ints(4)], problem: "k is 4", outputCount: 2),
        Row(
            operation: .topK(TopK(axis: 1, largest: true, sorted: true, k: nil)),
            operands: [x, ints(-1)], problem: "k is -1", outputCount: 2),
        Row(
            operation: .topK(TopK(axis: 1, largest: true, sorted: true, k: nil)),
            operands: [x, ints(1, 2)], problem: "single number", outputCount: 2),
        Row(
            operation: .nonMaxSuppression(NonMaxSuppression(centerPointBox: false)), operands: [zeros(1, 2, 4), zeros(1, 1, 3)],
            problem: "[batch, classes, boxes]"),
        Row(
            operation: .nonMaxSuppression(NonMaxSuppression(centerPointBox: false)),
            operands: [zeros(1, 2, 4), zeros(1, 1, 2), ints(1), Tensor(scalar: Float(2))], problem: "IoU threshold"),
        Row(operation: .constantOfShape(ConstantOfShape(value: nil)), operands: [ints(1 << 50)], problem: "can be had"),
        Row(operation: .constantOfShape(ConstantOfShape(value: nil)), operands: [ints(-1)], problem: "negative"),
        Row(operation: .eyeLike(EyeLike(elementType: nil, diagonal: 0)), operands: [vector], problem: "expected a matrix"),
        Row(operation: .range(NumberRange()), operands: [ints(0), ints(.max), ints(1)], problem: "can be had"),
        Row(operation: .range(NumberRange()), operands: [ints(0), ints(1), ints(0)], problem: "delta is 0"),
        Row(operation: .range(NumberRange()), operands: [zeros(1), vector, zeros(1)], problem: "three single numbers"),
        Row(
            operation: .range(NumberRange()),
            operands: [Tensor(scalar: Float(0)), Tensor(scalar: Float.infinity), Tensor(scalar: Float(1))],
            problem: "finite"),
    ]

    static func resize(_ mode: Resize.Mode = .linear, _ coordinates: Resize.Coordinates = .halfPixel) -> Operator {
        .resize(Resize(
            mode: mode, coordinates: coordinates, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: true, axes: nil, aspectRatioPolicy: .stretch))
    }

    static func roiAlign(_ samplingRatio: Int) -> Operator {
        .roiAlign(RoiAlign(
            mode: .average, outputHeight: 1, outputWidth: 1, samplingRatio: samplingRatio, spatialScale: 1, halfPixel: true))
    }

    static let numbers: [Row] = [
        Row(operation: resize(), operands: [x, nil, nil, nil], problem: "neither"),
        Row(operation: resize(), operands: [x, nil, Tensor(vector: [1, 2] as [Float]), ints(2, 6)], problem: "both"),
        Row(operation: resize(), operands: [x, nil, Tensor(vector: [2] as [Float])], problem: "1 scales"),
        Row(operation: resize(), operands: [x, nil, Tensor(vector: [1, -1] as [Float])], problem: "scaled by -1.0"),
        Row(operation: resize(), operands: [x, nil, Tensor(vector: [1, .nan] as [Float])], problem: "scaled by nan"),
        Row(operation: resize(), operands: [x, nil, Tensor(vector: [1, 1e30] as [Float])], problem: "scaled by"),
        Row(operation: resize(), operands: [x, nil, nil, ints(1 << 40, 3)], problem: "can be had"),
        Row(operation: resize(.nearest), operands: [x, nil, nil, ints(1 << 40, 3)], problem: "can be had"),
        Row(operation: resize(), operands: [x, nil, nil, ints(-1, 3)], problem: "size is -1"),
        Row(operation: resize(), operands: [zeros(0, 3), nil, nil, ints(2, 3)], problem: "nothing can be interpolated"),
        Row(operation: resize(.linear, .tfCropAndResize), operands: [x, nil, nil, ints(2, 3)], problem: "roi is left out"),
        Row(operation: .upsample(Upsample(mode: .nearest, scales: nil)), operands: [x], problem: "neither an attribute"),
        Row(
            operation: .gridSample(GridSample(mode: .linear, padding: .zeros, alignCorners: false)),
            operands: [zeros(1, 1, 2, 2), zeros(1, 1, 1, 3)], problem: "expected [N, C"),
        Row(
            operation: .gridSample(GridSample(mode: .linear, padding: .zeros, alignCorners: false)),
            operands: [zeros(1, 1, 0, 2), zeros(1, 1, 1, 2)], problem: "nothing can be sampled"),
        Row(operation: roiAlign(0), operands: [zeros(1, 1, 2, 2), zeros(1, 4), ints(1)], problem: "index 1"),
        Row(operation: roiAlign(0), operands: [zeros(1, 1, 2, 2), zeros(1, 3), ints(0)], problem: "[R, 4]"),
        Row(
            operation: roiAlign(0),
            operands: [zeros(1, 1, 2, 2), (try? Tensor([0, 0, 1e30, 1e30] as [Float], shape: [1, 4])), ints(0)],
            problem: "samples per bin"),
        Row(operation: roiAlign(1025), operands: [zeros(1, 1, 2, 2), zeros(1, 4), ints(0)], problem: "1025 samples per bin"),
        Row(
            operation: .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)), operands: [x, zeros(2)],
            problem: "[3], one per index"),
        Row(
            operation: .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 2, outputType: nil)), operands: [x, zeros(2, 1)],
            problem: "expected [2, 2] for blocks"),
        Row(
            operation: .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: .int8)),
            operands: [x, zeros(), zeros(type: .uint8)], problem: "output_dtype"),
        Row(
            operation: .dequantizeLinear(DequantizeLinear(axis: 1, blockSize: -1)), operands: [zeros(2, 3, type: .int8), vector],
            problem: "expected a scalar"),
        Row(
            operation: .dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)),
            operands: [zeros(2, 3, type: .int8), vector, zeros(3, type: .uint8)], problem: "int8 and uint8"),
        Row(
            operation: .dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)),
            operands: [zeros(2, 3, type: .int8), vector, zeros(1, type: .int8)], problem: "the zero point has shape [1]"),
        Row(
            operation: .negativeLogLikelihoodLoss(NegativeLogLikelihoodLoss(reduction: .mean, ignoredClass: nil)),
            operands: [x, ints(0, 3)],
            problem: "class 3, expected 0 … 2"),
        Row(
            operation: .negativeLogLikelihoodLoss(NegativeLogLikelihoodLoss(reduction: .mean, ignoredClass: nil)),
            operands: [x, ints(0, 1), zeros(2)], problem: "one per class"),
        Row(
            operation: .softmaxCrossEntropyLoss(SoftmaxCrossEntropyLoss(reduction: .mean, ignoredClass: nil)), operands: [x, ints(0)],
            problem: "expected [N, C, d…]", outputCount: 2),
    ]

    @Test(arguments: shapes + indexing + numbers)
    func isRefused(row: Row) throws {
        do {
            _ = try evaluate(row.operation, operands: row.operands, outputCount: row.outputCount, opset: 18)
            Issue.record("no error was thrown")
        } catch let error as CleaveError {
            #expect(error.description.contains(row.problem), "\(error)")
            #expect(error.location.operatorName == row.operation.name)
        }
    }
}
