import Tensors

/// An operator on 8-bit integers as integer kernels compute it: what the nodes between `DequantizeLinear` and `QuantizeLinear` become
/// before they run. ONNX has no name for it.
///
/// Operands and result stand for real = scale·(q − zeroPoint). Sums are int32 and wrap around; how they are rounded to the result
/// is `rounding`'s.
public struct IntegerOperator: OperatorPayload {
    public var function: Function
    public var rounding: Rounding
    /// Of the quantized operands, in order: the input, then the second one or the residual. Filters have their own.
    public var operands: [Affine]
    public var result: Result

    public static let operandCount = 1...4
    public static let outputCount = 1...1

    /// real = scale·(q − zeroPoint)
    public struct Affine: Hashable, Sendable {
        public var scale: Float
        public var zeroPoint: Int32

        public init(scale: Float, zeroPoint: Int32) {
            self.scale = scale
            self.zeroPoint = zeroPoint
        }
    }

    /// Scales and zero points of constant weights: one for all, or one per output channel.
    public struct Filters: Hashable, Sendable {
        public var scales: [Float]
        public var zeroPoints: [Int32]

        public init(scales: [Float], zeroPoints: [Int32]) {
            self.scales = scales
            self.zeroPoints = zeroPoints
        }
    }

    public enum Function: Hashable, Sendable {
        /// Operands: input [N, C, …], constant weight [M, C/groups, …], bias [M] in int32 of scale s_x·s_w (or left out), residual of
        /// the output's shape (or left out).
        case convolution(Convolution, Filters)
        /// input [M, …, K] times a constant weight [K, N], or [N, K] if it is transposed; bias and residual as above.
        case product(transposesWeight: Bool, Filters)
        /// Of two operands, broadcast as NumPy does.
        case add
        case multiply
        case averagePool(AveragePool)
        case globalAverage
        /// The result for each of the 256 integers, from the smallest on.
        case table([Int32])
    }

    public enum Rounding: Hashable, Sendable {
        /// round(float32(sum)·float32(s_x·s_w/s_y)) + zero point, ties to even, as ONNX Runtime's integer operators; sums, products and
        /// averages of activations are rounded with the zero point already added.
        case float32
        /// TFLite's: a multiplier of 31 bits and a shift, which round twice.
        case fixedPoint
    }

    public struct Result: Hashable, Sendable {
        /// int8 or uint8; or float32 for sum·s_x·s_w without any rounding to integers.
        public var elementType: ElementType
        public var affine: Affine
        /// What an activation leaves of the range, at most that of the type.
        public var limits: ClosedRange<Int32>

        public init(elementType: ElementType, affine: Affine, limits: ClosedRange<Int32>) {
            self.elementType = elementType
            self.affine = affine
            self.limits = limits
        }
    }

    public enum Operand: Int, CaseIterable, Sendable {
        case input, weight, bias, residual
    }

    public init(function: Function, rounding: Rounding, operands: [Affine], result: Result) {
        self.function = function
        self.rounding = rounding
        self.operands = operands
        self.result = result
    }

    /// The name of what the nodes were.
    public var name: String {
        switch function {
        case .convolution: "Conv(int8)"
        case .product: "MatMul(int8)"
        case .add: "Add(int8)"
        case .multiply: "Mul(int8)"
        case .averagePool: "AveragePool(int8)"
        case .globalAverage: "GlobalAveragePool(int8)"
        case .table: "Table(int8)"
        }
    }

    /// The same on floats.
    public var floatOperator: Operator? {
        switch function {
        case .convolution(let payload, _): .convolution(payload)
        case .product(let transposesWeight, _):
            transposesWeight
                ? .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)) : .matMul(MatMul())
        case .add: .binary(Binary(function: .add, broadcastAxis: .numpy))
        case .multiply: .binary(Binary(function: .mul, broadcastAxis: .numpy))
        case .averagePool(let payload): .averagePool(payload)
        case .globalAverage: .globalPool(GlobalPool(function: .average))
        case .table: nil
        }
    }

    /// How many leading operands the float operator has, too.
    private var floatOperandCount: Int {
        switch function {
        case .convolution, .product, .add, .multiply: 2
        case .averagePool, .globalAverage, .table: 1
        }
    }
}

extension IntegerOperator {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        for place in 0..<min(floatOperandCount, context.operandCount) {
            guard let type = context.tensor(at: place), type.elementType != .int8, type.elementType != .uint8 else { continue }
            throw CleaveError(.typeMismatch, "operand \(place) has elements of \(type.elementType), expected int8 or uint8")
        }
        guard let floatOperator else { return [InferredValue(result.elementType, context.tensor(at: 0)?.shape)] }
        let types = (0..<floatOperandCount).map { place in
            context.tensor(at: place).map { ValueType.tensor(TensorType(.float32, $0.shape)) }
        }
        let float = InferenceContext(
            types: types, isPresent: types.map { _ in true }, constants: types.map { _ in nil }, contents: types.map { _ in nil },
            captures: [:], outputCount: 1, opset: max(context.opset, 13))
        return [InferredValue(result.elementType, try floatOperator.payload.inferOutputs(float).first?.type?.tensor?.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? {
        floatOperator?.payload.multiplyAccumulates(
            CostContext(inputs: Array(context.inputs.prefix(floatOperandCount)), outputs: context.outputs)) ?? 0
    }
}
