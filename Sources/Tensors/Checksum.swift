/// 64 bits that two different runs of bytes hardly ever share: FNV-1a over words, each step mixed as in SplitMix64.
package struct Checksum {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    package var text: String { String(state, radix: 16) }

    package init(text: String) { self.init(Array(text.utf8)) }

    package init(_ tensor: Tensor) {
        add(UnsafeRawBufferPointer(start: nil, count: 0))
        for string in tensor.strings ?? [] { string.withUnsafeBytes { add($0) } }
        tensor.withUnsafeBytes { add($0) }
    }

    init(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }
    package init(_ bytes: UnsafeRawBufferPointer) { add(bytes) }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let whole = bytes.count / 8 * 8
        for offset in stride(from: 0, to: whole, by: 8) { add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        add(bytes[whole...].reduce(UInt64(bytes.count)) { $0 << 8 ^ UInt64($1) })
    }

    private mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x100_0000_01B3
        state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        state ^= state >> 27
    }
}
