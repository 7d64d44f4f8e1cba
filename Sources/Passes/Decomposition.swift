import Tensors

/// How much of a weight a decomposition keeps.
public enum DecompositionRank: Hashable, Sendable {
    /// The shape of the paper's layers: as many channels between the spatial factors as there are filters, one depthwise term.
    case paper
    /// The given rank, or number of depthwise terms; at most the full one is used.
    case count(Int)
    /// The smallest rank that keeps at least this share of Σσ², in (0, 1].
    case energy(Double)
    /// The full rank, whatever it costs: the same function in real arithmetic.
    case exact

    /// - Throws: `CleaveError` for a rank below 1 or a share outside (0, 1].
    func validate() throws {
        switch self {
        case .count(let count) where count < 1:
            throw CleaveError(.invalidRequest, "the rank is \(count), expected at least 1")
        case .energy(let share) where !(share > 0 && share <= 1):
            throw CleaveError(
                .invalidRequest, "the kept energy is \(share), expected a share above 0 and at most 1",
                suggestion: "0.95 keeps 95 % of the squared weights")
        case .paper, .count, .energy, .exact: break
        }
    }
}

/// The weights of the two layers that a convolution becomes, first to last.
public struct SeparatedWeights: Hashable, Sendable {
    public var first: Tensor
    public var second: Tensor

    public init(first: Tensor, second: Tensor) {
        self.first = first
        self.second = second
    }
}

/// A weight [O, I, k₁, k₂] as a sum of separable terms, largest first, that can be cut off anywhere.
protocol WeightDecomposition: Sendable {
    /// The number of terms at which the sum is the weight itself.
    var fullRank: Int { get }
    /// Σσ² of all that is cut off: the squared error of the weight.
    func squaredError(rank: Int) -> Double
    /// The share of Σσ² that the leading `rank` terms keep; 1 for a weight of zeros.
    func keptEnergy(rank: Int) -> Double
    /// The weights of the two layers, rounded once to the element type of the original.
    func weights(rank: Int) throws -> SeparatedWeights
}

extension WeightDecomposition {
    /// The smallest rank that keeps at least the given share.
    func rank(keeping share: Double) -> Int {
        var (low, high) = (1, fullRank)
        while low < high {
            let middle = (low + high) / 2
            if keptEnergy(rank: middle) >= share { high = middle } else { low = middle + 1 }
        }
        return high
    }
}

/// The elements of a convolution's weight, scaled to a largest magnitude of 1, so that squares neither overflow nor vanish.
struct NormalizedWeight: Sendable {
    /// [O, I, k₁, k₂]
    let shape: [Int]
    let elementType: ElementType
    /// What the elements are divided by.
    let scale: Double
    private let weight: Tensor

    /// - Throws: `CleaveError` when there are no elements, the type is not a floating-point one, or a number is NaN or infinite.
    init(_ weight: Tensor) throws {
        let shape = weight.shape
        guard shape.count == 4, weight.count > 0 else {
            throw CleaveError(
                .shapeMismatch, "the weight has shape \(shape), expected 4 dimensions (filters, channels, height, width) and no empty one")
        }
        guard weight.elementType.isFloatingPoint, let values = weight.doubles() else {
            throw CleaveError(.typeMismatch, "the weight has elements of \(weight.elementType), expected floating-point numbers")
        }
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw CleaveError(
                .invalidNumbers,
                "the weight is \(values[index].isNaN ? "NaN" : "infinite") at \(Self.coordinates(of: index, in: shape)), "
                    + "expected finite numbers",
                suggestion: "such a weight has no decomposition: train the network again, or initialize the layers at random")
        }
        let largest = values.withUnsafeBufferPointer { $0.reduce(0) { max($0, abs($1)) } }
        let scale = largest > 0 ? largest : 1
        self.shape = shape
        self.elementType = weight.elementType
        self.scale = scale
        self.weight = weight
    }

    /// The scaled elements, row-major. They take several times the memory of the weight, and are made anew at each call.
    func elements() -> [Double] {
        var elements = weight.doubles() ?? []
        elements.withUnsafeMutableBufferPointer { for index in $0.indices { $0[index] /= scale } }
        return elements
    }

    /// A factor of the scaled weight as a tensor; of two factors, each takes the root of the scale.
    func factor(_ elements: [Double], shape: [Int]) throws -> Tensor {
        let root = scale.squareRoot()
        return try Tensor(elements.map { $0 * root }, shape: shape, as: elementType)
    }

    /// Where element `index` of the row-major order is, in every dimension.
    private static func coordinates(of index: Int, in shape: [Int]) -> [Int] {
        var rest = index
        var result: [Int] = []
        for length in shape.reversed() {
            result.append(rest % length)
            rest /= length
        }
        return result.reversed()
    }
}
