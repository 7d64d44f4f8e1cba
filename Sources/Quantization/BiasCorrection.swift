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
/// arXiv 1906.04721), with the means that calibration has measured.
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
        guard let inputChannel = inputChannels(shape: shape) else { return nil }
        let inner = shape[(axis + 1)...].reduce(1, *)
        var shift = [Double](repeating: 0, count: shape[axis])
        for index in weight.indices {
            let channel = index / inner % shape[axis]
            let error = Double(quantized[index]) * Double(scales[channel]) - Double(weight[index])
            shift[channel] += error * inputMeans[inputChannel(index)]
        }
        return shift.allSatisfy(\.isFinite) ? shift : nil
    }

    /// The input channel that an element of the weight is multiplied with.
    private func inputChannels(shape: [Int]) -> ((Int) -> Int)? {
        let kernel = shape.dropFirst(2).reduce(1, *)
        switch node {
        case .convolution(let payload):
            let (filters, channels, groups) = (shape[0], shape[1], payload.groups)
            guard groups > 0, filters.isMultiple(of: groups), inputMeans.count == groups * channels else { return nil }
            return { index in
                let filter = index / (channels * kernel)
                return filter / (filters / groups) * channels + index / kernel % channels
            }
        case .convolutionTranspose(let payload):
            guard payload.groups == 1, inputMeans.count == shape[0] else { return nil }
            return { index in index / (shape[1] * kernel) }
        case .gemm(let payload):
            guard inputMeans.count == shape[payload.transposeB ? 1 : 0] else { return nil }
            return { index in payload.transposeB ? index % shape[1] : index / shape[1] }
        default: return nil
        }
    }
}
