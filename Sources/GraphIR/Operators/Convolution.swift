import Tensors

/// `Conv`: input [N, C, D1 … Dn], weight [M, C/groups, k1 … kn], bias [M].
public struct Convolution: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, weight, bias
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(window: Window, groups: Int) {
        self.window = window
        self.groups = groups
    }
}

/// `ConvTranspose`: input [N, C, D1 … Dn], weight [C, M/groups, k1 … kn], bias [M].
public struct ConvolutionTranspose: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int
    /// Extra length at the end of every spatial dimension; empty for none.
    public var outputPadding: [Int]
    /// Wanted spatial shape, from which the padding follows; `nil` when the padding is given.
    public var outputShape: [Int]?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, weight, bias
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(window: Window, groups: Int, outputPadding: [Int], outputShape: [Int]?) {
        self.window = window
        self.groups = groups
        self.outputPadding = outputPadding
        self.outputShape = outputShape
    }
}

/// `ConvInteger`: 8-bit input and weight, int32 output.
public struct ConvInteger: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, weight, inputZeroPoint, weightZeroPoint
    }

    public static let operandCount = 2...4
    public static let outputCount = 1...1

    public init(window: Window, groups: Int) {
        self.window = window
        self.groups = groups
    }
}

/// `QLinearConv`: convolution of quantized tensors, requantized to the output scale.
public struct QLinearConv: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, inputScale, inputZeroPoint, weight, weightScale, weightZeroPoint, outputScale, outputZeroPoint, bias
    }

    public static let operandCount = 8...9
    public static let outputCount = 1...1

    public init(window: Window, groups: Int) {
        self.window = window
        self.groups = groups
    }
}

extension Convolution {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let weight = try context.type(of: Operand.weight, .floats)
        let bias = try context.type(of: Operand.bias, .floats)
        let shape = try ConvolutionShape(input: input, weight: weight, window: window, groups: groups)
        try bias.requireVector(shape.filters, per: "filter")
        return [InferredValue(try commonElementType([input, weight, bias]), shape.output)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { context.convolutionMultiplyAccumulates(weight: Operand.weight) }
}

extension ConvInteger {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .bytes)
        let weight = try context.type(of: Operand.weight, .bytes)
        try commonElementType([input, context.type(of: Operand.inputZeroPoint, .bytes)])
        try commonElementType([weight, context.type(of: Operand.weightZeroPoint, .bytes)])
        let shape = try ConvolutionShape(input: input, weight: weight, window: window, groups: groups)
        return [InferredValue(.int32, shape.output)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { context.convolutionMultiplyAccumulates(weight: Operand.weight) }
}

extension QLinearConv {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .bytes)
        let weight = try context.type(of: Operand.weight, .bytes)
        let bias = try context.type(of: Operand.bias, .indices)
        let outputZeroPoint = try context.type(of: Operand.outputZeroPoint, .bytes)
        try commonElementType([input, context.type(of: Operand.inputZeroPoint, .bytes)])
        try commonElementType([weight, context.type(of: Operand.weightZeroPoint, .bytes)])
        for scale in [Operand.inputScale, .weightScale, .outputScale] { _ = try context.type(of: scale, .floats) }
        let shape = try ConvolutionShape(input: input, weight: weight, window: window, groups: groups)
        try bias.requireVector(shape.filters, per: "filter")
        return [InferredValue(outputZeroPoint.elementType, shape.output)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { context.convolutionMultiplyAccumulates(weight: Operand.weight) }
}

extension ConvolutionTranspose {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let weight = try context.type(of: Operand.weight, .floats)
        let bias = try context.type(of: Operand.bias, .floats)
        let elementType = try commonElementType([input, weight, bias])
        try ConvolutionShape.checkRanks(input: input, weight: weight, window: window, roles: "channels, filters per group")
        guard groups > 0 else { throw CleaveError(.invalidAttribute, "group is \(groups), expected a positive number") }
        guard let channels = unified(input.dimension(1), weight.dimension(0)) else {
            throw CleaveError(.shapeMismatch, "input has \(input.dimension(1)) channels, weight expects \(weight.dimension(0))")
        }
        if let known = channels.known, !known.isMultiple(of: groups) {
            throw CleaveError(.shapeMismatch, "input has \(count(known, "channel")), expected a multiple of the \(groups) groups")
        }
        let filters = weight.dimension(1) * .known(groups)
        try bias.requireVector(filters, per: "filter")
        guard let rank = input.rank ?? weight.rank else { return [InferredValue(elementType, nil)] }
        let spatial = (2..<rank).map { input.dimension($0) }
        return [InferredValue(elementType, [input.dimension(0), filters] + (try outputLengths(spatial, weight: weight)))]
    }

    /// Along every spatial dimension: stride·(L − 1) + outputPadding + extent − begin − end; stride·L with SAME padding.
    private func outputLengths(_ spatial: [Dimension], weight: OperandType) throws -> [Dimension] {
        let kernel = weight.shape.flatMap { TensorType(.float32, Array($0.dropFirst(2))).knownShape }
        if let outputShape {
            guard outputShape.count == spatial.count, outputShape.allSatisfy({ $0 > 0 }) else {
                throw CleaveError(
                    .invalidAttribute,
                    "output_shape is \(outputShape), expected \(spatial.count) positive numbers, one per spatial dimension")
            }
            return outputShape.map { .known($0) }
        }
        guard kernel != nil || !window.kernel.isEmpty else { return spatial.map { _ in .unknown } }
        let window = try window.resolved(kernel: kernel)
        guard window.kernel.count == spatial.count else {
            throw CleaveError(
                .shapeMismatch,
                "kernel_shape has \(window.kernel.count) entries, but the input has \(count(spatial.count, "spatial dimension"))")
        }
        guard outputPadding.isEmpty || outputPadding.count == spatial.count, outputPadding.allSatisfy({ (0...Int(Int32.max)).contains($0) })
        else {
            throw CleaveError(.invalidAttribute, "output_padding is \(outputPadding), expected \(spatial.count) numbers from 0 up")
        }
        return try spatial.indices.map { axis in
            let stride = Dimension.known(window.strides[axis])
            let extra = outputPadding.isEmpty ? 0 : outputPadding[axis]
            let removed: Int
            switch window.padding {
            case .sameUpper, .sameLower: return spatial[axis] * stride
            case .valid: removed = 0
            case .explicit(let begin, let end): removed = begin[axis] + end[axis]
            }
            let length = stride * (spatial[axis] - 1) + .known(extra) + .known(window.extent(axis)) - .known(removed)
            if let known = length.known, known < 0 {
                throw CleaveError(
                    .shapeMismatch, "spatial dimension \(axis) of the output would have length \(known): pads remove too much")
            }
            return length
        }
    }

    /// Input elements × weight elements per input channel.
    public func multiplyAccumulates(_ context: CostContext) -> Int? {
        guard let input = context.input(Operand.input)?.knownShape, let weight = context.input(Operand.weight)?.knownShape,
            let elements = try? Tensor.elementCount(of: input)
        else { return nil }
        return product([elements] + weight.dropFirst().map { $0 })
    }
}
