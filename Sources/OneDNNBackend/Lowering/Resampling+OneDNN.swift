import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    mutating func lower(_ resize: Resize, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard !resize.excludeOutside, resize.aspectRatioPolicy == .stretch, scalesAreLengthRatios(resize, node, input, output) else {
            return false
        }
        let factors = integerFactors(input, output)
        switch resize.mode {
        case .nearest:
            guard let factors else { return false }
            // For whole factors these agree with oneDNN, which rounds half-pixel centers.
            switch (resize.coordinates, resize.nearestMode) {
            case (.asymmetric, .floor), (.halfPixel, .roundPreferFloor), (.halfPixel, .roundPreferCeil),
                (.pytorchHalfPixel, .roundPreferFloor), (.pytorchHalfPixel, .roundPreferCeil):
                break
            case (.asymmetric, .roundPreferFloor):
                guard factors.allSatisfy({ $0 <= 2 }) else { return false }
            default: return false
            }
            return try lowerResampling(ONEDNN_NEAREST, node, input, output)
        case .linear:
            let enlarges = zip(shape(input), shape(output)).allSatisfy { $0 <= $1 }
            guard resize.coordinates == .halfPixel || (resize.coordinates == .pytorchHalfPixel && !shape(output).dropFirst(2).contains(1)),
                !resize.antialias || enlarges
            else { return false }
            return try lowerResampling(ONEDNN_LINEAR_INTERPOLATION, node, input, output)
        case .cubic: return false
        }
    }

    mutating func lower(_ upsample: Upsample, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard upsample.mode == .nearest, integerFactors(input, output) != nil else { return false }
        return try lowerResampling(ONEDNN_NEAREST, node, input, output)
    }

    /// Whether the formulas' scales are exactly output length / input length.
    private func scalesAreLengthRatios(_ resize: Resize, _ node: Node, _ input: ValueID, _ output: ValueID) -> Bool {
        let isOldForm = node.inputs.count == 2
        let operand = isOldForm ? node.inputs[1] : node.input(Resize.Operand.scales)
        guard resize.axes == nil else { return false }
        guard let operand, constant(operand)?.count != 0 else { return true }
        let source = shape(input), result = shape(output)
        guard let scales = elements(operand), scales.count == source.count else { return false }
        return source.indices.allSatisfy { Float(source[$0]) * scales[$0] == Float(result[$0]) }
    }

    /// By how much each spatial dimension grows when all of them grow by whole factors; `nil` otherwise.
    private func integerFactors(_ input: ValueID, _ output: ValueID) -> [Int]? {
        let pairs = zip(shape(input), shape(output)).dropFirst(2)
        return pairs.allSatisfy { $1 % $0 == 0 } ? pairs.map { $1 / $0 } : nil
    }

    private mutating func lowerResampling(
        _ kind: onednn_resampling_kind, _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> Bool {
        let lengths = shape(input), result = shape(output)
        guard (3...5).contains(lengths.count), lengths.prefix(2) == result.prefix(2) else { return false }
        let (buffer, layout) = try home(input)
        let primitive = try Primitive.resampling(kind, layout, destination: .any(result))
        let destination = try primitive.layout(ONEDNN_DESTINATION)
        let target = makeBuffer(.arena, byteCount: destination.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [.init(ONEDNN_SOURCE, buffer, layout), .init(ONEDNN_DESTINATION, target, destination)]),
            computing: [node], reads: [buffer], writes: [target])
        define(output, in: target, destination)
        return true
    }
}
