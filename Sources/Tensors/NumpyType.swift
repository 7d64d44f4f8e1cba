import Foundation

/// An element type in NumPy's words: byte order, kind and size, such as `<f4`, `|b1` or `>i8`.
struct NumpyType {
    private enum Kind {
        case number(ElementType)
        /// Bytes, filled up with zeros.
        case bytes
        /// UTF-32 code units, filled up with zeros.
        case text
    }

    private let kind: Kind
    private let isBigEndian: Bool
    /// Bytes of an element.
    let width: Int

    /// - Throws: `CleaveError` naming the description when tensors have no such type.
    init(_ description: String) throws {
        let unsupported = CleaveError(
            .unsupported, "elements of NumPy type '\(description)' are not supported",
            suggestion: "convert the array with astype to a number type, such as 'float32'")
        var rest = Substring(description)
        let order = rest.first.flatMap { "<>=|".contains($0) ? $0 : nil }
        if order != nil { rest = rest.dropFirst() }
        guard let letter = rest.popFirst(), rest.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let size = Int(rest), size > 0
        else { throw unsupported }
        isBigEndian = order == ">"
        switch letter {
        case "S":
            (kind, width) = (.bytes, size)
        case "U":
            let (bytes, overflow) = size.multipliedReportingOverflow(by: 4)
            guard !overflow else { throw unsupported }
            (kind, width) = (.text, bytes)
        default:
            guard let type = Self.numbers.first(where: { $0.letter == letter && $0.size == size })?.type else { throw unsupported }
            (kind, width) = (.number(type), size)
        }
    }

    var elementType: ElementType {
        switch kind {
        case .number(let type): type
        case .bytes, .text: .string
        }
    }

    /// Whether the elements' bytes are as a tensor has them. Booleans are looked at: only 0 and 1 may get into a tensor.
    var isStored: Bool {
        switch kind {
        case .number(let type): type != .bool && (!isBigEndian || width == 1)
        case .bytes, .text: false
        }
    }

    /// A tensor of the elements in `source`.
    /// - Parameter order: which element of `source` comes at every place; `nil` for the order that they are in.
    func tensor(shape: [Int], count: Int, from source: UnsafeRawBufferPointer, order: [Int]?) throws -> Tensor {
        func element(_ place: Int) -> UnsafeRawBufferPointer {
            let begin = (order?[place] ?? place) * width
            return UnsafeRawBufferPointer(rebasing: source[begin..<(begin + width)])
        }
        switch kind {
        case .bytes:
            return try Tensor(shape: shape, strings: (0..<count).map { Self.trimmed(Array(element($0)), filler: 0) })
        case .text:
            return try Tensor(shape: shape, strings: (0..<count).map { try text(element($0)) })
        case .number(let type):
            // Both parts of a complex number have their own byte order.
            let part = type == .complex64 || type == .complex128 ? width / 2 : width
            let storage = TensorStorage(byteCount: source.count) { target in
                for place in 0..<count {
                    for (index, byte) in element(place).enumerated() {
                        let swapped = isBigEndian ? index / part * part + part - 1 - index % part : index
                        target[place * width + swapped] = type == .bool ? min(byte, 1) : byte
                    }
                }
            }
            return try Tensor(shape: shape, elementType: type, storage: storage)
        }
    }

    private func text(_ element: UnsafeRawBufferPointer) throws -> [UInt8] {
        var scalars = String.UnicodeScalarView()
        let units = (0..<(width / 4)).map { index -> UInt32 in
            let unit = element.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
            return isBigEndian ? unit.bigEndian : unit.littleEndian
        }
        for unit in Self.trimmed(units, filler: 0) {
            guard let scalar = Unicode.Scalar(unit) else {
                throw CleaveError(.malformedFile, "a text holds \(unit), which is no Unicode scalar")
            }
            scalars.append(scalar)
        }
        return Array(String(scalars).utf8)
    }

    private static func trimmed<Unit: Equatable>(_ units: [Unit], filler: Unit) -> [Unit] {
        Array(units[..<((units.lastIndex { $0 != filler } ?? -1) + 1)])
    }

    private static let numbers: [(letter: Character, size: Int, type: ElementType)] = [
        ("f", 2, .float16), ("f", 4, .float32), ("f", 8, .float64), ("c", 8, .complex64), ("c", 16, .complex128), ("b", 1, .bool),
        ("i", 1, .int8), ("i", 2, .int16), ("i", 4, .int32), ("i", 8, .int64),
        ("u", 1, .uint8), ("u", 2, .uint16), ("u", 4, .uint32), ("u", 8, .uint64),
    ]

    /// How NumPy describes the elements of `tensor`, and a tensor whose bytes are those elements.
    static func encoding(of tensor: Tensor) throws -> (description: String, elements: Tensor) {
        func widened(to type: ElementType) throws -> (String, Tensor) {
            guard let values = tensor.doubles() else { throw CleaveError(.typeMismatch, "expected numbers, not \(tensor.elementType)") }
            return try encoding(of: Tensor(values, shape: tensor.shape, as: type))
        }
        switch tensor.elementType {
        case .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1:
            return try widened(to: .float32)
        case .int2, .int4: return try widened(to: .int8)
        case .uint2, .uint4: return try widened(to: .uint8)
        case .string: return try encodedStrings(of: tensor)
        case .float16, .float32, .float64, .complex64, .complex128, .bool, .int8, .int16, .int32, .int64,
            .uint8, .uint16, .uint32, .uint64:
            guard let number = numbers.first(where: { $0.type == tensor.elementType }) else { return try widened(to: .float64) }
            return ("\(number.size == 1 ? "|" : "<")\(number.letter)\(number.size)", tensor)
        }
    }

    private static func encodedStrings(of tensor: Tensor) throws -> (String, Tensor) {
        let strings = tensor.strings ?? []
        guard !strings.contains(where: { $0.last == 0 }) else {
            throw CleaveError(.unsupported, "a string ends in a zero byte, which a NumPy file cannot keep")
        }
        let width = max(1, strings.map(\.count).max() ?? 1)
        _ = try Tensor.allocatableCount(of: [strings.count, width], .uint8)
        let bytes = strings.flatMap { $0 + [UInt8](repeating: 0, count: width - $0.count) }
        return ("|S\(width)", Tensor(vector: bytes))
    }
}
