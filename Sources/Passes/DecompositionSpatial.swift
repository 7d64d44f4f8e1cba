import Tensors

/// A weight W [O, I, k₁, k₂] as two spatial factors, at every rank K.
///
/// Vertical first, W is a matrix M with row (i, y) and column (o, x); M = UΣVᵀ. The first factor is U√Σ, as the weight
/// [K, I, k₁, 1], the second √ΣVᵀ, as [O, K, 1, k₂]. Horizontal first, rows are (i, x) and columns (o, y), and the factors
/// [K, I, 1, k₂] and [O, K, k₁, 1]. The squared error is Σ_{k>K} σ_k² (Eckart and Young), 0 at K = min(I·k₁, O·k₂).
struct SpatialDecomposition: WeightDecomposition {
    let order: SpatialOrder
    private let spectrum: SingularSpectrum
    private let weight: NormalizedWeight
    private let layout: Layout

    /// Lengths of the weight, with the kernel's axes named by factor: the first factor runs over `firstLength`.
    private struct Layout {
        let filters: Int, channels: Int, firstLength: Int, secondLength: Int
        /// Steps in memory of the weight along the axes of the first and the second factor.
        let firstStride: Int, secondStride: Int
    }

    /// - Throws: `CleaveError` when the weight is no finite [O, I, k₁, k₂], or LAPACK fails.
    init(_ weight: Tensor, order: SpatialOrder) throws { try self.init(NormalizedWeight(weight), order: order) }

    /// - Throws: `CleaveError` when LAPACK fails.
    init(_ weight: NormalizedWeight, order: SpatialOrder) throws {
        let (height, width) = (weight.shape[2], weight.shape[3])
        let layout =
            switch order {
            case .verticalFirst:
                Layout(
                    filters: weight.shape[0], channels: weight.shape[1], firstLength: height, secondLength: width, firstStride: width,
                    secondStride: 1)
            case .horizontalFirst:
                Layout(
                    filters: weight.shape[0], channels: weight.shape[1], firstLength: width, secondLength: height, firstStride: 1,
                    secondStride: width)
            }
        self.order = order
        self.weight = weight
        self.layout = layout
        spectrum = try SingularSpectrum(Self.matrix(of: weight, layout))
    }

    var fullRank: Int { spectrum.fullRank }
    func squaredError(rank: Int) -> Double { spectrum.tailEnergy(rank: rank) * weight.scale * weight.scale }
    func keptEnergy(rank: Int) -> Double { spectrum.keptShare(rank: rank) }

    func weights(rank: Int) throws -> SeparatedWeights {
        // The first factor's row k, over (i, y), is [K, I, k₁] in memory.
        let (first, right) = try spectrum.factors(of: Self.matrix(of: weight, layout), rank: rank)
        var second = [Double](repeating: 0, count: right.elements.count)
        right.elements.withUnsafeBufferPointer { source in
            second.withUnsafeMutableBufferPointer { target in
                let length = layout.secondLength
                for term in 0..<rank {
                    for filter in 0..<layout.filters {
                        let from = term * right.columns + filter * length
                        let to = (filter * rank + term) * length
                        for position in 0..<length { target[to + position] = source[from + position] }
                    }
                }
            }
        }
        let (firstKernel, secondKernel): ([Int], [Int]) =
            switch order {
            case .verticalFirst: ([layout.firstLength, 1], [1, layout.secondLength])
            case .horizontalFirst: ([1, layout.firstLength], [layout.secondLength, 1])
            }
        return SeparatedWeights(
            first: try weight.factor(first.elements, shape: [rank, layout.channels] + firstKernel),
            second: try weight.factor(second, shape: [layout.filters, rank] + secondKernel))
    }

    private static func matrix(of weight: NormalizedWeight, _ layout: Layout) -> Matrix {
        let weight = weight.elements()
        let area = layout.firstLength * layout.secondLength
        let (rows, columns) = (layout.channels * layout.firstLength, layout.filters * layout.secondLength)
        var elements = [Double](repeating: 0, count: weight.count)
        weight.withUnsafeBufferPointer { source in
            elements.withUnsafeMutableBufferPointer { target in
                for filter in 0..<layout.filters {
                    for channel in 0..<layout.channels {
                        let from = (filter * layout.channels + channel) * area
                        let to = channel * layout.firstLength * columns + filter * layout.secondLength
                        for first in 0..<layout.firstLength {
                            for second in 0..<layout.secondLength {
                                target[to + first * columns + second] =
                                    source[from + first * layout.firstStride + second * layout.secondStride]
                            }
                        }
                    }
                }
            }
        }
        return Matrix(rows: rows, columns: columns, elements: elements)
    }
}
