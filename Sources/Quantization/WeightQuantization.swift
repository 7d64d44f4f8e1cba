import Tensors

/// A weight in integers, with a scale per output channel, and the bias that goes with it.
struct QuantizedWeight {
    /// int8, of the weight's shape.
    var weight: Tensor
    /// float32, one per output channel.
    var scales: [Float]
    /// int32 of the scales s_x·s_w, or float32 as it was; `nil` without a bias.
    var bias: Tensor?
    /// float32, one per output channel, of an int32 bias.
    var biasScales: [Float]?
    /// Channels whose scale was raised so that the bias fits.
    var raisedChannels: [Int]
    var isBiasCorrected: Bool
}

struct WeightQuantizer {
    /// The largest quantized weight: 127, or 63 where pairs of products of wider ones would overflow int16.
    var limit: Int
    /// Whether the scales have the least mean squared error, rather than cover the largest weight.
    var minimizesError: Bool
    var hasIntegerBias: Bool

    /// A bias that is larger than this in units of s_x·s_w leaves the sum of products too little room in int32.
    static let largestBias = Double(1 << 30)
    /// Steps that the bias of a channel without weights is resolved in.
    private static let stepsOfConstant = Double(1 << 20)

    /// - Parameters:
    ///   - weight: float32, finite, not empty.
    ///   - axis: the dimension that counts output channels.
    ///   - bias: float32, one per channel or a single one.
    ///   - inputScale: the scale of the activation that the weight is multiplied with.
    ///   - correction: what the bias makes up for; a layer without a bias gets one.
    ///   - trained: the scales that training has found. Weight and bias are then rounded in float32, as `FakeQuantize` does it.
    func quantize(
        _ weight: Tensor, axis: Int, bias: Tensor?, inputScale: Float, correction: BiasCorrection?, trained: [Float]? = nil
    ) throws -> QuantizedWeight {
        let channels = weight.shape[axis]
        let inner = weight.shape[(axis + 1)...].reduce(1, *)
        let biases = try bias?.elements(as: Float.self).map(Double.init)
        func constant(_ channel: Int) -> Double { biases.map { $0[$0.count == 1 ? 0 : channel] } ?? 0 }
        func quotient(_ value: Double, _ scale: Float) -> Double {
            let exact = value / Double(scale)
            return (trained == nil ? exact : Double(Float(exact))).rounded(.toNearestOrEven)
        }
        return try weight.withElements(of: Float.self) { values in
            let (scales, raised) = trained.map { ($0, []) }
                ?? chooseScales(values, channels: channels, inner: inner, constant, inputScale: inputScale)
            var quantized = [Int8](repeating: 0, count: values.count)
            for index in values.indices {
                let quotient = quotient(Double(values[index]), scales[index / inner % channels])
                quantized[index] = Int8(min(max(quotient, -Double(limit)), Double(limit)))
            }
            let shift = correction?.shift(of: values, quantized: quantized, scales: scales, axis: axis, shape: weight.shape)
            var result = QuantizedWeight(
                weight: try Tensor(quantized, shape: weight.shape), scales: scales, bias: bias, biasScales: nil, raisedChannels: raised,
                isBiasCorrected: shift != nil)
            guard bias != nil || shift != nil else { return result }
            let corrected = (0..<channels).map { constant($0) - (shift?[$0] ?? 0) }
            guard hasIntegerBias else {
                if shift != nil { result.bias = Tensor(vector: corrected.map { Float($0) }) }
                return result
            }
            let biasScales = scales.map { $0 * inputScale }
            let integers = zip(corrected, biasScales).map { value, scale in
                let limit = trained == nil ? Double(Int32.max) : Self.largestBias
                return Int32(clamping: Int64(clamping: min(max(quotient(value, scale), -limit), limit)))
            }
            result.bias = Tensor(vector: integers)
            result.biasScales = biasScales
            return result
        }
    }

    /// A scale per output channel, and the channels whose scale was raised so that the bias fits.
    /// - Parameter bias: of a channel.
    func chooseScales(
        _ values: UnsafeBufferPointer<Float>, channels: Int, inner: Int, _ bias: (Int) -> Double, inputScale: Float
    ) -> (scales: [Float], raised: [Int]) {
        var raised: [Int] = []
        var scales = [Float](repeating: 1, count: channels)
        for channel in 0..<channels {
            let elements = Elements(values, channel: channel, channels: channels, inner: inner)
            scales[channel] = scale(of: elements)
            // Runtimes may make integers of a bias in float, too.
            let least = leastScale(for: bias(channel), inputScale: inputScale)
            if elements.allSatisfy({ abs($0) < scales[channel] / 2 }) {
                scales[channel] = scaleOfConstant(bias(channel), inputScale: inputScale)
            } else if scales[channel] < least {
                scales[channel] = least
                raised.append(channel)
            }
        }
        return (scales, raised)
    }

    /// The weights of one output channel.
    struct Elements: Sequence {
        let values: UnsafeBufferPointer<Float>
        let channel: Int
        let channels: Int
        let inner: Int

        init(_ values: UnsafeBufferPointer<Float>, channel: Int, channels: Int, inner: Int) {
            (self.values, self.channel, self.channels, self.inner) = (values, channel, channels, inner)
        }

        func makeIterator() -> AnyIterator<Float> {
            var start = channel * inner
            var offset = 0
            return AnyIterator {
                if offset == inner {
                    offset = 0
                    start += channels * inner
                }
                guard inner > 0, start < values.count else { return nil }
                offset += 1
                return values[start + offset - 1]
            }
        }
    }

    private func scale(of elements: Elements) -> Float {
        var largest: Float = 0
        for element in elements { largest = max(largest, abs(element)) }
        let whole = Double(largest) / Double(limit)
        guard Float(whole) >= .leastNormalMagnitude else { return 1 }
        guard minimizesError else { return Float(whole) }
        var best = (scale: Float(whole), error: Double.infinity)
        for step in 0...40 {
            let scale = Float(whole * (1 - 0.0125 * Double(step)))
            guard scale >= .leastNormalMagnitude else { break }
            var error = 0.0
            for element in elements {
                let quotient = (Double(element) / Double(scale)).rounded(.toNearestOrEven)
                let difference = Double(element) - min(max(quotient, -Double(limit)), Double(limit)) * Double(scale)
                error += difference * difference
            }
            if error < best.error { best = (scale, error) }
        }
        return best.scale
    }

    /// The smallest scale with which the bias fits, and s_x·s_w is a normal number.
    private func leastScale(for bias: Double, inputScale: Float) -> Float {
        let least = max(abs(bias) / Self.largestBias, Double(Float.leastNormalMagnitude)) / Double(inputScale)
        return max(Float(least).nextUp, .leastNormalMagnitude)
    }

    /// The scale of a channel whose weights all round to 0, which serves its bias alone.
    private func scaleOfConstant(_ bias: Double, inputScale: Float) -> Float {
        guard bias != 0 else { return 1 }
        return max(Float(abs(bias) / Self.stepsOfConstant / Double(inputScale)), leastScale(for: bias, inputScale: inputScale))
    }
}
