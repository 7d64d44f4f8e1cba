import Tensors

/// Where the channels are in a weight: element ((g·O + o)·P + p)·I + i belongs to channel g·P + p, with
/// g < `groups`, o < O = `outer`, p < P = `channelsPerGroup`, i < I = `inner`.
struct ChannelLayout {
    var groups: Int
    var outer: Int
    var channelsPerGroup: Int
    var inner: Int

    var channels: Int { groups * channelsPerGroup }

    func channel(ofElement index: Int) -> Int {
        let slice = index / inner
        return slice / (outer * channelsPerGroup) * channelsPerGroup + slice % channelsPerGroup
    }

    /// The elements, each multiplied by its channel's factor in Double and rounded once to the type of `weight`.
    /// - Parameter factors: one per channel, or a single one.
    /// - Returns: `nil` when a result is not finite, or the elements are not floating-point numbers.
    func scaled(_ weight: Tensor, by factors: [Double]) throws -> Tensor? {
        switch weight.elementType {
        case .float32: return try scaled(weight, by: factors, as: Float.self)
        case .float64: return try scaled(weight, by: factors, as: Double.self)
        case .float16: return try scaled(weight, by: factors, as: Float16.self)
        case .bfloat16:
            guard var values = weight.doubles() else { return nil }
            forEachSlice { channel, elements in
                let factor = factors.count == 1 ? factors[0] : factors[channel]
                for index in elements { values[index] *= factor }
            }
            let result = try Tensor(values, shape: weight.shape, as: .bfloat16)
            return result.doubles()?.allSatisfy(\.isFinite) == true ? result : nil
        default: return nil
        }
    }

    private func scaled<Element: TensorElement & BinaryFloatingPoint>(
        _ weight: Tensor, by factors: [Double], as type: Element.Type
    ) throws -> Tensor? {
        var isFinite = true
        let result = try weight.withElements(of: type) { source in
            try Tensor(shape: weight.shape, of: type) { target in
                forEachSlice { channel, elements in
                    let factor = factors.count == 1 ? factors[0] : factors[channel]
                    for index in elements {
                        let product = Element(Double(source[index]) * factor)
                        if !product.isFinite { isFinite = false }
                        target[index] = product
                    }
                }
            }
        }
        return isFinite ? result : nil
    }

    /// Calls `body` with every run of neighbouring elements of one channel, in order.
    private func forEachSlice(_ body: (_ channel: Int, _ elements: Range<Int>) -> Void) {
        var start = 0
        for group in 0..<groups {
            for _ in 0..<outer {
                for place in 0..<channelsPerGroup {
                    body(group * channelsPerGroup + place, start..<start + inner)
                    start += inner
                }
            }
        }
    }

    /// What a layer with this layout of its *input* channels makes of an input that is `constants[c]` all over channel c, per
    /// output channel: Σ weight·constants[c].
    /// - Parameter outputs: the layout of the output channels in the same weight.
    func response(of weight: [Double], to constants: [Double], outputs: ChannelLayout) -> [Double] {
        var sums = [Double](repeating: 0, count: outputs.channels)
        for (index, element) in weight.enumerated() {
            let constant = constants.count == 1 ? constants[0] : constants[channel(ofElement: index)]
            sums[outputs.channel(ofElement: index)] += element * constant
        }
        return sums
    }
}
