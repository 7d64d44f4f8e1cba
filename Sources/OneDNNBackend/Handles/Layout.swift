import CKernels
import COneDNN

/// How a float32 tensor lies in memory: immutable, equal when the bytes lie the same.
final class Layout: @unchecked Sendable {
    let handle: OpaquePointer
    let shape: [Int]
    /// Bytes, padding included.
    let byteCount: Int
    private let details: onednn_description

    init(taking handle: OpaquePointer) {
        self.handle = handle
        byteCount = onednn_layout_size(handle)
        var details = onednn_description()
        onednn_layout_describe(handle, &details)
        self.details = details
        shape = Self.array(details.dims, count: Int(details.rank))
    }

    deinit { onednn_layout_destroy(handle) }

    /// Row-major. A scalar is a vector of length 1.
    static func plain(_ shape: [Int]) throws -> Layout {
        let lengths = shape.isEmpty ? [1] : shape.map(Int64.init)
        return Layout(taking: try makeHandle("a layout") { onednn_layout_create($0, Int32(lengths.count), lengths, nil, ONEDNN_F32) })
    }

    /// With distances between neighbours along each dimension, in elements.
    static func strided(_ shape: [Int], strides: [Int]) throws -> Layout {
        let lengths = shape.map(Int64.init), strides = strides.map(Int64.init)
        return Layout(taking: try makeHandle("a layout") { onednn_layout_create($0, Int32(lengths.count), lengths, strides, ONEDNN_F32) })
    }

    /// For a primitive to choose.
    static func any(_ shape: [Int]) throws -> Layout {
        let lengths = shape.map(Int64.init)
        return Layout(taking: try makeHandle("a layout") { onednn_layout_create_any($0, Int32(lengths.count), lengths, ONEDNN_F32) })
    }

    /// Channels (dimension 1) in blocks, the last one padded with zeros; rank 3 to 5, block 4, 8 or 16.
    static func channelBlocked(_ shape: [Int], block: Int) throws -> Layout {
        let lengths = shape.map(Int64.init)
        return Layout(
            taking: try makeHandle("a layout") {
                onednn_layout_create_channel_blocked($0, Int32(lengths.count), lengths, Int32(block), ONEDNN_F32)
            })
    }

    private static func array<Tuple>(_ tuple: Tuple, count: Int) -> [Int] {
        withUnsafeBytes(of: tuple) { $0.bindMemory(to: Int64.self).prefix(count).map { Int($0) } }
    }

    private var padded: [Int] { Self.array(details.padded, count: shape.count) }
    private var strides: [Int] { Self.array(details.strides, count: shape.count) }
    private var blocks: [(dimension: Int, length: Int)] {
        let count = Int(details.inner_count)
        return Array(zip(Self.array(details.inner_dims, count: count), Self.array(details.inner_blocks, count: count)))
    }

    /// Whether the bytes are those of the row-major tensor: true also for a blocked layout whose spatial lengths are 1.
    var isPlain: Bool {
        guard details.is_blocked, padded == shape else { return false }
        let blocks = blocks
        var innerStrides = [Int](repeating: 1, count: blocks.count)
        for index in stride(from: blocks.count - 2, through: 0, by: -1) {
            innerStrides[index] = innerStrides[index + 1] * blocks[index + 1].length
        }
        var factors: [(length: Int, stride: Int)] = []
        for (dimension, length) in shape.enumerated() {
            let inner = blocks.indices.filter { blocks[$0].dimension == dimension }
            let blocked = inner.reduce(1) { $0 * blocks[$1].length }
            factors.append((length / blocked, strides[dimension]))
            factors += inner.map { (blocks[$0].length, innerStrides[$0]) }
        }
        var expected = 1
        for factor in factors.reversed() where factor.length != 1 {
            guard factor.stride == expected else { return false }
            expected *= factor.length
        }
        return true
    }

    /// The block lengths that our kernels know, and that `channelBlocked` makes.
    private static let channelBlocks = [4, 8, 16]

    /// The block length when the layout is [N, C/block, spatial …, block] with one of the lengths that kernels know.
    var channelBlock: Int? {
        let blocks = blocks
        guard details.is_blocked, blocks.count == 1, blocks[0].dimension == 1, Self.channelBlocks.contains(blocks[0].length),
            (3...5).contains(shape.count)
        else { return nil }
        var expected = blocks[0].length
        let outer = padded.enumerated().map { $0.offset == 1 ? $0.element / blocks[0].length : $0.element }
        for dimension in stride(from: shape.count - 1, through: 0, by: -1) {
            guard strides[dimension] == expected || outer[dimension] == 1 else { return nil }
            expected *= outer[dimension]
        }
        return blocks[0].length
    }

    /// Whether the layout is that of a filter per channel, [G, 1, 1, spatial …], with channels in blocks of 16 behind everything else.
    var hasFilterBlocks: Bool {
        let blocks = blocks
        guard details.is_blocked, blocks.count == 1, blocks[0].dimension == 0, blocks[0].length == 16 else { return false }
        var expected = 16
        for dimension in stride(from: shape.count - 1, through: 1, by: -1) {
            guard strides[dimension] == expected || shape[dimension] == 1 else { return false }
            expected *= shape[dimension]
        }
        return strides[0] == expected || shape[0] <= 16
    }

    /// Whether the layout is [O/16, I/16, spatial …, 16 input channels, 16 output channels], as the weights of most convolutions lie.
    var hasWeightBlocks: Bool {
        let blocks = blocks
        guard details.is_blocked, blocks.count == 2, blocks[0].dimension == 1, blocks[1].dimension == 0, blocks[0].length == 16,
            blocks[1].length == 16
        else { return false }
        var expected = 256
        for dimension in stride(from: shape.count - 1, through: 0, by: -1) {
            let outer = dimension < 2 ? padded[dimension] / 16 : shape[dimension]
            guard strides[dimension] == expected || outer == 1 else { return false }
            expected *= outer
        }
        return true
    }

    /// How kernels with a number per output channel see weights [O, I, k…] or [G, O/G, I/G, k…] that lie so: blocks of output channels
    /// outermost, and those of one block innermost; `nil` for other layouts.
    var outputChannels: ck_channels? {
        guard details.is_blocked, shape.count >= 2 else { return nil }
        let blocks = blocks, padded = padded, total = padded.reduce(1, *), isGrouped = shape.count > 4
        let axis = isGrouped && padded[1] > 1 ? 1 : 0
        let isBlocked = blocks.contains { $0.dimension <= axis }
        guard !isBlocked || blocks.last.map({ $0.dimension == axis }) == true, blocks.dropLast().allSatisfy({ $0.dimension > axis }) else {
            return nil
        }
        let lanes = isBlocked ? blocks[blocks.count - 1].length : 1
        var count = 1
        for dimension in 0...axis {
            count *= padded[dimension] / (dimension == axis ? lanes : 1)
            guard count * strides[dimension] == total || shape[dimension] <= (dimension == axis ? lanes : 1) else { return nil }
        }
        guard axis == 0 || padded[1] == shape[1] else { return nil }
        let channels = shape[...axis].reduce(1, *)
        return ck_channels(
            outer: 1, blocks: Int64(count), inner: Int64(total / (count * lanes)), lanes: Int64(lanes), channels: Int64(channels))
    }

    /// Whether some channels exist only as padding.
    var hasPadding: Bool { padded != shape }
}

extension Layout: Equatable {
    static func == (left: Layout, right: Layout) -> Bool { onednn_layout_equal(left.handle, right.handle) }
}
