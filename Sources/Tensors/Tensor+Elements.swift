/// Swift types whose memory layout is that of an element type.
public protocol TensorElement: BitwiseCopyable, Sendable {
    static var elementType: ElementType { get }
}

extension Float: TensorElement { public static var elementType: ElementType { .float32 } }
extension Double: TensorElement { public static var elementType: ElementType { .float64 } }
extension Float16: TensorElement { public static var elementType: ElementType { .float16 } }
extension Int8: TensorElement { public static var elementType: ElementType { .int8 } }
extension Int16: TensorElement { public static var elementType: ElementType { .int16 } }
extension Int32: TensorElement { public static var elementType: ElementType { .int32 } }
extension Int64: TensorElement { public static var elementType: ElementType { .int64 } }
extension UInt8: TensorElement { public static var elementType: ElementType { .uint8 } }
extension UInt16: TensorElement { public static var elementType: ElementType { .uint16 } }
extension UInt32: TensorElement { public static var elementType: ElementType { .uint32 } }
extension UInt64: TensorElement { public static var elementType: ElementType { .uint64 } }
extension Bool: TensorElement { public static var elementType: ElementType { .bool } }

extension Tensor {
    /// A tensor with the given elements in row-major order.
    /// - Throws: `CleaveError` when the counts differ.
    public init<Element: TensorElement>(_ elements: [Element], shape: [Int]) throws {
        let count = try Self.elementCount(of: shape)
        guard count == elements.count else {
            throw CleaveError(.malformedTensor, "shape \(shape) has \(count) elements, but \(elements.count) values are there")
        }
        let storage = elements.withUnsafeBytes { TensorStorage(copying: $0) }
        try self.init(shape: shape, elementType: Element.elementType, storage: storage)
    }

    /// A vector.
    public init<Element: TensorElement>(vector elements: [Element]) {
        self.init(uncheckedElements: elements, shape: [elements.count])
    }

    /// A tensor without dimensions.
    public init<Element: TensorElement>(scalar element: Element) {
        self.init(uncheckedElements: [element], shape: [])
    }

    private init<Element: TensorElement>(uncheckedElements elements: [Element], shape: [Int]) {
        self.init(
            uncheckedShape: shape, count: elements.count, elementType: Element.elementType,
            contents: .bytes(elements.withUnsafeBytes { TensorStorage(copying: $0) }, offset: 0))
    }

    /// A tensor whose elements `body` writes; they start as zeros.
    public init<Element: TensorElement>(
        shape: [Int], of type: Element.Type, initialize body: (UnsafeMutableBufferPointer<Element>) throws -> Void
    ) throws {
        let count = try Self.elementCount(of: shape)
        guard let byteCount = Element.elementType.byteCount(elements: count) else {
            throw CleaveError(.malformedTensor, "shape \(shape) needs more bytes than memory can address")
        }
        let storage = try TensorStorage(byteCount: byteCount) { try body($0.bindMemory(to: Element.self)) }
        try self.init(shape: shape, elementType: Element.elementType, storage: storage)
    }

    /// Calls `body` with the elements, or throws when they are of another type. Bytes that are not aligned for `Element` are copied first.
    public func withElements<Element: TensorElement, Result>(
        of type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) throws -> Result {
        guard elementType == Element.elementType else {
            throw CleaveError(.typeMismatch, "expected elements of \(Element.elementType), not \(elementType)")
        }
        return try withUnsafeBytes { bytes in
            guard Int(bitPattern: bytes.baseAddress) % MemoryLayout<Element>.alignment != 0 else {
                return try body(bytes.bindMemory(to: Element.self))
            }
            let aligned = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                initialized = count
            }
            return try aligned.withUnsafeBufferPointer(body)
        }
    }

    /// The elements as an array, or a `CleaveError` when they are of another type.
    public func elements<Element: TensorElement>(as type: Element.Type = Element.self) throws -> [Element] {
        try withElements(of: type) { Array($0) }
    }
}

// MARK: - Conversion

extension Tensor {
    /// Every element as a `Double`; booleans are 0 and 1. `nil` for strings and complex numbers.
    /// 64-bit integers beyond 2⁵³ lose their last bits.
    public func doubles() -> [Double]? {
        func map<Element: TensorElement>(_ type: Element.Type, _ convert: (Element) -> Double) -> [Double] {
            (try? withElements(of: type) { $0.map(convert) }) ?? []
        }
        switch elementType {
        case .float32: return map(Float.self) { Double($0) }
        case .float64: return map(Double.self) { $0 }
        case .float16: return map(Float16.self) { Double($0) }
        case .bfloat16: return halfWords { Double(float(fromBFloat16: $0)) }
        case .int8: return map(Int8.self) { Double($0) }
        case .int16: return map(Int16.self) { Double($0) }
        case .int32: return map(Int32.self) { Double($0) }
        case .int64: return map(Int64.self) { Double($0) }
        case .uint8: return map(UInt8.self) { Double($0) }
        case .uint16: return map(UInt16.self) { Double($0) }
        case .uint32: return map(UInt32.self) { Double($0) }
        case .uint64: return map(UInt64.self) { Double($0) }
        case .bool: return codes().map { $0 == 0 ? 0 : 1 }
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1:
            guard let format = SmallFloatFormat(elementType) else { return nil }
            return codes().map { format.decode(UInt32($0)) }
        case .uint4, .int4, .uint2, .int2: return int64s()?.map { Double($0) }
        case .string, .complex64, .complex128: return nil
        }
    }

    /// Every element as an `Int64`; `nil` unless the type is an integer or `bool`. `uint64` keeps its bit pattern.
    public func int64s() -> [Int64]? {
        func map<Element: TensorElement & BinaryInteger>(_ type: Element.Type) -> [Int64] {
            (try? withElements(of: type) { $0.map { Int64(truncatingIfNeeded: $0) } }) ?? []
        }
        switch elementType {
        case .int8: return map(Int8.self)
        case .int16: return map(Int16.self)
        case .int32: return map(Int32.self)
        case .int64: return map(Int64.self)
        case .uint8: return map(UInt8.self)
        case .uint16: return map(UInt16.self)
        case .uint32: return map(UInt32.self)
        case .uint64: return map(UInt64.self)
        case .bool: return codes().map { $0 == 0 ? 0 : 1 }
        case .uint4, .uint2: return codes().map { Int64($0) }
        case .int4: return codes().map { Int64(Int8(bitPattern: $0 << 4) >> 4) }
        case .int2: return codes().map { Int64(Int8(bitPattern: $0 << 6) >> 6) }
        default: return nil
        }
    }

    /// A tensor of `elementType` with `values` rounded to it: floats to nearest even, integers truncated towards zero
    /// and saturated, booleans by comparison with 0.
    /// - Parameter saturatingFloat8: whether a float8 too large for its type becomes the largest finite number, or else infinity
    ///   or NaN, whichever the type has.
    /// - Throws: `CleaveError` when the counts differ, or the type is a string or complex.
    public init(_ values: [Double], shape: [Int], as elementType: ElementType, saturatingFloat8: Bool = true) throws {
        switch elementType {
        case .float64: try self.init(values, shape: shape)
        case .float32: try self.init(values.map { Float($0) }, shape: shape)
        case .float16: try self.init(values.map { Float16($0) }, shape: shape)
        case .bfloat16:
            let bits = values.map { bfloat16Bits(rounding: $0) }
            try self.init(shape: shape, elementType: .bfloat16, storage: bits.withUnsafeBytes { TensorStorage(copying: $0) })
            guard count == values.count else { throw Self.countMismatch(shape, values.count) }
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1:
            guard let format = SmallFloatFormat(elementType) else { throw Self.notNumeric(elementType) }
            try self.init(
                codes: values.map { UInt8(truncatingIfNeeded: format.encode($0, saturate: saturatingFloat8)) }, shape: shape,
                as: elementType)
        case .bool: try self.init(values.map { $0 != 0 }, shape: shape)
        case .uint64: try self.init(values.map { $0.isNaN ? 0 : UInt64(clamping: $0) }, shape: shape)
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint4, .int4, .uint2, .int2:
            guard let range = elementType.integerRange else { throw Self.notNumeric(elementType) }
            try self.init(
                values.map { min(max(Int64(clamping: $0), range.lowerBound), range.upperBound) }, shape: shape, as: elementType)
        case .string, .complex64, .complex128: throw Self.notNumeric(elementType)
        }
    }

    /// A tensor of `elementType` with `values` converted to it; integers keep their low bits, as two's complement does.
    /// - Throws: `CleaveError` when the counts differ, or the type is a string or complex.
    public init(_ values: [Int64], shape: [Int], as elementType: ElementType) throws {
        switch elementType {
        case .int8: try self.init(values.map { Int8(truncatingIfNeeded: $0) }, shape: shape)
        case .int16: try self.init(values.map { Int16(truncatingIfNeeded: $0) }, shape: shape)
        case .int32: try self.init(values.map { Int32(truncatingIfNeeded: $0) }, shape: shape)
        case .int64: try self.init(values, shape: shape)
        case .uint8: try self.init(values.map { UInt8(truncatingIfNeeded: $0) }, shape: shape)
        case .uint16: try self.init(values.map { UInt16(truncatingIfNeeded: $0) }, shape: shape)
        case .uint32: try self.init(values.map { UInt32(truncatingIfNeeded: $0) }, shape: shape)
        case .uint64: try self.init(values.map { UInt64(bitPattern: $0) }, shape: shape)
        case .bool: try self.init(values.map { $0 != 0 }, shape: shape)
        case .uint4, .int4, .uint2, .int2:
            try self.init(codes: values.map { UInt8(truncatingIfNeeded: $0) }, shape: shape, as: elementType)
        default: try self.init(values.map { Double($0) }, shape: shape, as: elementType)
        }
    }

    /// A tensor whose elements are all the same number.
    public init(repeating value: Double, shape: [Int], as elementType: ElementType) throws {
        try self.init([Double](repeating: value, count: Self.elementCount(of: shape)), shape: shape, as: elementType)
    }

    /// The bit pattern of every element of a type that is at most 8 bits wide, one per byte; empty for wider types.
    public func codes() -> [UInt8] {
        withUnsafeBytes { bytes in
            let width = elementType.bitWidth
            guard width > 0, width <= 8 else { return [] }
            guard width < 8 else { return Array(bytes) }
            let perByte = 8 / width
            let mask = UInt8((1 << width) - 1)
            return (0..<count).map { (bytes[$0 / perByte] >> UInt8(($0 % perByte) * width)) & mask }
        }
    }

    /// A tensor of a type that is at most 8 bits wide from the bit pattern of every element; higher bits are ignored.
    /// - Throws: `CleaveError` when the counts differ, or the type is wider.
    public init(codes: [UInt8], shape: [Int], as elementType: ElementType) throws {
        let width = elementType.bitWidth
        guard width > 0, width <= 8 else {
            throw CleaveError(.typeMismatch, "an element of \(elementType) does not fit a byte")
        }
        let perByte = 8 / width
        let mask = UInt8(truncatingIfNeeded: (1 << width) - 1)
        var packed = [UInt8](repeating: 0, count: (codes.count + perByte - 1) / perByte)
        for (index, code) in codes.enumerated() {
            packed[index / perByte] |= (code & mask) << UInt8((index % perByte) * width)
        }
        try self.init(shape: shape, elementType: elementType, storage: packed.withUnsafeBytes { TensorStorage(copying: $0) })
        guard count == codes.count else { throw Self.countMismatch(shape, codes.count) }
    }

    private func halfWords(_ convert: (UInt16) -> Double) -> [Double] {
        withUnsafeBytes { bytes in
            (0..<count).map { convert(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) }
        }
    }

    private static func notNumeric(_ type: ElementType) -> CleaveError {
        CleaveError(.typeMismatch, "\(type) elements cannot be made from numbers")
    }

    private static func countMismatch(_ shape: [Int], _ count: Int) -> CleaveError {
        CleaveError(.malformedTensor, "shape \(shape) does not have \(count) elements")
    }
}

extension SmallFloatFormat {
    init?(_ elementType: ElementType) {
        switch elementType {
        case .bfloat16: self = .bfloat16
        case .float8e4m3fn: self = .float8e4m3fn
        case .float8e4m3fnuz: self = .float8e4m3fnuz
        case .float8e5m2: self = .float8e5m2
        case .float8e5m2fnuz: self = .float8e5m2fnuz
        case .float4e2m1: self = .float4e2m1
        case .float8e8m0: self = .float8e8m0
        default: return nil
        }
    }
}

extension FixedWidthInteger {
    /// `value` truncated towards zero and limited to what the type holds; NaN becomes 0.
    public init(clamping value: Double) {
        if let exact = Self(exactly: value.rounded(.towardZero)) {
            self = exact
        } else {
            self = value.isNaN ? 0 : (value < 0 ? .min : .max)
        }
    }
}
