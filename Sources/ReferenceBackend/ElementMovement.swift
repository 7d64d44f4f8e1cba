import Tensors

/// Which elements go where. A movement never looks at an element, so it serves every element type.
protocol ElementMovement {
    func run<Element>(from source: UnsafeBufferPointer<Element>, to target: UnsafeMutableBufferPointer<Element>)
}

/// The offsets that the steps along one axis stand for.
enum AxisPath {
    /// start, start + stride, …
    case strided(start: Int, stride: Int)
    /// One offset per step.
    case offsets([Int])

    func offset(_ index: Int) -> Int {
        switch self {
        case .strided(let start, let stride): start + index * stride
        case .offsets(let offsets): offsets[index]
        }
    }

    /// The paths that visit a tensor of `shape` in row-major order.
    static func rowMajor(_ shape: [Int]) -> [AxisPath] {
        Indexing.strides(shape).map { .strided(start: 0, stride: $0) }
    }
}

/// Copies a box of elements: element (i₀, i₁, …) goes from offset Σ source[d](i_d) to offset Σ target[d](i_d).
struct BoxCopy: ElementMovement {
    var lengths: [Int]
    var source: [AxisPath]
    var target: [AxisPath]

    func run<Element>(from origin: UnsafeBufferPointer<Element>, to destination: UnsafeMutableBufferPointer<Element>) {
        guard !lengths.contains(0) else { return }
        guard let length = lengths.last else {
            destination[0] = origin[0]
            return
        }
        let rows = Array(lengths.dropLast())
        var position = [Int](repeating: 0, count: rows.count)
        repeat {
            var from = 0
            var to = 0
            for (axis, index) in position.enumerated() {
                from += source[axis].offset(index)
                to += target[axis].offset(index)
            }
            let sourcePath = source[rows.count]
            let targetPath = target[rows.count]
            for index in 0..<length {
                destination[to + targetPath.offset(index)] = origin[from + sourcePath.offset(index)]
            }
        } while Indexing.advance(&position, in: rows)
    }
}

/// Copies blocks of consecutive elements: block k goes from block sources[k] to block targets[k]; a missing list counts up.
struct BlockCopy: ElementMovement {
    var count: Int
    var sources: [Int]?
    var targets: [Int]?
    var blockLength: Int

    func run<Element>(from origin: UnsafeBufferPointer<Element>, to destination: UnsafeMutableBufferPointer<Element>) {
        for block in 0..<count {
            let from = (sources?[block] ?? block) * blockLength
            let to = (targets?[block] ?? block) * blockLength
            for index in 0..<blockLength { destination[to + index] = origin[from + index] }
        }
    }
}

/// A tensor under construction that receives copies of elements of any type: numbers, strings, complex numbers, and
/// elements narrower than a byte. What nothing is copied to stays zero, or the empty string.
struct ElementSink {
    let elementType: ElementType
    fileprivate var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    fileprivate var codes: [UInt8] = []
    fileprivate var strings: [[UInt8]] = []

    fileprivate init(elementType: ElementType) { self.elementType = elementType }

    /// Copies elements of `source`; `movement` must stay inside both tensors.
    /// - Throws: `CleaveError` when the types differ.
    mutating func copy(_ movement: some ElementMovement, from source: Tensor) throws {
        guard source.elementType == elementType else {
            throw CleaveError(.typeMismatch, "operands of \(elementType) and \(source.elementType) do not mix")
        }
        if let origin = source.strings {
            origin.withUnsafeBufferPointer { origin in
                strings.withUnsafeMutableBufferPointer { movement.run(from: origin, to: $0) }
            }
            return
        }
        switch elementType.bitWidth {
        case 16: copy(movement, from: source, as: UInt16.self)
        case 32: copy(movement, from: source, as: UInt32.self)
        case 64: copy(movement, from: source, as: UInt64.self)
        case 128: copy(movement, from: source, as: Bits128.self)
        case 8: copy(movement, from: source, as: UInt8.self)
        default:
            source.codes().withUnsafeBufferPointer { origin in
                codes.withUnsafeMutableBufferPointer { movement.run(from: origin, to: $0) }
            }
        }
    }

    private func copy<Word: BitwiseCopyable>(_ movement: some ElementMovement, from source: Tensor, as word: Word.Type) {
        let target = bytes.bindMemory(to: Word.self)
        source.withUnsafeBytes { origin in
            if Int(bitPattern: origin.baseAddress) % MemoryLayout<Word>.alignment == 0 {
                movement.run(from: origin.bindMemory(to: Word.self), to: target)
            } else {
                let aligned = TensorStorage(copying: origin)
                withExtendedLifetime(aligned) { movement.run(from: aligned.bytes.bindMemory(to: Word.self), to: target) }
            }
        }
    }

    private struct Bits128: BitwiseCopyable {
        var low: UInt64
        var high: UInt64
    }
}

extension Tensor {
    /// A tensor of `shape` whose elements `body` copies from others.
    /// - Throws: what `body` throws, or `CleaveError` when the tensor does not fit memory.
    static func assembled(
        shape: [Int], elementType: ElementType, _ body: (inout ElementSink) throws -> Void
    ) throws -> Tensor {
        let count = try allocatableCount(of: shape, elementType)
        var sink = ElementSink(elementType: elementType)
        switch elementType.bitWidth {
        case 0:
            sink.strings = [[UInt8]](repeating: [], count: count)
            try body(&sink)
            return try Tensor(shape: shape, strings: sink.strings)
        case 2, 4:
            sink.codes = [UInt8](repeating: 0, count: count)
            try body(&sink)
            return try Tensor(codes: sink.codes, shape: shape, as: elementType)
        default:
            let storage = try TensorStorage(byteCount: elementType.byteCount(elements: count) ?? 0) {
                sink.bytes = $0
                try body(&sink)
            }
            return try Tensor(shape: shape, elementType: elementType, storage: storage)
        }
    }

    /// A tensor of `shape` whose element (i₀, i₁, …) is this tensor's element at offset Σ paths[d](i_d).
    func picking(shape: [Int], along paths: [AxisPath]) throws -> Tensor {
        try Tensor.assembled(shape: shape, elementType: elementType) {
            try $0.copy(BoxCopy(lengths: shape, source: paths, target: AxisPath.rowMajor(shape)), from: self)
        }
    }

    /// The slices at `indices` along `axis`, in that order.
    func picking(_ indices: [Int], along axis: Int) throws -> Tensor {
        var paths = AxisPath.rowMajor(shape)
        let stride = Indexing.strides(shape)[axis]
        paths[axis] = .offsets(indices.map { $0 * stride })
        var result = shape
        result[axis] = indices.count
        return try picking(shape: result, along: paths)
    }

    /// A tensor of `shape` whose consecutive blocks of `blockLength` elements are those of this tensor that `blocks` lists.
    func picking(shape: [Int], blocks: [Int], blockLength: Int) throws -> Tensor {
        try Tensor.assembled(shape: shape, elementType: elementType) {
            let copy = BlockCopy(count: blocks.count, sources: blocks, targets: nil, blockLength: blockLength)
            try $0.copy(copy, from: self)
        }
    }

    /// A tensor of `shape` that holds this tensor's first element everywhere.
    func repeated(shape: [Int]) throws -> Tensor {
        try picking(shape: shape, along: shape.map { _ in .strided(start: 0, stride: 0) })
    }
}
