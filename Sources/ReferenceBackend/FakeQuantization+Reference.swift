import GraphIR
import Tensors

/// The scale and the limits of a fake quantization, in the arithmetic of its type: every quotient and product is rounded once.
private struct QuantizationSteps {
    let type: ElementType
    let scales: [Double]
    /// How many elements follow each other with the same scale.
    let inner: Int
    /// The limits, in steps, and `unit`·low in steps: 0 without it, and where the limits cannot follow it.
    let minimum, maximum, low: Double
    /// Whether the limits change with low.
    let followsLow: Bool

    init(_ forward: FakeQuantize, _ input: Tensor, scale: Tensor, low: Tensor?) throws {
        try input.elementType.requireSame(as: scale.elementType)
        type = input.elementType
        let smallest = type == .float64 ? Double.leastNormalMagnitude : Double(Float.leastNormalMagnitude)
        let unit = Double(forward.unit)
        scales = try Tensor(scale.reals().map { unit * $0 }, shape: scale.shape, as: type).reals().map { max($0, smallest) }
        if scales.count == 1 {
            inner = max(input.count, 1)
        } else {
            let view = AxisView(input.shape, axis: try Indexing.axis(forward.axis, rank: input.rank))
            guard scale.shape == [view.length] else {
                throw CleaveError(.shapeMismatch, "scale has shape \(scale.shape), expected a scalar or [\(view.length)]")
            }
            inner = view.inner
        }
        guard let low else {
            (minimum, maximum, self.low, followsLow) = (Double(forward.minimum), Double(forward.maximum), 0, false)
            return
        }
        guard scales.count == 1, low.count == 1, let real = try low.reals().first else {
            throw CleaveError(.shapeMismatch, "low has shape \(low.shape) and scale \(scale.shape), expected two scalars")
        }
        let range = Double(forward.maximum - forward.minimum)
        let quotient = try Self.rounded(Self.rounded(unit * real, type) / scales[0], type)
        let steps = quotient.rounded(.toNearestOrEven)
        followsLow = steps >= -range && steps <= 0
        minimum = steps < -range ? -range : steps > 0 ? 0 : steps
        maximum = minimum + range
        self.low = followsLow ? quotient : 0
    }

    static func rounded(_ value: Double, _ type: ElementType) throws -> Double {
        try Tensor([value], shape: [], as: type).reals()[0]
    }

    func scaleIndex(_ offset: Int) -> Int { scales.count == 1 ? 0 : offset / inner % scales.count }

    /// Every x / s.
    func quotients(_ values: [Double]) throws -> [Double] {
        try Tensor(values.indices.map { values[$0] / scales[scaleIndex($0)] }, shape: [values.count], as: type).reals()
    }
}

extension FakeQuantize: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let steps = try QuantizationSteps(
            self, input, scale: arguments.required(Operand.scale), low: arguments.optional(Operand.low))
        let values = try steps.quotients(input.reals()).enumerated().map { offset, quotient in
            let whole = quotient.rounded(.toNearestOrEven)
            let limited = whole < steps.minimum ? steps.minimum : whole > steps.maximum ? steps.maximum : whole
            return steps.scales[steps.scaleIndex(offset)] * limited
        }
        return [try Tensor(values, shape: input.shape, as: input.elementType)]
    }
}

extension FakeQuantizeGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input), gradient = try arguments.required(Operand.outputGradient)
        let scale = try arguments.required(Operand.scale), low = arguments.optional(Operand.low)
        guard gradient.shape == input.shape else {
            throw CleaveError(.shapeMismatch, "the output gradient has shape \(gradient.shape), expected \(input.shape)")
        }
        let steps = try QuantizationSteps(forward, input, scale: scale, low: low)
        var slopes = try gradient.reals()
        var scaleSlopes = [Double](repeating: 0, count: steps.scales.count), lowSlope = 0.0
        for (offset, quotient) in try steps.quotients(input.reals()).enumerated() {
            let whole = quotient.rounded(.toNearestOrEven), channel = steps.scaleIndex(offset)
            if whole < steps.minimum || whole > steps.maximum {
                let limit = whole < steps.minimum ? steps.minimum : steps.maximum
                scaleSlopes[channel] += slopes[offset] * (limit - steps.low)
                lowSlope += slopes[offset]
                slopes[offset] = 0
            } else {
                scaleSlopes[channel] += slopes[offset] * (whole - quotient)
            }
        }
        let unit = Double(forward.unit), type = input.elementType
        return [
            try Tensor(slopes, shape: input.shape, as: type),
            try Tensor(scaleSlopes.map { $0 * unit }, shape: scale.shape, as: type),
            try Tensor([steps.followsLow ? lowSlope * unit : 0], shape: low?.shape ?? [], as: type),
        ]
    }
}

extension SymmetricScale: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let view = AxisView(input.shape, axis: try Indexing.axis(axis, rank: input.rank))
        var largest = [Double](repeating: 0, count: view.length)
        for (offset, value) in try input.reals().enumerated() {
            let channel = offset / view.inner % view.length
            if value.magnitude > largest[channel] || value.isNaN { largest[channel] = value.magnitude }
        }
        return [try Tensor(largest.map { $0 / Double(maximum) }, shape: [view.length], as: input.elementType)]
    }
}

extension MovingRange: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let values = try arguments.required(Operand.input).reals()
        let low = try arguments.required(Operand.low), high = try arguments.required(Operand.high)
        let (kept, rest) = (Double(momentum), Double(1 - momentum))
        func average(_ old: Tensor, _ extreme: Double) throws -> Tensor {
            try Tensor(old.reals().map { kept * $0 + rest * extreme }, shape: old.shape, as: old.elementType)
        }
        // A NaN among the numbers is left out: the loss shows it.
        return [
            try average(low, values.reduce(0) { $1 < $0 ? $1 : $0 }), try average(high, values.reduce(0) { $1 > $0 ? $1 : $0 }),
        ]
    }
}
