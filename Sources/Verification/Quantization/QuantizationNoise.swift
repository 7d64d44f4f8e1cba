import Foundation
import Tensors

/// How much of a tensor is signal, and how much noise, over all samples.
public struct SignalToNoise: Hashable, Sendable {
    /// Σ b² of the float model's elements b.
    public var signal: Double
    /// Σ (a − a′)² of what is compared; infinite where only one of two elements is finite.
    public var noise: Double

    public init(signal: Double = 0, noise: Double = 0) {
        self.signal = signal
        self.noise = noise
    }

    /// 10·log₁₀(signal / noise) in dB: infinite without any noise, −∞ where there is nothing but noise.
    public var decibels: Double {
        if noise == 0 { return .infinity }
        return noise == .infinity || signal == 0 ? -.infinity : 10 * log10(signal / noise)
    }
}

/// What quantization did to a network, layer by layer.
///
/// Four networks run on the same samples: F, the float model; W, the int8 model with its quantized weights and biases, and activations in
/// float; A, the same with activations that pass through 8 bits, computed in float; and I, the int8 model itself. With y the result of a
/// layer in each of them, y_I − y_F = (y_W − y_F) + (y_A − y_W) + (y_I − y_A): the errors by weights, by activations, and by
/// rounding, that is by sums and requantization in integers. All are compared with the signal Σ y_F².
public struct QuantizationNoise: Hashable, Sendable {
    public struct Layer: Hashable, Sendable {
        /// Label of the int8 model's node.
        public var node: String
        /// ONNX's name of the float operator.
        public var operatorName: String
        /// The original's value that the layer's result stands for: behind a `Relu` or `Clip` that quantization does.
        public var value: String
        /// The int8 model's value: in integers where the result is quantized.
        public var candidateValue: String
        /// Whether the result passes through 8 bits, or operands do of an operator that runtimes compute in integers.
        public var isQuantized: Bool
        /// y_I − y_F: everything that happened up to here.
        public var accumulated = SignalToNoise()
        /// y_W − y_F.
        public var weights = SignalToNoise()
        /// y_A − y_W.
        public var activations = SignalToNoise()
        /// y_I − y_A.
        public var rounding = SignalToNoise()
        /// y_L − y_F, where the int8 layer computes y_L from the float model's activations: what this layer adds itself.
        public var own = SignalToNoise()
        /// Whether channels are scaled in the int8 model, as cross-layer equalization does it; y_F is scaled likewise then.
        public var isScaled: Bool
    }

    /// In the order of execution.
    public var layers: [Layer]
    /// Operators that quantize with what they find when they run; their noise counts as that of weights.
    public var dynamicCount: Int

    /// The first layer of the int8 model whose accumulated signal to noise is below `decibels`.
    public func firstLayer(below decibels: Double) -> Layer? { layers.first { !($0.accumulated.decibels >= decibels) } }
}
