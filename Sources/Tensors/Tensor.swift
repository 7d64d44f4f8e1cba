import Foundation

/// A dense array in row-major order: shape, element type, and immutable bytes that copies share.
///
/// Numbers are stored little-endian as ONNX's `raw_data` has them; elements narrower than a byte are packed, low bits first.
public struct Tensor: Sendable {
    /// The length of every dimension; empty for a scalar. Lengths are never negative and their product fits an `Int`.
    public let shape: [Int]
    public let elementType: ElementType
    /// The number of elements, the product of `shape`.
    public let count: Int
    let contents: Contents

    enum Contents: Sendable {
        case bytes(TensorStorage, offset: Int)
        case strings([[UInt8]])
    }

    /// A view of `storage` from `offset` on.
    /// - Throws: `CleaveError` when the shape is negative or too large, or needs more bytes than the storage holds.
    public init(shape: [Int], elementType: ElementType, storage: TensorStorage, offset: Int = 0) throws {
        let count = try Self.elementCount(of: shape)
        guard let byteCount = elementType.byteCount(elements: count), offset >= 0,
            offset <= storage.bytes.count, byteCount <= storage.bytes.count - offset
        else {
            throw CleaveError(
                .malformedTensor,
                "shape \(shape) of \(elementType) needs \(elementType.byteCount(elements: count).map(String.init) ?? "too many") "
                    + "bytes, but \(max(0, storage.bytes.count - offset)) are there")
        }
        self.init(uncheckedShape: shape, count: count, elementType: elementType, contents: .bytes(storage, offset: offset))
    }

    /// A tensor of byte strings (ONNX strings need not be UTF-8).
    /// - Throws: `CleaveError` when `strings` has another count than `shape` says.
    public init(shape: [Int], strings: [[UInt8]]) throws {
        let count = try Self.elementCount(of: shape)
        guard count == strings.count else {
            throw CleaveError(.malformedTensor, "shape \(shape) has \(count) elements, but \(strings.count) strings are there")
        }
        self.init(uncheckedShape: shape, count: count, elementType: .string, contents: .strings(strings))
    }

    init(uncheckedShape shape: [Int], count: Int, elementType: ElementType, contents: Contents) {
        self.shape = shape
        self.count = count
        self.elementType = elementType
        self.contents = contents
    }

    /// The product of the dimensions.
    /// - Throws: `CleaveError` for a negative dimension, or a product beyond `Int`.
    public static func elementCount(of shape: [Int]) throws -> Int {
        var count = 1
        var isEmpty = false
        for dimension in shape {
            guard dimension >= 0 else { throw CleaveError(.malformedTensor, "shape \(shape) has a negative dimension") }
            if dimension == 0 { isEmpty = true; continue }
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard !overflow else {
                throw CleaveError(
                    .malformedTensor, "shape \(shape) has more elements than memory can address",
                    suggestion: "check the lengths: one of them must be wrong, or the file damaged")
            }
            count = product
        }
        return isEmpty ? 0 : count
    }

    /// The number of elements of a tensor that is about to be made.
    /// - Throws: `CleaveError` for a shape whose elements do not fit the machine's memory, before anything is allocated.
    public static func allocatableCount(of shape: [Int], _ elementType: ElementType) throws -> Int {
        let count = try elementCount(of: shape)
        // A string needs at least its array's reference.
        let byteCount = elementType == .string
            ? ElementType.uint64.byteCount(elements: count) : elementType.byteCount(elements: count)
        let limit = min(ProcessInfo.processInfo.physicalMemory, 1 << 40)
        guard let byteCount, UInt64(byteCount) <= limit else {
            throw CleaveError(
                .malformedTensor,
                "a tensor of shape \(shape) of \(elementType) needs \(byteCount.map(NumberFormat.bytes) ?? "more than 9.22 EB"), "
                    + "but at most \(NumberFormat.bytes(Int(clamping: limit))) can be had",
                suggestion: "try a smaller batch or image, or check the lengths")
        }
        return count
    }

    public var rank: Int { shape.count }

    /// Bytes that the elements take; for strings, the sum of their lengths.
    public var byteCount: Int {
        switch contents {
        case .bytes: elementType.byteCount(elements: count) ?? 0
        case .strings(let strings): strings.reduce(0) { $0 + $1.count }
        }
    }

    /// The byte strings of a string tensor, `nil` for every other element type.
    public var strings: [[UInt8]]? {
        if case .strings(let strings) = contents { strings } else { nil }
    }

    /// Calls `body` with the elements' bytes; a string tensor has none.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch contents {
        case .bytes(let storage, let offset):
            try body(UnsafeRawBufferPointer(rebasing: storage.bytes[offset..<offset + byteCount]))
        case .strings:
            try body(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// The same elements under another shape.
    /// - Throws: `CleaveError` when the counts differ.
    public func reshaped(_ shape: [Int]) throws -> Tensor {
        let count = try Self.elementCount(of: shape)
        guard count == self.count else {
            throw CleaveError(.shapeMismatch, "cannot reshape \(self.shape) (\(self.count) elements) to \(shape) (\(count))")
        }
        return Tensor(uncheckedShape: shape, count: count, elementType: elementType, contents: contents)
    }

    /// Whether both tensors have the same type, shape, and bytes.
    public func isIdentical(to other: Tensor) -> Bool {
        guard elementType == other.elementType, shape == other.shape else { return false }
        if let strings { return strings == other.strings }
        return withUnsafeBytes { mine in
            other.withUnsafeBytes { theirs in
                guard let left = mine.baseAddress, let right = theirs.baseAddress else { return mine.count == theirs.count }
                return memcmp(left, right, mine.count) == 0
            }
        }
    }
}

/// Tensors are equal when type, shape and every byte are: NaN equals the same NaN, and 0.0 is not −0.0.
extension Tensor: Hashable {
    public static func == (left: Tensor, right: Tensor) -> Bool { left.isIdentical(to: right) }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(shape)
        hasher.combine(elementType)
        withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(256))) }
        if let strings { hasher.combine(strings) }
    }
}

extension Tensor: CustomStringConvertible {
    /// Type and shape: `float32[64, 3, 7, 7]`.
    public var description: String { "\(elementType)\(shape)" }
}
