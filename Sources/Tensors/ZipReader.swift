import CZlib

/// Reads zip archives that need not be well-formed: every offset and length is checked against the bytes that are there.
enum ZipReader {
    /// A file in an archive, as the central directory describes it.
    struct Member {
        let name: String
        let method: UInt16
        let flags: UInt16
        let checksum: UInt32
        let compressedSize: Int
        let size: Int
        let headerOffset: Int
    }

    /// Deflate makes at most 1032 bytes out of one.
    private static let maximumRatio = 1032

    /// The members in the order of the central directory.
    static func members(of bytes: UnsafeRawBufferPointer) throws -> [Member] {
        let directory = try findDirectory(in: bytes)
        var fields = Fields(bytes: bytes, position: directory.offset, limit: directory.limit)
        var members: [Member] = []
        for _ in 0..<directory.count { members.append(try readMember(&fields)) }
        var stored = 0
        for member in members {
            // Members that share bytes are how small archives unpack to enormous ones.
            stored += member.compressedSize
            guard stored <= bytes.count else { throw malformed("its members are larger than the file") }
        }
        return members
    }

    /// The bytes of a member: a part of the archive, or memory of their own.
    /// - Throws: `CleaveError` when it is damaged, encrypted, or compressed by something other than deflate.
    static func contents(of member: Member, in archive: TensorStorage) throws -> (TensorStorage, Range<Int>) {
        guard member.flags & ZipFormat.encryptedFlag == 0 else { throw CleaveError(.unsupported, "the archive is encrypted") }
        var header = Fields(bytes: archive.bytes, position: member.headerOffset, limit: archive.bytes.count)
        guard try header.number32() == ZipFormat.localHeader else { throw malformed("a member is not where the directory says") }
        try header.skip(22)
        let nameLength = Int(try header.number16())
        let extraLength = Int(try header.number16())
        try header.skip(nameLength + extraLength)
        let start = header.position
        guard member.compressedSize <= archive.bytes.count - start else { throw malformed("it ends inside a member") }
        let packed = start..<(start + member.compressedSize)
        let storage: TensorStorage
        let range: Range<Int>
        switch member.method {
        case ZipFormat.stored:
            guard member.size == member.compressedSize else { throw malformed("a stored member has two sizes") }
            (storage, range) = (archive, packed)
        case ZipFormat.deflated:
            storage = try inflate(UnsafeRawBufferPointer(rebasing: archive.bytes[packed]), size: member.size)
            range = 0..<member.size
        default:
            throw CleaveError(
                .unsupported, "the array is compressed by method \(member.method), expected 0 (stored) or 8 (deflated)",
                suggestion: "write it with numpy.savez or numpy.savez_compressed")
        }
        let checksum = ZipFormat.checksum(UnsafeRawBufferPointer(rebasing: storage.bytes[range]))
        guard checksum == UInt(member.checksum) else { throw malformed("the checksum of a member is wrong") }
        return (storage, range)
    }

    private static func malformed(_ reason: String) -> CleaveError {
        CleaveError(.malformedFile, "the archive is damaged: \(reason)")
    }

    /// Numbers, little-endian, one after the other.
    private struct Fields {
        let bytes: UnsafeRawBufferPointer
        var position: Int
        var limit: Int

        mutating func skip(_ count: Int) throws {
            guard position >= 0, position <= limit, count <= limit - position else {
                throw malformed("a record lies beyond its end")
            }
            position += count
        }

        private mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
            let start = position
            try skip(MemoryLayout<Number>.size)
            return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: Number.self))
        }

        mutating func number16() throws -> UInt16 { try number(UInt16.self) }
        mutating func number32() throws -> UInt32 { try number(UInt32.self) }
        mutating func number64() throws -> UInt64 { try number(UInt64.self) }

        mutating func slice(_ count: Int) throws -> UnsafeRawBufferPointer {
            let start = position
            try skip(count)
            return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        }
    }
}

// MARK: - Directory

extension ZipReader {
    private static func findDirectory(in bytes: UnsafeRawBufferPointer) throws -> (offset: Int, count: Int, limit: Int) {
        // The end record is last; a comment of up to 65,535 bytes may follow it.
        let last = bytes.count - ZipFormat.endLength
        let first = max(0, last - Int(UInt16.max))
        let found = last < 0 ? nil : (first...last).last { position in
            bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self).littleEndian == ZipFormat.end
                && position + ZipFormat.endLength
                    + Int(bytes.loadUnaligned(fromByteOffset: position + 20, as: UInt16.self).littleEndian) == bytes.count
        }
        guard let found else {
            throw CleaveError(
                .malformedFile, "the file is no zip archive, or its end is missing", suggestion: "save it with numpy.savez")
        }
        var end = Fields(bytes: bytes, position: found + 10, limit: bytes.count)
        var count = UInt64(try end.number16())
        let size = UInt64(try end.number32())
        var offset = UInt64(try end.number32())
        var limit = found
        if count == ZipFormat.saturated16 || size == ZipFormat.saturated32 || offset == ZipFormat.saturated32,
            let end64 = try findEnd64(in: bytes, before: found)
        {
            (count, offset, limit) = end64
        }
        guard offset <= UInt64(limit), count <= (UInt64(limit) - offset) / UInt64(ZipFormat.centralHeaderLength) else {
            throw malformed("its directory of \(count) members at \(offset) lies beyond its end")
        }
        return (Int(offset), Int(count), limit)
    }

    private static func findEnd64(
        in bytes: UnsafeRawBufferPointer, before end: Int
    ) throws -> (count: UInt64, offset: UInt64, limit: Int)? {
        guard end >= ZipFormat.end64LocatorLength else { return nil }
        var locator = Fields(bytes: bytes, position: end - ZipFormat.end64LocatorLength, limit: end)
        guard try locator.number32() == ZipFormat.end64Locator else { return nil }
        try locator.skip(4)
        guard let position = Int(exactly: try locator.number64()) else { throw malformed("its zip64 record is misplaced") }
        var record = Fields(bytes: bytes, position: position, limit: end)
        guard try record.number32() == ZipFormat.end64 else { throw malformed("its zip64 record is missing") }
        try record.skip(28)
        let count = try record.number64()
        try record.skip(8)
        return (count, try record.number64(), position)
    }

    private static func readMember(_ fields: inout Fields) throws -> Member {
        guard try fields.number32() == ZipFormat.centralHeader else { throw malformed("a directory entry is missing") }
        try fields.skip(4)
        let flags = try fields.number16()
        let method = try fields.number16()
        try fields.skip(4)
        let checksum = try fields.number32()
        var compressedSize = UInt64(try fields.number32())
        var size = UInt64(try fields.number32())
        let nameLength = Int(try fields.number16())
        let extraLength = Int(try fields.number16())
        let commentLength = Int(try fields.number16())
        try fields.skip(8)
        var offset = UInt64(try fields.number32())
        guard let name = String(validating: try fields.slice(nameLength), as: UTF8.self) else {
            throw malformed("a member's name is not UTF-8")
        }
        var extra = fields
        extra.limit = fields.position + extraLength
        try fields.skip(extraLength + commentLength)
        try readExtra64(&extra, size: &size, compressedSize: &compressedSize, offset: &offset)
        guard let size = Int(exactly: size), let compressedSize = Int(exactly: compressedSize), let offset = Int(exactly: offset),
            compressedSize <= fields.bytes.count, size / maximumRatio <= compressedSize
        else { throw malformed("the sizes of '\(name)' are impossible") }
        return Member(
            name: name, method: method, flags: flags, checksum: checksum, compressedSize: compressedSize, size: size,
            headerOffset: offset)
    }

    /// The zip64 field holds those numbers, in this order, that do not fit their 32 bits.
    private static func readExtra64(
        _ extra: inout Fields, size: inout UInt64, compressedSize: inout UInt64, offset: inout UInt64
    ) throws {
        while extra.limit - extra.position >= 4 {
            let tag = try extra.number16()
            let length = Int(try extra.number16())
            guard tag == ZipFormat.extra64Tag else {
                try extra.skip(length)
                continue
            }
            if size == ZipFormat.saturated32 { size = try extra.number64() }
            if compressedSize == ZipFormat.saturated32 { compressedSize = try extra.number64() }
            if offset == ZipFormat.saturated32 { offset = try extra.number64() }
            return
        }
    }
}

// MARK: - Deflate

extension ZipReader {
    /// Unpacks a raw deflate stream that must give exactly `size` bytes.
    private static func inflate(_ packed: UnsafeRawBufferPointer, size: Int) throws -> TensorStorage {
        _ = try Tensor.allocatableCount(of: [size], .uint8)
        return try TensorStorage(byteCount: size) { target in
            var stream = z_stream()
            guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
                throw CleaveError(.invalidRequest, "zlib cannot start: out of memory")
            }
            defer { inflateEnd(&stream) }
            var (consumed, produced) = (0, 0)
            var status = Z_OK
            // zlib writes a byte beyond `size` here when the stream holds more than it declares.
            var surplus: UInt8 = 0
            while status == Z_OK {
                let input = min(packed.count - consumed, Int(UInt32.max))
                let room = min(size - produced, Int(UInt32.max))
                stream.next_in = UnsafeMutablePointer(mutating: packed.bindMemory(to: UInt8.self).baseAddress.map { $0 + consumed })
                stream.avail_in = UInt32(input)
                status = withUnsafeMutablePointer(to: &surplus) { spare in
                    stream.next_out = room > 0 ? target.bindMemory(to: UInt8.self).baseAddress.map { $0 + produced } : spare
                    stream.avail_out = UInt32(max(room, 1))
                    return CZlib.inflate(&stream, Z_NO_FLUSH)
                }
                consumed += input - Int(stream.avail_in)
                produced += max(room, 1) - Int(stream.avail_out)
                guard produced <= size else { break }
            }
            guard status == Z_STREAM_END, produced == size, consumed == packed.count else {
                throw malformed("a compressed member does not unpack to its \(size) bytes")
            }
        }
    }
}
