/// Writes a zip archive of stored members, byte for byte the same for the same members: all times are 1980-01-01, 00:00.
struct ZipWriter {
    private let write: (UnsafeRawBufferPointer) throws -> Void
    private var offset: UInt64 = 0
    private var directory: [UInt8] = []
    private var count: UInt64 = 0
    /// Sizes and offsets from here on are written in zip64 fields.
    private let threshold64: UInt64

    init(threshold64: UInt64 = ZipFormat.saturated32, write: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        self.threshold64 = threshold64
        self.write = write
    }

    /// Adds a member.
    /// - Parameters:
    ///   - byteCount: the size of all parts together.
    ///   - parts: calls its argument with every part, in order; it is called twice, first for the checksum.
    mutating func append(
        _ name: String, byteCount: Int, parts: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let nameBytes = Array(name.utf8)
        guard nameBytes.count <= Int(UInt16.max) else {
            throw CleaveError(.unsupported, "a name of \(nameBytes.count) bytes does not fit a zip archive")
        }
        var checksum: UInt = 0
        try parts { checksum = ZipFormat.checksum($0, continuing: checksum) }
        let size = UInt64(byteCount)
        let start = offset
        let is64 = size >= threshold64
        let isOffset64 = start >= threshold64

        var common = Record()
        common.append16(is64 || isOffset64 ? 45 : 20)
        common.append16(name.utf8.allSatisfy { $0 < 0x80 } ? 0 : ZipFormat.utf8Flag)
        common.append16(ZipFormat.stored)
        common.append16(0)
        common.append16(Self.firstDay)
        common.append32(UInt32(truncatingIfNeeded: checksum))
        common.append32(is64 ? .max : UInt32(truncatingIfNeeded: size))
        common.append32(is64 ? .max : UInt32(truncatingIfNeeded: size))
        common.append16(UInt16(nameBytes.count))

        var local = Record(ZipFormat.localHeader)
        local.bytes += common.bytes
        let localExtra = Self.extra64(is64 ? [size, size] : [])
        local.append16(UInt16(localExtra.count))
        local.bytes += nameBytes + localExtra
        try emit(local.bytes)
        try parts { try write($0) }
        offset += size

        var central = Record(ZipFormat.centralHeader)
        central.append16(is64 || isOffset64 ? 45 : 20)
        central.bytes += common.bytes
        let extra = Self.extra64((is64 ? [size, size] : []) + (isOffset64 ? [start] : []))
        central.append16(UInt16(extra.count))
        central.bytes += [UInt8](repeating: 0, count: 10)
        central.append32(isOffset64 ? .max : UInt32(truncatingIfNeeded: start))
        central.bytes += nameBytes + extra
        directory += central.bytes
        count += 1
    }

    /// Writes the directory; nothing may be added afterwards.
    mutating func finish() throws {
        let start = offset
        let size = UInt64(directory.count)
        try emit(directory)
        let is64 = start >= threshold64 || size >= threshold64 || count >= ZipFormat.saturated16
        if is64 {
            let position = offset
            var record = Record(ZipFormat.end64)
            record.append64(UInt64(ZipFormat.end64Length - 12))
            record.append16(45)
            record.append16(45)
            record.append64(0)
            for number in [count, count, size, start] { record.append64(number) }
            record.append32(ZipFormat.end64Locator)
            record.append32(0)
            record.append64(position)
            record.append32(1)
            try emit(record.bytes)
        }
        var end = Record(ZipFormat.end)
        end.append32(0)
        for _ in 0..<2 { end.append16(is64 ? .max : UInt16(truncatingIfNeeded: count)) }
        end.append32(is64 ? .max : UInt32(truncatingIfNeeded: size))
        end.append32(is64 ? .max : UInt32(truncatingIfNeeded: start))
        end.append16(0)
        try emit(end.bytes)
    }

    private mutating func emit(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
        offset += UInt64(bytes.count)
    }

    /// MS-DOS's 1980-01-01.
    private static let firstDay: UInt16 = 1 << 5 | 1

    private static func extra64(_ numbers: [UInt64]) -> [UInt8] {
        guard !numbers.isEmpty else { return [] }
        var record = Record()
        record.append16(ZipFormat.extra64Tag)
        record.append16(UInt16(8 * numbers.count))
        for number in numbers { record.append64(number) }
        return record.bytes
    }

    /// Little-endian numbers, one after the other.
    private struct Record {
        var bytes: [UInt8] = []

        init() {}
        init(_ signature: UInt32) { append32(signature) }

        mutating func append16(_ number: UInt16) { append(number) }
        mutating func append32(_ number: UInt32) { append(number) }
        mutating func append64(_ number: UInt64) { append(number) }

        private mutating func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
    }
}
