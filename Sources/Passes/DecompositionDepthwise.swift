import Tensors

/// A weight W [O, I, k₁, k₂] as T depthwise kernels per input channel and a pointwise convolution, at every T.
///
/// For every input channel i, W[:, i] is an O × k₁k₂ matrix Σ_t σ_t u_t v_tᵀ. The depthwise kernels are √σ_t v_t, as the weight
/// [T·I, 1, k₁, k₂] of a convolution in I groups; the pointwise columns are √σ_t u_t, as [O, T·I, 1, 1]; channel i·T + t joins
/// them. The squared error is Σ_i Σ_{t>T} σ_{i,t}², 0 at T = min(k₁k₂, O). (Guo et al., "Network Decoupling", arXiv 1808.05517.)
struct DepthwiseDecomposition: WeightDecomposition {
    private let weight: NormalizedWeight
    /// One per input channel.
    private let spectra: [SingularSpectrum]
    /// Entry T is the squared error at T terms, of the scaled weight.
    private let errors: [Double]

    /// - Throws: `CleaveError` when the weight is no finite [O, I, k₁, k₂], or LAPACK fails.
    init(_ weight: Tensor) throws { try self.init(NormalizedWeight(weight)) }

    /// - Throws: `CleaveError` when LAPACK fails.
    init(_ weight: NormalizedWeight) throws {
        let (filters, channels, area) = (weight.shape[0], weight.shape[1], weight.shape[2] * weight.shape[3])
        let elements = weight.elements()
        let spectra = try (0..<channels).map { try SingularSpectrum(Self.matrix(ofChannel: $0, weight, elements)) }
        self.weight = weight
        errors = (0...min(area, filters)).map { terms in spectra.reduce(0) { $0 + $1.tailEnergy(rank: terms) } }
        self.spectra = spectra
    }

    var fullRank: Int { errors.count - 1 }
    func squaredError(rank: Int) -> Double { errors[min(rank, fullRank)] * weight.scale * weight.scale }
    func keptEnergy(rank: Int) -> Double { errors[0] > 0 ? 1 - errors[min(rank, fullRank)] / errors[0] : 1 }

    func weights(rank terms: Int) throws -> SeparatedWeights {
        let shape = weight.shape
        let (filters, channels, area) = (shape[0], shape[1], shape[2] * shape[3])
        var depthwise: [Double] = []
        depthwise.reserveCapacity(terms * channels * area)
        var pointwise = [Double](repeating: 0, count: filters * channels * terms)
        let elements = weight.elements()
        for (channel, spectrum) in spectra.enumerated() {
            let matrix = Self.matrix(ofChannel: channel, weight, elements)
            let (left, right) = try spectrum.factors(of: matrix, rank: terms)
            depthwise += right.elements
            for filter in 0..<filters {
                let to = (filter * channels + channel) * terms
                for term in 0..<terms { pointwise[to + term] = left.elements[term * filters + filter] }
            }
        }
        return SeparatedWeights(
            first: try weight.factor(depthwise, shape: [terms * channels, 1, shape[2], shape[3]]),
            second: try weight.factor(pointwise, shape: [filters, terms * channels, 1, 1]))
    }

    /// W[:, channel] as an O × k₁k₂ matrix.
    private static func matrix(ofChannel channel: Int, _ weight: NormalizedWeight, _ elements: [Double]) -> Matrix {
        let (filters, channels, area) = (weight.shape[0], weight.shape[1], weight.shape[2] * weight.shape[3])
        let column = [Double](unsafeUninitializedCapacity: filters * area) { buffer, initialized in
            for filter in 0..<filters {
                let from = (filter * channels + channel) * area
                for position in 0..<area { buffer[filter * area + position] = elements[from + position] }
            }
            initialized = filters * area
        }
        return Matrix(rows: filters, columns: area, elements: column)
    }
}
