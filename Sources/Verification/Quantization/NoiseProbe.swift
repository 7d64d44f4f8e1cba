import Datasets
import Execution
import GraphIR
import Passes
import Tensors

/// Runs the networks of `QuantizationNoise` and gathers, sample after sample, how far they are apart.
struct NoiseProbe {
    private(set) var noise: QuantizationNoise
    private let layers: [QuantizedLayers.Layer]
    private let points: [QuantizationVariants.Point]
    private var weightsOnly: Runner
    private var simulated: Runner
    private var isolated: Runner
    private var candidate: Runner
    /// Of the layers whose channels are scaled: Σ y_W·y_F and Σ y_F² of every channel.
    private var products: [Int: [(product: Double, square: Double)]] = [:]

    /// - Parameter candidate: with the float interface of `original`.
    init(candidate: Graph, original: Graph, backend: any Backend) throws {
        var expanded = candidate
        _ = try ExpandIntegerOperators().run(on: &expanded)
        let found = QuantizedLayers(candidate: expanded, original: original) { candidate.value(named: $0) != nil }
        let variants = try QuantizationVariants(found)
        layers = found.layers
        points = variants.points
        weightsOnly = Runner(backend: backend, graph: variants.weightsOnly)
        simulated = Runner(backend: backend, graph: variants.simulated)
        isolated = Runner(backend: backend, graph: variants.isolated)
        self.candidate = Runner(backend: backend, graph: candidate)
        noise = QuantizationNoise(
            layers: zip(found.layers, variants.points).map { layer, point in
                .init(
                    node: expanded.label(of: layer.node), operatorName: layer.node.operator.name, value: layer.value,
                    candidateValue: point.integers, isQuantized: layer.isQuantized, isScaled: layer.isScaled)
            },
            dynamicCount: candidate.nodes.count { $0.operator.isDynamicQuantization })
    }

    /// Names of the original's values that `add` and `fit` want.
    var observedOfOriginal: [String] { layers.map(\.value) }

    /// Whether samples have to be gone through with `fit` before they are added.
    var needsFactors: Bool { layers.contains(where: \.isScaled) }

    /// Learns by which factors channels are scaled: those that fit the float model best.
    mutating func fit(_ sample: Sample, original: [String: Tensor]) throws {
        let scaled = layers.indices.filter { layers[$0].isScaled }
        let values = try weightsOnly.run(sample.inputs, observing: scaled.map { points[$0].weightsOnly })
        for index in scaled {
            guard let tensor = values[points[index].weightsOnly], let other = original[layers[index].value], tensor.shape == other.shape,
                tensor.rank >= 2, let y = tensor.floats(), let wanted = other.floats()
            else { continue }
            let (channels, inner) = (tensor.shape[1], tensor.shape[2...].reduce(1, *))
            var sums = products[index] ?? [(product: Double, square: Double)](repeating: (0, 0), count: channels)
            for offset in y.indices {
                let channel = offset / inner % channels
                sums[channel].product += Double(y[offset]) * Double(wanted[offset])
                sums[channel].square += Double(wanted[offset]) * Double(wanted[offset])
            }
            products[index] = sums
        }
    }

    /// - Parameter original: the float model's values on the sample, `observedOfOriginal` among them.
    mutating func add(_ sample: Sample, original: [String: Tensor]) throws {
        var inputs = sample.inputs
        var expected: [Int: Tensor] = [:]
        for index in layers.indices {
            guard let tensor = try original[layers[index].value].map({ try scaled($0, of: index) }) else { continue }
            expected[index] = tensor
            inputs[points[index].input] = tensor
        }
        guard expected.count == layers.count else { return }
        let weights = try weightsOnly.run(sample.inputs, observing: points.map(\.weightsOnly))
        let activations = try simulated.run(sample.inputs, observing: points.map(\.simulated))
        let integers = try candidate.run(sample.inputs, observing: points.map(\.integers))
        let alone = try isolated.run(inputs, observing: [])
        for (index, point) in points.enumerated() {
            let passage = layers[index].passage
            guard let y = expected[index]?.floats(), let yW = weights[point.weightsOnly]?.floats(),
                let yA = activations[point.simulated]?.floats(), let yI = integers[point.integers]?.floats(passage),
                let yL = alone[point.integers]?.floats(passage), [yW, yA, yI, yL].allSatisfy({ $0.count == y.count })
            else { continue }
            noise.layers[index].accumulated.add(yI, y, signal: y)
            noise.layers[index].weights.add(yW, y, signal: y)
            noise.layers[index].activations.add(yA, yW, signal: y)
            noise.layers[index].rounding.add(yI, yA, signal: y)
            noise.layers[index].own.add(yL, y, signal: y)
        }
    }

    private func scaled(_ tensor: Tensor, of index: Int) throws -> Tensor {
        guard let sums = products[index], var values = tensor.floats(), tensor.rank >= 2, tensor.shape[1] == sums.count else {
            return tensor
        }
        let factors = sums.map { $0.square > 0 && $0.product > 0 ? Float($0.product / $0.square) : 1 }
        let inner = tensor.shape[2...].reduce(1, *)
        for offset in values.indices { values[offset] *= factors[offset / inner % factors.count] }
        return try Tensor(values, shape: tensor.shape)
    }
}

extension SignalToNoise {
    /// Adds the elements of one sample: the noise a − b, and the signal.
    fileprivate mutating func add(_ a: [Float], _ b: [Float], signal elements: [Float]) {
        var (power, error) = (0.0, 0.0)
        for index in elements.indices {
            let (left, right) = (Double(a[index]), Double(b[index]))
            let number = Double(elements[index])
            if number.isFinite { power += number * number }
            if left == right || (left.isNaN && right.isNaN) { continue }
            let difference = left - right
            error += difference.isFinite ? difference * difference : .infinity
        }
        signal += power
        noise += error
    }
}

extension Tensor {
    /// The elements of float32; of 8 bits dequantized, where a passage says how. `nil` for other tensors.
    fileprivate func floats(_ passage: QuantizedLayers.Passage? = nil) -> [Float]? {
        let (zero, scale) = (Float(passage?.zeroPoint ?? 0), Float(passage?.scale ?? 1))
        switch elementType {
        case .float32: return try? elements(as: Float.self)
        case .uint8: return passage == nil ? nil : try? withElements(of: UInt8.self) { $0.map { (Float($0) - zero) * scale } }
        case .int8: return passage == nil ? nil : try? withElements(of: Int8.self) { $0.map { (Float($0) - zero) * scale } }
        default: return nil
        }
    }
}

extension Operator {
    fileprivate var isDynamicQuantization: Bool {
        switch self {
        case .dynamicQuantizeLinear, .convInteger, .matMulInteger: true
        default: false
        }
    }
}
