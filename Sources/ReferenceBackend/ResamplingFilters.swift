import GraphIR
import Tensors

/// A part that an input element has in an output element.
public struct ResamplingTap: Hashable, Sendable {
    /// Of the input element, along the dimension.
    public var index: Int
    public var weight: Double

    public init(index: Int, weight: Double) {
        self.index = index
        self.weight = weight
    }
}

extension Resize {
    /// What the output's elements are made of, dimension by dimension: fast kernels compute the same sums.
    /// - Parameters:
    ///   - shape: the input's.
    ///   - operands: by position, without the input.
    ///   - opset: the version of the default operator set.
    /// - Returns: for every dimension the taps of each output element, none where it is the extrapolation value; `nil` for a
    ///   dimension that stays as it is.
    /// - Throws: `CleaveError` when the operands do not fit.
    public func filters(inputShape shape: [Int], operands: [Tensor?], opset: Int) throws -> [[[ResamplingTap]]?] {
        try samplings(of: shape, KernelArguments(operands: operands, outputCount: 1, opset: opset)).map { sampling in
            guard let sampling, !sampling.isIdentity else { return nil }
            _ = try Tensor.allocatableCount(of: [sampling.outputLength], .float64)
            return (0..<sampling.outputLength).map { place in
                guard mode == .nearest else { return taps(at: place, sampling) ?? [] }
                return pick(at: place, sampling).map { [ResamplingTap(index: $0, weight: 1)] } ?? []
            }
        }
    }
}

extension Upsample: ReferenceKernel {
    /// The same as a `Resize` of opset 10, whose second operand holds the scales.
    public var resize: Resize {
        Resize(
            mode: mode, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
    }

    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard let scales = arguments.optional(Operand.scales) ?? self.scales.map({ Tensor(vector: $0) }) else {
            throw CleaveError(.invalidAttribute, "neither an attribute nor an operand gives the scales")
        }
        return try resize.evaluate(KernelArguments(operands: [input, scales], outputCount: arguments.outputCount, opset: 10))
    }
}
