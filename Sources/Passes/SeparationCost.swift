import Foundation
import GraphIR
import Tensors

/// What a layer, or a chain of layers, costs.
public struct LayerCost: Hashable, Sendable {
    /// Elements of weights and biases.
    public var parameters: Int
    /// Multiplications for one sample; `nil` when the input size is not known.
    public var multiplications: Int?
    /// Multiplications per element of the output plane, on a map so large that its border does not count.
    public var multiplicationsPerPosition: Int

    public init(parameters: Int, multiplications: Int?, multiplicationsPerPosition: Int) {
        self.parameters = parameters
        self.multiplications = multiplications
        self.multiplicationsPerPosition = multiplicationsPerPosition
    }

    /// Parameters as a multiple of another layer's.
    public func parameterRatio(to other: LayerCost) -> Double { Double(parameters) / Double(max(other.parameters, 1)) }

    /// Multiplications as a multiple of another layer's: exact where both input sizes are known, else on a large map.
    public func multiplicationRatio(to other: LayerCost) -> Double {
        if let mine = multiplications, let theirs = other.multiplications { return Double(mine) / Double(max(theirs, 1)) }
        return Double(multiplicationsPerPosition) / Double(max(other.multiplicationsPerPosition, 1))
    }

    /// Whether the layer has fewer parameters than another one and no more multiplications: the condition for replacing it.
    ///
    /// The paper wants both to fall, and replaces all sixteen 3×3 convolutions of ResNet50V2 by spatial factors. Three of them have
    /// stride 2, where the first factor still works on every column and multiplications come out equal, 2·3 + 3 = 9: a tie counts.
    public func isSmaller(than other: LayerCost) -> Bool { parameters < other.parameters && !takesMoreMultiplications(than: other) }

    private func takesMoreMultiplications(than other: LayerCost) -> Bool {
        if let mine = multiplications, let theirs = other.multiplications { return mine > theirs }
        return multiplicationsPerPosition > other.multiplicationsPerPosition
    }

    /// Which of the numbers stand against a replacement, as in `parameters 1.12×, multiplications 1.07×`.
    func excess(over other: LayerCost) -> String {
        var parts: [String] = []
        if parameters >= other.parameters { parts.append("parameters \(factor(parameterRatio(to: other)))") }
        if takesMoreMultiplications(than: other) { parts.append("multiplications \(factor(multiplicationRatio(to: other)))") }
        return parts.joined(separator: ", ")
    }

    private func factor(_ value: Double) -> String { String(format: "%.2f×", value) }
}

extension ConvolutionShape {
    /// What the convolution costs as it is.
    public var cost: LayerCost { cost(of: [undivided]) }

    /// What the separated form costs.
    public func cost(of separation: Separation) -> LayerCost { cost(of: layers(of: separation)) }

    /// Every weight is multiplied once per position of its layer's output plane. Numbers beyond `Int` are left unknown, or are `Int.max`.
    private func cost(of layers: [SeparatedLayer]) -> LayerCost {
        var parameters = 0
        var multiplications: Int? = 0
        var perPosition = 0
        var size = inputSize
        for (index, layer) in layers.enumerated() {
            let weights = layer.weightShape.reduce(1) { clampedProduct($0, $1) }
            parameters = clampedSum(parameters, clampedSum(weights, layer.hasBias ? layer.filters : 0))
            let finer = layers[(index + 1)...].reduce(1) { clampedProduct($0, clampedProduct($1.window.strides[0], $1.window.strides[1])) }
            perPosition = clampedSum(perPosition, clampedProduct(weights, finer))
            size = size.map { size in (0..<2).map { layer.window.outputLength($0, length: size[$0], ceilMode: false) } }
            multiplications = size.flatMap { size in
                let product = clampedProduct(weights, clampedProduct(size[0], size[1]))
                return product == .max ? nil : multiplications.map { clampedSum($0, product) }
            }
        }
        return LayerCost(parameters: parameters, multiplications: multiplications, multiplicationsPerPosition: perPosition)
    }
}

/// The product of two numbers that are not negative, `Int.max` when it does not fit.
func clampedProduct(_ left: Int, _ right: Int) -> Int {
    let (product, overflow) = left.multipliedReportingOverflow(by: right)
    return overflow ? .max : product
}

/// The sum of two numbers that are not negative, `Int.max` when it does not fit.
func clampedSum(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
}

extension ConvolutionShape {
    /// What the paper predicts for the layer; `nil` for kernels that are not square and for grouped convolutions, of which it says
    /// nothing.
    ///
    /// The excess of M_s over 2/n comes from the first factor, which works on the whole input along the axis that it does not
    /// reduce: M is the input's width when the vertical factor is first, and its height when the horizontal one is.
    public func formulas(_ order: SpatialOrder) -> SeparationFormulas? {
        guard height == width, groups == 1 else { return nil }
        let length = inputSize.map { order == .verticalFirst ? $0[1] : $0[0] }
        return SeparationFormulas(kernel: height, filters: filters, inputLength: length)
    }
}

/// What the paper predicts for a layer with as many filters as input channels, biases apart
/// ("Structural Compression of ResNet-like Convolutional Neural Networks", Kastanos).
public struct SeparationFormulas: Hashable, Sendable {
    /// P_s(n) = 2/n
    public var spatialParameters: Double
    /// M_s(M, n) = 2/n + 2/(n(M − 2)) for n = 3 on an M×M input without padding; `nil` for other kernels, or an unknown or
    /// too small input.
    public var spatialMultiplications: Double?
    /// P_d(n) = M_d(n) = 1/n² + 1/O
    public var depthwise: Double

    /// - Parameters:
    ///   - kernel: n
    ///   - filters: O
    ///   - inputLength: M
    public init(kernel: Int, filters: Int, inputLength: Int?) {
        let n = Double(kernel)
        spatialParameters = 2 / n
        spatialMultiplications = inputLength.flatMap { length in
            kernel == 3 && length > 2 ? 2 / n + 2 / (n * Double(length - 2)) : nil
        }
        depthwise = 1 / (n * n) + 1 / Double(max(filters, 1))
    }
}
