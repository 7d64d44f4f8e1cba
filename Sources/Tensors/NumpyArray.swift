import Foundation

/// NumPy's array file, `.npy` (NumPy Enhancement Proposal 1; `numpy.lib.format`), versions 1 to 3.
///
/// Element types that NumPy has are kept. Narrow floats (bfloat16, float8, float4) are written as float32 and 4- and 2-bit
/// integers as int8 or uint8, which hold every one of their values; strings are written as NumPy's fixed-length byte strings.
public enum NumpyArray {
    /// The array in the file at `path`.
    /// - Throws: `CleaveError` when it cannot be read, is damaged, or its elements are of a type that tensors do not have.
    public static func read(from path: String) throws -> Tensor {
        try locating(file: path) {
            let storage = try TensorStorage(contentsOf: path)
            return try decode(storage, in: 0..<storage.bytes.count)
        }
    }

    /// Writes `tensor` as a version 1 file, little-endian and row-major.
    /// - Throws: `CleaveError` when the file cannot be written, or a string ends in a zero byte, which NumPy drops.
    public static func write(_ tensor: Tensor, to path: String) throws {
        let encoded = try EncodedArray(tensor)
        try AtomicFile.replace(path) { descriptor in
            try encoded.forEachPart { try AtomicFile.append($0, to: descriptor, path: path) }
        }
    }

    /// The array whose encoding is the part `range` of `storage`; the tensor shares the bytes where it can.
    /// - Throws: `CleaveError` as `read(from:)`.
    public static func decode(_ storage: TensorStorage, in range: Range<Int>) throws -> Tensor {
        let bytes = UnsafeRawBufferPointer(rebasing: storage.bytes[range])
        let header = try NumpyHeader(bytes)
        let type = try NumpyType(header.description)
        let count = try locating { try Tensor.elementCount(of: header.shape) }
        let (needed, overflow) = count.multipliedReportingOverflow(by: type.width)
        let available = bytes.count - header.byteCount
        guard !overflow, needed == available else {
            throw CleaveError(
                .malformedFile,
                "shape \(header.shape) of '\(header.description)' needs \(overflow ? "too many" : String(needed)) bytes, "
                    + "but \(available) are there")
        }
        let offset = range.lowerBound + header.byteCount
        if type.isStored, !header.isFortranOrder || header.shape.count < 2 {
            return try Tensor(shape: header.shape, elementType: type.elementType, storage: storage, offset: offset)
        }
        let order = header.isFortranOrder ? rowMajorOrder(ofColumnMajor: header.shape, count: count) : nil
        let source = UnsafeRawBufferPointer(rebasing: storage.bytes[offset..<(offset + needed)])
        return try type.tensor(shape: header.shape, count: count, from: source, order: order)
    }

    /// Where the elements, visited in row-major order, are in a column-major array.
    private static func rowMajorOrder(ofColumnMajor shape: [Int], count: Int) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropFirst() where count > 0 { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        var position = [Int](repeating: 0, count: shape.count)
        return (0..<count).map { _ in
            defer {
                for axis in shape.indices.reversed() {
                    position[axis] += 1
                    if position[axis] < shape[axis] { break }
                    position[axis] = 0
                }
            }
            return zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }
}

/// A tensor as `.npy` bytes: a header, and the elements, which are the tensor's own bytes wherever NumPy has its type.
struct EncodedArray {
    let header: [UInt8]
    let elements: Tensor

    private static let maximumRank = 64

    init(_ tensor: Tensor) throws {
        guard tensor.rank <= Self.maximumRank else {
            throw CleaveError(.unsupported, "the tensor has \(tensor.rank) dimensions, but NumPy's have at most \(Self.maximumRank)")
        }
        let description: String
        (description, elements) = try NumpyType.encoding(of: tensor)
        let shape = tensor.shape.map { "\($0)," }.joined(separator: " ")
        let tuple = tensor.shape.count > 1 ? String(shape.dropLast()) : shape
        var text = Array("{'descr': '\(description)', 'fortran_order': False, 'shape': (\(tuple)), }".utf8)
        // Magic, version and length take 10 bytes; the elements start at a multiple of 64, after a line feed.
        text += [UInt8](repeating: UInt8(ascii: " "), count: 63 - (10 + text.count) % 64) + [UInt8(ascii: "\n")]
        let length = (0..<2).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        header = NumpyHeader.magic + [1, 0] + length + text
    }

    var byteCount: Int { header.count + elements.byteCount }

    func forEachPart(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try header.withUnsafeBytes(body)
        try elements.withUnsafeBytes(body)
    }
}
