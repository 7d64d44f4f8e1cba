import GraphIR
import Tensors

/// What a layer's bias makes up for.
enum BiasCorrection {
    case analytic(WeightRounding)
    /// Per output channel, what the layer's result was off by on average.
    case measured([Double])

    /// Per output channel, what is taken from the bias; `nil` where it is not known.
    func shift(of weight: UnsafeBufferPointer<Float>, quantized: [Int8], scales: [Float], axis: Int, shape: [Int]) -> [Double]? {
        switch self {
        case .analytic(let rounding): rounding.shift(of: weight, quantized: quantized, scales: scales, axis: axis, shape: shape)
        case .measured(let shift): shift.count == shape[axis] ? shift : nil
        }
    }
}

/// What rounding a layer's weights adds to its result on average, so that the bias can take it away again: E[ŷ] − E[y] = ΔW·E[x]
/// (M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction",
/// arXiv 1906.04721, section 4.2), with means that calibration has measured or that follow from batch norms.
struct WeightRounding {
    /// The layer.
    let node: Operator
    /// The mean of every channel of the layer's input. At the border of an image padding stands for some of it, which is left out
    /// of account.
    let inputMeans: [Double]

    /// Σ (ŵ − w)·E[x] for every output channel; `nil` for a layer whose input's channels are not known, or that takes no bias.
    /// - Parameters:
    ///   - weight: row-major, of `shape`; `quantized` is the same in integers, with a scale per output channel.
    ///   - axis: the dimension of output channels.
    func shift(of weight: UnsafeBufferPointer<Float>, quantized: [Int8], scales: [Float], axis: Int, shape: [Int]) -> [Double]? {
        node.product(withMeans: inputMeans, axis: axis, shape: shape) { index, channel in
            Double(quantized[index]) * Double(scales[channel]) - Double(weight[index])
        }
    }
}

extension Operator {
    /// Σ w·E[x] for every output channel of a layer; `nil` where its input's channels are not known, or a sum is not finite.
    /// - Parameters:
    ///   - means: E[x] of every input channel.
    ///   - axis: the dimension of the weight that counts output channels.
    ///   - weight: the number at a row-major place of the weight, and its output channel.
    func product(withMeans means: [Double], axis: Int, shape: [Int], weight: (Int, Int) -> Double) -> [Double]? {
        guard let inputChannel = inputChannels(shape: shape, count: means.count) else { return nil }
        let inner = shape[(axis + 1)...].reduce(1, *)
        var sums = [Double](repeating: 0, count: shape[axis])
        for index in 0..<shape.reduce(1, *) {
            let channel = index / inner % shape[axis]
            sums[channel] += weight(index, channel) * means[inputChannel(index)]
        }
        return sums.allSatisfy(\.isFinite) ? sums : nil
    }

    /// The input channel that an element of the weight is multiplied with, where the input has `count` channels.
    private func inputChannels(shape: [Int], count: Int) -> ((Int) -> Int)? {
        let kernel = shape.dropFirst(2).reduce(1, *)
        switch self {
        case .convolution(let payload):
            let (filters, channels, groups) = (shape[0], shape[1], payload.groups)
            guard groups > 0, filters.isMultiple(of: groups), count == groups * channels else { return nil }
            return { index in
                let filter = index / (channels * kernel)
                return filter / (filters / groups) * channels + index / kernel % channels
            }
        case .convolutionTranspose(let payload):
            guard payload.groups == 1, count == shape[0] else { return nil }
            return { index in index / (shape[1] * kernel) }
        case .gemm(let payload):
            guard count == shape[payload.transposeB ? 1 : 0] else { return nil }
            return { index in payload.transposeB ? index % shape[1] : index / shape[1] }
        default: return nil
        }
    }
}
