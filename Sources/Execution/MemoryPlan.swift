import Tensors

/// Places for buffers in one arena, such that buffers that are needed at the same time do not overlap.
///
/// Buffers are placed in the order of their first use, each into the smallest gap that holds it, so that what was just
/// freed, and is still in the cache, is written next.
public struct MemoryPlan: Sendable {
    public struct Request: Hashable, Sendable {
        public var byteCount: Int
        /// First and last step at which the bytes are needed, both included.
        public var lifetime: ClosedRange<Int>

        public init(byteCount: Int, lifetime: ClosedRange<Int>) {
            self.byteCount = byteCount
            self.lifetime = lifetime
        }
    }

    /// Alignment of every offset: a cache line, and an AVX-512 register.
    public static let alignment = 64

    /// The offset of every request, in their order.
    public let offsets: [Int]
    /// Bytes of the whole arena.
    public let byteCount: Int

    /// - Throws: `CleaveError` when the sizes do not fit an `Int`.
    public init(_ requests: [Request]) throws {
        var sizes: [Int] = []
        sizes.reserveCapacity(requests.count)
        var total = 0
        for request in requests {
            let (padded, overflow) = max(request.byteCount, 1).addingReportingOverflow(Self.alignment - 1)
            let size = padded / Self.alignment * Self.alignment
            let (sum, sumOverflow) = total.addingReportingOverflow(size)
            guard !overflow, !sumOverflow else {
                throw CleaveError(.unsupported, "the network needs more memory than can be addressed")
            }
            total = sum
            sizes.append(size)
        }
        var offsets = [Int](repeating: 0, count: requests.count)
        var gaps = GapList()
        let arrivals = requests.indices.sorted {
            (requests[$0].lifetime.lowerBound, $0) < (requests[$1].lifetime.lowerBound, $1)
        }
        let departures = requests.indices.sorted {
            (requests[$0].lifetime.upperBound, $0) < (requests[$1].lifetime.upperBound, $1)
        }
        var departed = 0
        for index in arrivals {
            while departed < departures.count, requests[departures[departed]].lifetime.upperBound < requests[index].lifetime.lowerBound {
                gaps.release(offset: offsets[departures[departed]], size: sizes[departures[departed]])
                departed += 1
            }
            offsets[index] = gaps.take(sizes[index])
        }
        self.offsets = offsets
        byteCount = gaps.end
    }
}

/// The free parts of an arena that grows at its end.
private struct GapList {
    /// Sorted by offset; neighbours are merged.
    private var gaps: [(offset: Int, size: Int)] = []
    private(set) var end = 0

    mutating func take(_ size: Int) -> Int {
        let fitting = gaps.indices.filter { gaps[$0].size >= size }
        if let best = fitting.min(by: { (gaps[$0].size, $0) < (gaps[$1].size, $1) }) {
            let offset = gaps[best].offset
            if gaps[best].size == size {
                gaps.remove(at: best)
            } else {
                gaps[best] = (offset + size, gaps[best].size - size)
            }
            return offset
        }
        if let last = gaps.last, last.offset + last.size == end {
            gaps.removeLast()
            end = last.offset + size
            return last.offset
        }
        defer { end += size }
        return end
    }

    mutating func release(offset: Int, size: Int) {
        var low = 0, high = gaps.count
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        var merged = (offset: offset, size: size)
        if low < gaps.count, offset + size == gaps[low].offset {
            merged.size += gaps[low].size
            gaps.remove(at: low)
        }
        if low > 0, gaps[low - 1].offset + gaps[low - 1].size == offset {
            merged = (gaps[low - 1].offset, gaps[low - 1].size + merged.size)
            gaps[low - 1] = merged
        } else {
            gaps.insert(merged, at: low)
        }
    }
}
