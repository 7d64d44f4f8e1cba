import COnnxSchema
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("Operators through the opsets")
struct OperatorVersionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var opset: Int
        var attributes: @Sendable (inout AttributeWriter) -> Void = { _ in }
        var operands = 1
        var outputs = 1
        /// `nil` for an operator that stays opaque.
        var expected: Operator?

        var testDescription: String { "\(name) at opset \(opset)" }
    }

    private static func reduction(_ function: Reduction.Function, _ axes: [Int]?, noop: Bool = false) -> Operator {
        .reduction(Reduction(function: function, axes: axes, keepDimensions: true, keepsInputWithoutAxes: noop))
    }

    private static func resize(_ coordinates: Resize.Coordinates, _ nearest: Resize.NearestMode, axes: [Int]? = nil) -> Operator {
        .resize(
            Resize(
                mode: .nearest, coordinates: coordinates, nearestMode: nearest, cubicCoefficient: -0.75, excludeOutside: false,
                extrapolationValue: 0, antialias: false, axes: axes, aspectRatioPolicy: .stretch))
    }

    private static func batchNorm(training: Bool) -> Operator {
        .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: training))
    }

    private static let kernel: @Sendable (inout AttributeWriter) -> Void = { $0.ints("kernel_shape", [2]) }
    private static let window = Window(kernel: [2], strides: [], dilations: [], padding: .explicit(begin: [], end: []))

    /// What a node without further attributes means, at the versions where that changed.
    static let defaults: [Case] = [
        Case(name: "Softmax", opset: 12, expected: .softmax(Softmax(function: .softmax, axis: 1, flattens: true))),
        Case(name: "Softmax", opset: 13, expected: .softmax(Softmax(function: .softmax, axis: -1, flattens: false))),
        Case(name: "Hardmax", opset: 13, expected: .softmax(Softmax(function: .hardmax, axis: -1, flattens: false))),
        Case(name: "Clip", opset: 6, attributes: { $0.float("max", 6) }, expected: .clip(Clip(minimum: nil, maximum: 6))),
        Case(name: "Clip", opset: 11, operands: 3, expected: .clip(Clip(minimum: nil, maximum: nil))),
        Case(name: "Clip", opset: 11, attributes: { $0.float("max", 6) }, expected: nil),
        Case(name: "Dropout", opset: 6, expected: .dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: false))),
        Case(name: "Dropout", opset: 7, expected: .dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: nil))),
        Case(name: "Dropout", opset: 12, expected: .dropout(Dropout(ratio: nil, seed: nil, isTestLegacy: nil))),
        Case(name: "BatchNormalization", opset: 6, operands: 5, expected: batchNorm(training: true)),
        Case(
            name: "BatchNormalization", opset: 6, attributes: { $0.int("is_test", 1) }, operands: 5,
            expected: batchNorm(training: false)),
        Case(name: "BatchNormalization", opset: 9, operands: 5, expected: batchNorm(training: false)),
        Case(name: "BatchNormalization", opset: 9, operands: 5, outputs: 5, expected: batchNorm(training: true)),
        Case(name: "BatchNormalization", opset: 14, operands: 5, expected: batchNorm(training: false)),
        Case(name: "BatchNormalization", opset: 8, attributes: { $0.int("spatial", 0) }, operands: 5, expected: nil),
        Case(
            name: "Add", opset: 6, operands: 2,
            expected: .binary(Binary(function: .add, broadcastAxis: .legacy(broadcast: false, axis: nil)))),
        Case(name: "Add", opset: 7, operands: 2, expected: .binary(Binary(function: .add, broadcastAxis: .numpy))),
        Case(
            name: "PRelu", opset: 6, operands: 2,
            expected: .binary(Binary(function: .prelu, broadcastAxis: .legacy(broadcast: true, axis: 1)))),
        Case(name: "ReduceSum", opset: 12, attributes: { $0.ints("axes", [0]) }, expected: reduction(.sum, [0])),
        Case(name: "ReduceSum", opset: 13, operands: 2, expected: reduction(.sum, nil)),
        Case(name: "ReduceMean", opset: 17, attributes: { $0.ints("axes", [0]) }, expected: reduction(.mean, [0])),
        Case(
            name: "ReduceMean", opset: 18, attributes: { $0.int("noop_with_empty_axes", 1) },
            expected: reduction(.mean, nil, noop: true)),
        Case(
            name: "TopK", opset: 9, attributes: { $0.int("k", 2) }, outputs: 2,
            expected: .topK(TopK(axis: -1, largest: true, sorted: true, k: 2))),
        Case(name: "TopK", opset: 10, operands: 2, outputs: 2, expected: .topK(TopK(axis: -1, largest: true, sorted: true, k: nil))),
        Case(name: "Squeeze", opset: 12, attributes: { $0.ints("axes", [0]) }, expected: .squeeze(Squeeze(axes: [0]))),
        Case(name: "Squeeze", opset: 13, operands: 2, expected: .squeeze(Squeeze(axes: nil))),
        Case(
            name: "Split", opset: 12, attributes: { $0.ints("split", [1, 1]) }, outputs: 2,
            expected: .split(Split(axis: 0, sizes: [1, 1], outputCount: nil))),
        Case(
            name: "Split", opset: 18, attributes: { $0.int("num_outputs", 2) }, outputs: 2,
            expected: .split(Split(axis: 0, sizes: nil, outputCount: 2))),
        Case(
            name: "Upsample", opset: 7, attributes: { $0.floats("scales", [1, 2]) },
            expected: .upsample(Upsample(mode: .nearest, scales: [1, 2]))),
        Case(name: "Upsample", opset: 9, operands: 2, expected: .upsample(Upsample(mode: .nearest, scales: nil))),
        Case(name: "Upsample", opset: 10, operands: 2, expected: nil),
        Case(name: "Resize", opset: 10, operands: 2, expected: resize(.asymmetric, .floor)),
        Case(name: "Resize", opset: 11, operands: 3, expected: resize(.halfPixel, .roundPreferFloor)),
        Case(
            name: "Resize", opset: 18, attributes: { $0.ints("axes", [1]) }, operands: 3,
            expected: resize(.halfPixel, .roundPreferFloor, axes: [1])),
        Case(
            name: "GridSample", opset: 16, attributes: { $0.string("mode", "bicubic") }, operands: 2,
            expected: .gridSample(GridSample(mode: .cubic, padding: .zeros, alignCorners: false))),
        Case(name: "GridSample", opset: 20, attributes: { $0.string("mode", "bicubic") }, operands: 2, expected: nil),
        Case(
            name: "GridSample", opset: 20, operands: 2,
            expected: .gridSample(GridSample(mode: .linear, padding: .zeros, alignCorners: false))),
        Case(
            name: "QuantizeLinear", opset: 10, operands: 2,
            expected: .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil))),
        Case(
            name: "QuantizeLinear", opset: 21, attributes: { $0.int("output_dtype", 3) }, operands: 2,
            expected: .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: .int8))),
        Case(name: "DequantizeLinear", opset: 23, attributes: { $0.int("output_dtype", 10) }, operands: 2, expected: nil),
        Case(name: "Scatter", opset: 10, operands: 3, expected: .scatterElements(ScatterElements(axis: 0, reduction: .none))),
        Case(name: "Scatter", opset: 11, operands: 3, expected: nil),
        Case(name: "ScatterElements", opset: 16, attributes: { $0.string("reduction", "max") }, operands: 3, expected: nil),
        Case(
            name: "ScatterElements", opset: 18, attributes: { $0.string("reduction", "max") }, operands: 3,
            expected: .scatterElements(ScatterElements(axis: 0, reduction: .max))),
        Case(
            name: "GroupNormalization", opset: 18, attributes: { $0.int("num_groups", 2) }, operands: 3,
            expected: .groupNorm(GroupNorm(groups: 2, epsilon: 1e-5, stashType: 1, affinePerGroup: true))),
        Case(
            name: "GroupNormalization", opset: 21, attributes: { $0.int("num_groups", 2) }, operands: 3,
            expected: .groupNorm(GroupNorm(groups: 2, epsilon: 1e-5, stashType: 1, affinePerGroup: false))),
        Case(
            name: "AveragePool", opset: 9, attributes: kernel,
            expected: .averagePool(AveragePool(window: window, ceilMode: false, countIncludePad: false))),
        Case(name: "HardSwish", opset: 13, expected: nil),
        Case(name: "HardSwish", opset: 14, expected: .activation(Activation(function: .hardSwish))),
        Case(name: "Mish", opset: 17, expected: nil),
        Case(name: "Gelu", opset: 20, expected: .activation(Activation(function: .gelu(tanhApproximation: false)))),
        Case(name: "Cast", opset: 18, attributes: { $0.int("to", 17) }, expected: .cast(Cast(to: .float8e4m3fn, saturate: true))),
        Case(name: "Cast", opset: 23, attributes: { $0.int("to", 99) }, expected: nil),
        Case(name: "Relu", opset: 5, expected: nil),
        Case(name: "Softplus", opset: 5, expected: .activation(Activation(function: .softplus))),
    ]

    /// The operator that a node becomes, without the rest of a graph.
    private func decode(_ item: Case) throws -> Operator? {
        let model = TestModel(opset: Int64(item.opset))
        return try withExtendedLifetime(model) {
            let node = model.node(
                item.name, (0..<item.operands).map { "i\($0)" }, (0..<item.outputs).map { "o\($0)" }, attributes: item.attributes)
            var reader = try AttributeReader(node.pointee, opset: item.opset, tensors: TensorReader(external: ExternalData(folder: nil)))
            return try OperatorTable.decode(item.name, &reader)
        }
    }

    @Test("A node means what its opset says", arguments: defaults)
    func decodes(item: Case) throws { #expect(try decode(item) == item.expected) }

    @Test("What was read is written so that it reads the same", arguments: defaults.filter { $0.expected != nil })
    func encodes(item: Case) throws {
        let operation = try #require(item.expected)
        var again = item
        again.name = try operation.onnxName(opset: item.opset)
        #expect(again.name == item.name)
        let arena = MessageArena()
        var writer = AttributeWriter(opset: item.opset, operandCount: item.operands, outputCount: item.outputs, arena: arena)
        try operation.writeAttributes(to: &writer)
        let node = arena.make(Onnx__NodeProto.self)
        node.pointee.n_attribute = writer.attributes.count
        node.pointee.attribute = arena.list(writer.attributes)
        node.pointee.n_input = item.operands
        node.pointee.n_output = item.outputs
        try withExtendedLifetime(arena) {
            var reader = try AttributeReader(node.pointee, opset: item.opset, tensors: TensorReader(external: ExternalData(folder: nil)))
            #expect(try OperatorTable.decode(item.name, &reader) == operation)
        }
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var operation: Operator
        var opset: Int
        var operands = 1
        var problem: String

        var testDescription: String { "\(operation.name) at opset \(opset)" }
    }

    static let refusals: [Refusal] = [
        Refusal(
            operation: .clip(Clip(minimum: 0, maximum: nil)), opset: 11,
            problem: "the limits are attributes, which is possible up to opset 10, but the graph's is 11"),
        Refusal(
            operation: .clip(Clip(minimum: nil, maximum: nil)), opset: 10, operands: 3,
            problem: "the limits are operands, which is possible since opset 11, but the graph's is 10"),
        Refusal(
            operation: .softmax(Softmax(function: .softmax, axis: 1, flattens: true)), opset: 13,
            problem: "the input is taken as a matrix, which is possible up to opset 12, but the graph's is 13"),
        Refusal(
            operation: reduction(.mean, [1]), opset: 18,
            problem: "the axes are an attribute, which is possible up to opset 17, but the graph's is 18"),
        Refusal(
            operation: .slice(StridedSlice(bounds: nil)), opset: 9, operands: 3,
            problem: "the bounds are operands, which is possible since opset 10, but the graph's is 9"),
        Refusal(
            operation: .binary(Binary(function: .add, broadcastAxis: .legacy(broadcast: true, axis: 1))), opset: 7, operands: 2,
            problem: "the second operand is aligned at dimension 1, which is possible up to opset 6, but the graph's is 7"),
        Refusal(
            operation: .upsample(Upsample(mode: .nearest, scales: nil)), opset: 13, operands: 2,
            problem: "Upsample exists up to opset 9, but the graph's is 13"),
        Refusal(
            operation: .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)), opset: 9, operands: 2,
            problem: "Gemm has no operand C, which is possible since opset 11, but the graph's is 9"),
        Refusal(
            operation: .pad(Pad(mode: .wrap, pads: nil, value: 0)), opset: 18, operands: 2,
            problem: "attribute 'mode' is 'wrap', which is possible since opset 19, but the graph's is 18"),
    ]

    @Test("What an opset cannot say is refused", arguments: refusals)
    func refuses(item: Refusal) throws {
        let error = #expect(throws: CleaveError.self) {
            var writer = AttributeWriter(opset: item.opset, operandCount: item.operands, outputCount: 1, arena: MessageArena())
            _ = try item.operation.onnxName(opset: item.opset)
            try item.operation.writeAttributes(to: &writer)
        }
        #expect(error?.problem == item.problem)
        #expect(error?.kind == .unsupported)
    }

    @Test("Every name in the table is the name that its operator is written under")
    func names() throws {
        for (name, entry) in OperatorTable.entries.sorted(by: { $0.key < $1.key }) {
            #expect(name == entry.name)
            #expect(entry.opsets.overlaps(OperatorTable.opsets), "\(name)")
        }
        #expect(OperatorTable.entries.count > 150)
    }
}
