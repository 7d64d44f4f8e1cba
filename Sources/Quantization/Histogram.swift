import CKernels
import Tensors

/// How often numbers fall into bins of equal width around 0, in memory that does not grow with the numbers.
///
/// The width is a power of two. A number beyond the range doubles it, two neighbouring bins at a time becoming one, so that the
/// histogram depends on the numbers only, and neither on their order nor on how they were split into parts that were merged.
public struct Histogram: Hashable, Sendable {
    /// Bins on both sides of 0 together.
    public static let binCount = Int(CK_HISTOGRAM_BINS)
    private static let half = binCount / 2
    /// Narrower bins would make a number divided by their width overflow.
    static let smallestExponent = -120
    /// Bins of this width hold every finite Float.
    static let largestExponent = 118

    /// The bins are 2^exponent wide.
    public private(set) var exponent: Int
    /// Bin b counts the numbers from (b − binCount/2)·2^exponent to below (b + 1 − binCount/2)·2^exponent.
    public private(set) var counts: [UInt64]

    /// An empty one.
    public init() {
        exponent = Self.smallestExponent
        counts = [UInt64](repeating: 0, count: Self.binCount)
    }

    /// - Returns: `nil` for an exponent out of range, another number of bins, or more numbers than can be counted.
    init?(exponent: Int, counts: [UInt64]) {
        guard (Self.smallestExponent...Self.largestExponent).contains(exponent), counts.count == Self.binCount else { return nil }
        var total: UInt64 = 0
        for count in counts {
            let (sum, overflow) = total.addingReportingOverflow(count)
            guard !overflow, sum <= UInt64(Int.max) else { return nil }
            total = sum
        }
        self.exponent = exponent
        self.counts = counts
    }

    public var width: Double { Double(sign: .plus, exponent: exponent, significand: 1) }
    public var total: Int { Int(clamping: counts.reduce(0, &+)) }

    /// Where bin `bin` begins.
    public func lowerEdge(_ bin: Int) -> Double { Double(bin - Self.half) * width }

    /// Adds finite numbers of which none is larger than `magnitude` in absolute value.
    mutating func add(_ numbers: UnsafeBufferPointer<Float>, magnitude: Float) {
        guard let address = numbers.baseAddress, !numbers.isEmpty else { return }
        cover(magnitude)
        let inverse = Float(sign: .plus, exponent: -exponent, significand: 1)
        counts.withUnsafeMutableBufferPointer { counts in
            ck_add_to_histogram(address, Int64(numbers.count), inverse, counts.baseAddress)
        }
    }

    /// Widens the bins until `magnitude` is below the outermost edge.
    private mutating func cover(_ magnitude: Float) {
        guard magnitude > 0, magnitude.isFinite else { return }
        // half·2^e > m for the smallest e: with m = f·2^k and 1 ≤ f < 2, half = 2^h, that is e = k + 1 − h.
        let needed = Int(magnitude.exponent) + 1 - Self.half.trailingZeroBitCount
        if needed > exponent { coarsen(to: needed) }
    }

    private mutating func coarsen(to exponent: Int) {
        let shift = min(exponent - self.exponent, Int.bitWidth - 1)
        var coarse = [UInt64](repeating: 0, count: Self.binCount)
        // An arithmetic shift rounds down, as the edges of the wider bins do.
        for (bin, count) in counts.enumerated() where count > 0 { coarse[((bin - Self.half) >> shift) + Self.half] &+= count }
        counts = coarse
        self.exponent = exponent
    }

    /// Adds what another histogram counted.
    public mutating func merge(_ other: Histogram) {
        var other = other
        if other.exponent > exponent { coarsen(to: other.exponent) }
        if other.exponent < exponent { other.coarsen(to: exponent) }
        for (bin, count) in other.counts.enumerated() where count > 0 { counts[bin] &+= count }
    }

    /// The bins from the first to the last that has counted anything; empty when none has.
    var occupied: Range<Int> {
        guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 }) else { return 0..<0 }
        return first..<last + 1
    }
}

extension Histogram: Codable {
    private enum CodingKeys: String, CodingKey {
        case exponent, first, counts
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let exponent = try container.decode(Int.self, forKey: .exponent)
        let first = try container.decode(Int.self, forKey: .first)
        let some = try container.decode([UInt64].self, forKey: .counts)
        var counts = [UInt64](repeating: 0, count: Self.binCount)
        guard (0...Self.binCount).contains(first), some.count <= Self.binCount - first else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts, in: container, debugDescription: "there are more bins than \(Self.binCount)")
        }
        counts.replaceSubrange(first..<first + some.count, with: some)
        guard let histogram = Histogram(exponent: exponent, counts: counts) else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts, in: container, debugDescription: "the exponent or the counts are out of range")
        }
        self = histogram
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let occupied = occupied
        try container.encode(exponent, forKey: .exponent)
        try container.encode(occupied.lowerBound, forKey: .first)
        try container.encode(Array(counts[occupied]), forKey: .counts)
    }
}
