import COnnxSchema
import Tensors

/// The typed list of a `TensorProto` (`float_data` and its like) that belongs to an element type.
struct TypedElements {
    private enum List { case float, double, int32, int64, uint64 }

    private let list: List
    private let type: ElementType
    /// Entries in the list.
    let count: Int

    /// - Throws: `CleaveError` when the message has entries in a list that does not belong to the type.
    init(_ message: Onnx__TensorProto, _ type: ElementType) throws {
        self.type = type
        switch type {
        case .float32, .complex64: list = .float
        case .float64, .complex128: list = .double
        case .int64: list = .int64
        case .uint32, .uint64: list = .uint64
        case .int32, .int16, .int8, .int4, .int2, .uint16, .uint8, .uint4, .uint2, .bool, .float16, .bfloat16, .float8e4m3fn,
            .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1, .string:
            list = .int32
        }
        let counts: [(List, Int)] = [
            (.float, message.n_float_data), (.double, message.n_double_data), (.int32, message.n_int32_data),
            (.int64, message.n_int64_data), (.uint64, message.n_uint64_data),
        ]
        var count = 0
        for (other, entries) in counts where entries > 0 {
            guard other == list else {
                throw CleaveError(
                    .malformedTensor, "the elements are in \(Self.name(other)), expected \(Self.name(list)) for \(type)")
            }
            count = entries
        }
        self.count = count
    }

    /// The list's name in the format.
    var field: String { Self.name(list) }

    private static func name(_ list: List) -> String {
        switch list {
        case .float: "float_data"
        case .double: "double_data"
        case .int32: "int32_data"
        case .int64: "int64_data"
        case .uint64: "uint64_data"
        }
    }

    /// How many entries `count` elements take: complex numbers two each, elements of less than a byte share one.
    func expectedCount(elements count: Int) -> Int {
        switch type {
        case .complex64, .complex128: count.multipliedReportingOverflow(by: 2).overflow ? .max : 2 * count
        case .uint4, .int4, .float4e2m1, .uint2, .int2: type.byteCount(elements: count) ?? .max
        default: count
        }
    }

    /// The elements, densely packed. The entries' number must have been checked.
    func storage(
        _ message: UnsafeMutablePointer<Onnx__TensorProto>, byteCount: Int, _ ownership: TensorReader.Ownership
    ) -> TensorStorage {
        func narrowed<Entry: FixedWidthInteger, Narrow: FixedWidthInteger>(
            _ entries: UnsafeMutablePointer<Entry>?, to: Narrow.Type
        ) -> TensorStorage {
            let narrow = UnsafeBufferPointer(start: entries, count: count).map { Narrow(truncatingIfNeeded: $0) }
            return narrow.withUnsafeBytes { TensorStorage(copying: $0) }
        }
        func kept<Entry>(_ entries: inout UnsafeMutablePointer<Entry>?, _ length: inout Int) -> TensorStorage {
            let bytes = UnsafeRawBufferPointer(start: entries, count: byteCount)
            guard ownership == .takeOver else { return TensorStorage(copying: bytes) }
            entries = nil
            length = 0
            return TensorStorage(takingOver: bytes, release: TensorReader.releaseBlock)
        }
        switch (list, type.bitWidth) {
        case (.float, _): return kept(&message.pointee.float_data, &message.pointee.n_float_data)
        case (.double, _): return kept(&message.pointee.double_data, &message.pointee.n_double_data)
        case (.int64, _): return kept(&message.pointee.int64_data, &message.pointee.n_int64_data)
        case (.uint64, 32): return narrowed(message.pointee.uint64_data, to: UInt32.self)
        case (.uint64, _): return kept(&message.pointee.uint64_data, &message.pointee.n_uint64_data)
        case (.int32, 32): return kept(&message.pointee.int32_data, &message.pointee.n_int32_data)
        case (.int32, 16): return narrowed(message.pointee.int32_data, to: UInt16.self)
        case (.int32, _):
            guard type == .bool else { return narrowed(message.pointee.int32_data, to: UInt8.self) }
            let flags = UnsafeBufferPointer(start: message.pointee.int32_data, count: count).map { $0 != 0 }
            return flags.withUnsafeBytes { TensorStorage(copying: $0) }
        }
    }
}
