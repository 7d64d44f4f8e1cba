import CZlib
import Foundation
import Testing

@testable import Tensors

@Suite struct NumpyArrayTests {
    static func decode(_ bytes: [UInt8]) throws -> Tensor {
        let storage = bytes.withUnsafeBytes { TensorStorage(copying: $0) }
        return try NumpyArray.decode(storage, in: 0..<bytes.count)
    }

    static func encode(_ tensor: Tensor) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try EncodedArray(tensor).forEachPart { bytes += $0 }
        return bytes
    }

    /// A version 1 file with the given header, and `byteCount` zeros.
    static func file(_ header: String, byteCount: Int) -> [UInt8] {
        let length = header.utf8.count
        return NumpyHeader.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8)
            + [UInt8](repeating: 0, count: byteCount)
    }

    @Test(arguments: 1...3)
    func readsEveryVersion(version: Int) throws {
        let tensor = try NumpyArray.read(from: Fixture.path("version\(version).npy"))
        #expect(tensor.shape == [2, 3, 4])
        #expect(try tensor.elements(as: Float.self) == (0..<24).map { Float($0) })
    }

    @Test func writesWhatNumPyWrites() throws {
        let tensor = try Tensor((0..<24).map { Float($0) }, shape: [2, 3, 4])
        #expect(try Self.encode(tensor) == Fixture.bytes("version1.npy"))
        try Fixture.withTemporaryFolder { folder in
            try NumpyArray.write(tensor, to: folder + "/array.npy")
            #expect(try NumpyArray.read(from: folder + "/array.npy") == tensor)
        }
    }

    @Test(arguments: ElementType.allCases.filter { $0.bitWidth > 0 })
    func roundTripsEveryType(type: ElementType) throws {
        for shape in [[], [1], [7], [2, 3], [0], [3, 0, 2]] as [[Int]] {
            let count = shape.reduce(1, *)
            let bytes = type.byteCount(elements: count) ?? 0
            let storage = TensorStorage(byteCount: bytes) { buffer in
                for index in 0..<bytes { buffer[index] = type == .bool ? UInt8(index % 2) : UInt8(index * 37 % 64) }
            }
            let tensor = try Tensor(shape: shape, elementType: type, storage: storage)
            let encoded = try Self.encode(tensor)
            let decoded = try Self.decode(encoded)
            #expect(encoded.count == (try EncodedArray(tensor).byteCount))
            #expect(decoded.shape == shape)
            #expect(decoded.doubles() == tensor.doubles())
            switch type {
            case .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1:
                #expect(decoded.elementType == .float32)
                #expect(try Tensor(decoded.doubles() ?? [], shape: shape, as: type).doubles() == tensor.doubles())
            case .int2, .int4: #expect(decoded.elementType == .int8)
            case .uint2, .uint4: #expect(decoded.elementType == .uint8)
            default: #expect(decoded == tensor)
            }
        }
    }

    @Test func writesStrings() throws {
        let tensor = try Tensor(shape: [2, 1], strings: [Array("long text".utf8), []])
        #expect(try Self.decode(Self.encode(tensor)) == tensor)
        expectError(.unsupported, containing: "zero byte") { try Self.encode(Tensor(shape: [1], strings: [[1, 0]])) }
    }

    @Test func booleansAreZeroOrOne() throws {
        var bytes = try Self.encode(Tensor(vector: [true, false]))
        bytes[bytes.count - 2] = 200
        #expect(try Self.decode(bytes).codes() == [1, 0])
    }

    @Test func readsSloppyHeaders() throws {
        let header = "{ \"shape\" :(2L , 1),'fortran_order':True, 'descr' : '=i2' }"
        let tensor = try Self.decode(Self.file(header, byteCount: 4))
        #expect(tensor.description == "int16[2, 1]")
    }

    @Test func refusesDamage() throws {
        func refuse(_ header: String, byteCount: Int = 8, _ kind: CleaveError.Kind, _ part: String) {
            expectError(kind, containing: part) { try Self.decode(Self.file(header, byteCount: byteCount)) }
        }
        refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", .malformedFile, "needs 12 bytes, but 8")
        refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", .malformedFile, "needs 4 bytes, but 8")
        refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", .malformedFile, "no length")
        refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2.5,), }", .malformedFile, "no number")
        refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", .malformedFile, "no number")
        refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,), }", .malformedFile, "too many")
        refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", .malformedTensor, "memory")
        refuse("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", .unsupported, "'|O'")
        refuse("{'descr': '<V2', 'fortran_order': False, 'shape': (4,), }", .unsupported, "'<V2'")
        refuse("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", .unsupported, "'<f16'")
        refuse("{'descr': '<S0', 'fortran_order': False, 'shape': (4611686018427387904,), }", .unsupported, "'<S0'")
        refuse("{'descr': '<U9223372036854775807', 'fortran_order': False, 'shape': (1,), }", .unsupported, "'<U9")
        refuse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", .unsupported, "structured")
        refuse("{'descr': '<f4', 'fortran_order': False}", .malformedFile, "not a dictionary")
        refuse("{'descr': '<f4', 'order': False, 'shape': (2,)}", .malformedFile, "'fortran_order' is missing")
        refuse("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}", .malformedFile, "twice")
        refuse("{'descr': '<f4', 'fortran_order': 1, 'shape': (2,)}", .malformedFile, "not a boolean")
        refuse("{'descr': '<f4', 'fortran_order': False, 'shape': 2}", .malformedFile, "not a tuple")
        refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", .malformedFile, "after the dictionary")
        refuse("{'descr: 2}", .malformedFile, "does not end")
        refuse(String(repeating: "(", count: 1000), .malformedFile, "too deeply")
        refuse("{'descr': '<U1', 'fortran_order': False, 'shape': (), }", byteCount: 3, .malformedFile, "needs 4 bytes")
        let surrogate = Self.file("{'descr': '<U1', 'fortran_order': False, 'shape': (), }", byteCount: 0) + [0, 0xD8, 0, 0]
        expectError(.malformedFile, containing: "Unicode") { try Self.decode(surrogate) }
        var future = try Fixture.bytes("version1.npy")
        future[6] = 4
        expectError(.unsupported, containing: "version 4") { try Self.decode(future) }
        let deep = try Tensor([Float(1)], shape: [Int](repeating: 1, count: 65))
        expectError(.unsupported, containing: "at most 64") { try Self.encode(deep) }
    }

    @Test func refusesEveryPrefix() throws {
        for name in ["version1.npy", "version2.npy", "version3.npy"] {
            let bytes = try Fixture.bytes(name)
            for length in 0..<bytes.count {
                #expect(throws: CleaveError.self, "\(length) bytes") { try Self.decode(Array(bytes.prefix(length))) }
            }
        }
    }

    @Test func namesTheFile() {
        expectError(.file, containing: "/none.npy: cannot open") { try NumpyArray.read(from: "/none.npy") }
        expectError(.malformedFile, containing: "make.py: the bytes do not start") { try NumpyArray.read(from: Fixture.path("make.py")) }
    }
}

@Suite struct NumpyArchiveTests {
    /// What `make.py` puts into the array called `name`.
    static func check(_ name: String, _ tensor: Tensor) throws {
        switch name {
        case "scalar": #expect(try tensor.shape == [] && tensor.elements(as: Float.self) == [7])
        case "empty", "empty-F": #expect(tensor.description == "int64[3, 0, 2]")
        case "vector-ü": #expect(try tensor.elements(as: Float.self) == [0, 1, 2, 3, 4])
        default:
            #expect(tensor.shape == [2, 3, 4], "\(name)")
            let kind = try #require(name.split(separator: "-").dropFirst().first)
            switch kind {
            case "b1": #expect(tensor.doubles() == (0..<24).map { Double($0 % 2) }, "\(name)")
            case "S3": #expect(tensor.strings == (0..<24).map { Array("s\($0)".utf8) }, "\(name)")
            case "U3": #expect(tensor.strings == (0..<24).map { Array("ü\($0)".utf8) }, "\(name)")
            case "c8":
                let parts = tensor.withUnsafeBytes { Array($0.assumingMemoryBound(to: Float.self)) }
                #expect(parts == (0..<24).flatMap { [Float($0), -Float($0)] }, "\(name)")
            case "c16":
                let parts = tensor.withUnsafeBytes { bytes in
                    (0..<48).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
                }
                #expect(parts == (0..<24).flatMap { [Double($0), -Double($0)] }, "\(name)")
            default: #expect(tensor.doubles() == (0..<24).map { Double($0) }, "\(name)")
            }
        }
    }

    @Test(arguments: [("stored.npz", 68), ("deflated.npz", 68), ("streamed.npz", 4)])
    func readsWhatPythonWrites(name: String, count: Int) throws {
        let archive = try NumpyArchive(contentsOf: Fixture.path(name))
        #expect(archive.entries.count == count)
        #expect(archive.entries.prefix(3).map(\.name) == ["little-f2-C", "little-f2-F", "big-f2-C"])
        for entry in archive.entries { try Self.check(entry.name, entry.tensor) }
    }

    @Test func roundTrips() throws {
        let entries = try [
            ("weight/0", Tensor((0..<6).map { Float($0) }, shape: [2, 3])), ("é", Tensor(vector: [1, 2] as [Int64])),
            ("", Tensor(scalar: true)), ("../outside", Tensor([Float](), shape: [0])),
        ].map { NumpyArchive.Entry(name: $0.0, tensor: $0.1) }
        try Fixture.withTemporaryFolder { folder in
            let path = folder + "/archive.npz"
            try NumpyArchive(entries).write(to: path)
            let first = try Data(contentsOf: URL(fileURLWithPath: path))
            let read = try NumpyArchive(contentsOf: path)
            #expect(read.entries.map(\.name) == entries.map(\.name))
            #expect(read.entries.map(\.tensor) == entries.map(\.tensor))
            #expect(read["é"] == entries[1].tensor)
            #expect(read["e"] == nil)
            try read.write(to: path)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["archive.npz"])
        }
    }

    @Test func refusesEqualNames() throws {
        var archive = NumpyArchive()
        try archive.append("a", Tensor(scalar: Float(1)))
        expectError(.invalidRequest, containing: "tensor 'a': two arrays") { try archive.append("a", Tensor(scalar: Float(2))) }
    }

    /// The members of a zip file in memory.
    static func members(_ bytes: [UInt8]) throws -> [(String, [UInt8])] {
        let storage = bytes.withUnsafeBytes { TensorStorage(copying: $0) }
        return try ZipReader.members(of: storage.bytes).map { member in
            let (contents, range) = try ZipReader.contents(of: member, in: storage)
            return (member.name, Array(contents.bytes[range]))
        }
    }

    static func zip(_ members: [(String, [UInt8])], threshold64: UInt64 = ZipFormat.saturated32) throws -> [UInt8] {
        final class Output { var bytes: [UInt8] = [] }
        let output = Output()
        var writer = ZipWriter(threshold64: threshold64) { output.bytes += $0 }
        for (name, contents) in members {
            try writer.append(name, byteCount: contents.count) { try contents.withUnsafeBytes($0) }
        }
        try writer.finish()
        return output.bytes
    }

    @Test(arguments: [0, 1, 4, 50, 100, 300, 1000, ZipFormat.saturated32])
    func writesZip64WhereNumbersAreLarge(threshold: UInt64) throws {
        let expected = (0..<4).map { ("member\($0)", [UInt8](repeating: UInt8($0), count: 40 * $0)) }
        let members = try Self.members(Self.zip(expected, threshold64: threshold))
        #expect(members.map(\.0) == expected.map(\.0))
        #expect(members.map(\.1) == expected.map(\.1))
    }

    @Test func writesManyMembers() throws {
        let names = (0..<70_000).map { ("\($0)", [UInt8]()) }
        #expect(try Self.members(Self.zip(names)).count == 70_000)
    }

    @Test func refusesEveryPrefix() throws {
        for name in ["streamed.npz", "deflated.npz"] {
            let bytes = try Fixture.bytes(name)
            for length in Swift.stride(from: 0, to: bytes.count, by: name == "streamed.npz" ? 1 : 61) {
                #expect(throws: CleaveError.self, "\(name), \(length) bytes") { try Self.members(Array(bytes.prefix(length))) }
            }
        }
    }

    /// Every byte changed: what is read must be as it was, or be refused.
    @Test func survivesDamage() throws {
        let bytes = try Fixture.bytes("streamed.npz")
        let original = try Self.members(bytes).map(\.1)
        var refused = 0
        for position in bytes.indices {
            for change in [0xFF, 0x01, 0x80] as [UInt8] {
                var damaged = bytes
                damaged[position] ^= change
                do {
                    let members = try Self.members(damaged).map(\.1)
                    #expect(members.allSatisfy { original.contains($0) }, "byte \(position)")
                } catch is CleaveError {
                    refused += 1
                }
            }
        }
        #expect(refused > bytes.count)
    }

    @Test func refusesSizesThatDeflateCannotReach() throws {
        var bytes = try Fixture.bytes("streamed.npz")
        // The size of the first member in the directory, to which the end record points.
        let end = bytes.count - 22
        let directory = (0..<4).reduce(0) { $0 | Int(bytes[end + 16 + $1]) << (8 * $1) }
        for index in 0..<4 { bytes[directory + 24 + index] = index == 3 ? 0x7F : 0xFF }
        expectError(.malformedFile, containing: "impossible") { try Self.members(bytes) }
        bytes[directory + 24 + 3] = 0
        bytes[directory + 24 + 2] = 0
        expectError(.malformedFile, containing: "does not unpack") { try Self.members(bytes) }
    }

    @Test func refusesOtherFiles() throws {
        expectError(.malformedFile, containing: "no zip archive") { try NumpyArchive(contentsOf: Fixture.path("make.py")) }
        expectError(.malformedFile, containing: "no zip archive") { try Self.members([]) }
        var encrypted = try Self.zip([("a", [1])])
        let directory = encrypted.count - 22 - 47
        encrypted[directory + 8] |= 1
        expectError(.unsupported, containing: "encrypted") { try Self.members(encrypted) }
        encrypted[directory + 8] = 0
        encrypted[directory + 10] = 12
        expectError(.unsupported, containing: "method 12") { try Self.members(encrypted) }
    }

    @Test func namesTheArray() throws {
        try Fixture.withTemporaryFolder { folder in
            let path = folder + "/archive.npz"
            try AtomicFile.write(Self.zip([("note.txt", [1, 2]), ("weights.npy", [1, 2])]), to: path)
            expectError(.malformedFile, containing: "archive.npz: tensor 'weights': the bytes do not start") {
                try NumpyArchive(contentsOf: path)
            }
            try AtomicFile.write(Self.zip([("note.txt", [1, 2])]), to: path)
            #expect(try NumpyArchive(contentsOf: path).entries.isEmpty)
            let array = try NumpyArrayTests.encode(Tensor(scalar: Float(1)))
            try AtomicFile.write(Self.zip([("a.npy", array), ("a.npy", array)]), to: path)
            expectError(.malformedFile, containing: "tensor 'a': two arrays") { try NumpyArchive(contentsOf: path) }
        }
    }
}
