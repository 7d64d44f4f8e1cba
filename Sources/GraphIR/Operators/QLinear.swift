import Tensors

/// The integer operators that ONNX Runtime adds to ONNX's (domain `com.microsoft`): a float operator whose operands are dequantized
/// before it, and whose result is quantized.
///
/// Every quantized tensor comes with its scale and zero point, which may be left out for 0.
public struct QLinear: OperatorPayload {
    public var function: Function

    public static let operandCount = 4...Int.max
    public static let outputCount = 1...1

    public enum Function: Hashable, Sendable {
        /// `QLinearAdd`: a, a_scale, a_zero_point, b, b_scale, b_zero_point, scale, zero_point.
        case add
        /// `QLinearMul`, operands as for `add`.
        case mul
        /// `QLinearAveragePool`: input, scale, zero_point, those of the output.
        case averagePool(AveragePool)
        /// `QLinearGlobalAveragePool`, operands as for `averagePool`.
        case globalAveragePool
        /// `QLinearConcat`: scale and zero_point of the output, then input, scale, zero_point of each.
        case concat(axis: Int)
        /// `QGemm`: alpha·A·B + C; a, a_scale, a_zero_point, b, b_scale, b_zero_point, c as int32 of the scale a_scale·b_scale, then
        /// scale and zero_point of the output, without which it is float.
        case gemm(alpha: Float, transposeA: Bool, transposeB: Bool)
    }

    public init(function: Function) {
        self.function = function
    }

    /// The domain of the operators.
    public static let domain = "com.microsoft"

    /// Where an operand, or the output, has its scale and zero point.
    public struct Parameters: Hashable, Sendable {
        public var scale: Int
        public var zeroPoint: Int
    }

    /// The places of the quantized operands, each followed by scale and zero point.
    public func quantizedOperands(of count: Int) -> [Int] {
        switch function {
        case .add, .mul, .gemm: [0, 3]
        case .averagePool, .globalAveragePool: [0]
        case .concat: Array(stride(from: 2, to: count, by: 3))
        }
    }

    public var outputParameters: Parameters {
        switch function {
        case .add, .mul: Parameters(scale: 6, zeroPoint: 7)
        case .averagePool, .globalAveragePool: Parameters(scale: 3, zeroPoint: 4)
        case .concat: Parameters(scale: 0, zeroPoint: 1)
        case .gemm: Parameters(scale: 7, zeroPoint: 8)
        }
    }

    /// The place of an int32 operand; `nil` for functions without one.
    public var biasOperand: Int? { if case .gemm = function { 6 } else { nil } }

    /// The same on floats.
    public var floatOperator: Operator {
        switch function {
        case .add: .binary(Binary(function: .add, broadcastAxis: .numpy))
        case .mul: .binary(Binary(function: .mul, broadcastAxis: .numpy))
        case .averagePool(let pool): .averagePool(pool)
        case .globalAveragePool: .globalPool(GlobalPool(function: .average))
        case .concat(let axis): .concat(Concat(axis: axis))
        case .gemm(let alpha, let transposeA, let transposeB):
            .gemm(Gemm(alpha: alpha, beta: 1, transposeA: transposeA, transposeB: transposeB, broadcastsLegacy: false))
        }
    }

    public var name: String {
        switch function {
        case .add: "QLinearAdd"
        case .mul: "QLinearMul"
        case .averagePool: "QLinearAveragePool"
        case .globalAveragePool: "QLinearGlobalAveragePool"
        case .concat: "QLinearConcat"
        case .gemm: "QGemm"
        }
    }
}

extension QLinear {
    /// Shapes are those of the float operator.
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let places = quantizedOperands(of: context.operandCount)
        guard !places.isEmpty else { throw CleaveError(.invalidGraph, "\(name) has no operand to compute with") }
        var elementTypes: [ElementType?] = []
        var types: [ValueType?] = []
        for place in places {
            let type = context.tensor(at: place)
            if let type, type.elementType != .uint8, type.elementType != .int8 {
                throw CleaveError(.typeMismatch, "operand \(place) has elements of \(type.elementType), expected int8 or uint8")
            }
            elementTypes.append(type?.elementType)
            types.append(type.map { .tensor(TensorType(.float32, $0.shape)) })
        }
        if let biasOperand, biasOperand < context.operandCount, context.isPresent[biasOperand] {
            types.append(context.tensor(at: biasOperand).map { .tensor(TensorType(.float32, $0.shape)) })
        }
        let float = InferenceContext(
            types: types, isPresent: types.map { _ in true }, constants: types.map { _ in nil }, contents: types.map { _ in nil },
            captures: [:], outputCount: 1, opset: max(context.opset, 13))
        let shape = try floatOperator.payload.inferOutputs(float).first?.type?.tensor?.shape
        let (scale, zeroPoint) = (outputParameters.scale, outputParameters.zeroPoint)
        guard scale < context.operandCount, context.isPresent[scale] else { return [InferredValue(.float32, shape)] }
        return [InferredValue(context.tensor(at: zeroPoint)?.elementType ?? elementTypes[0], shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? {
        let operands = quantizedOperands(of: context.inputs.count).map { $0 < context.inputs.count ? context.inputs[$0] : nil }
        return floatOperator.payload.multiplyAccumulates(CostContext(inputs: operands, outputs: context.outputs))
    }
}
