import CKernels
import GraphIR
import Tensors

/// Tensors of 8-bit integers, as `PlanCompiler` has those of float32.
extension PlanCompiler {
    /// The type of a tensor of 8-bit integers whose shape is known, and that has elements.
    func byteType(_ id: ValueID?) -> ElementType? {
        guard let id, let type = graph[program.resolve(id)].tensorType, type.elementType == .int8 || type.elementType == .uint8,
            let shape = type.knownShape, shape.count <= 12, !shape.contains(0)
        else { return nil }
        return type.elementType
    }

    /// Whether a value is such a tensor that changes from run to run.
    func isBytes(_ id: ValueID?) -> Bool { id.map { byteType($0) != nil && constant($0) == nil } ?? false }

    /// How a value lies; row-major if it is a tensor of the session, or a constant.
    func byteLayout(_ id: ValueID) -> ByteLayout? {
        if case .bytes(_, let layout)? = homes[program.resolve(id)] { return layout }
        return byteType(id).map { ByteLayout(.rowMajor, shape(id), $0) }
    }

    /// A buffer with the value in the given layout; a step is added where it has none yet.
    mutating func byteOperand(_ id: ValueID, in layout: ByteLayout) throws -> BufferID {
        let id = program.resolve(id)
        if let copy = byteCopies[id]?.first(where: { $0.layout.isSame(as: layout) }) { return copy.buffer }
        let buffer: BufferID
        if case .bytes(let source, let known)? = homes[id] {
            if known.isSame(as: layout) { return source }
            switch (known.order, layout.order) {
            case (.rowMajor, .rowMajor): return source
            case (.pixels, .pixels):
                let plain = try byteOperand(id, in: known.rowMajor)
                buffer = emitByteMove(from: plain, to: layout, by: layout)
            default: buffer = emitByteMove(from: source, to: layout, by: layout.order == .pixels ? layout : known)
            }
        } else {
            guard let tensor = looseTensor(id) else {
                throw CleaveError(.invalidGraph, "nothing computes the value", at: .init(tensor: graph[id].name))
            }
            buffer = makeBuffer(.arena, byteCount: layout.byteCount)
            let kernel = TensorKernel(
                name: "cleave:bytes", tensor: tensor.source, type: tensor.type, shape: tensor.shape, buffers: [buffer]
            ) { elements, addresses in
                let source = elements.assumingMemoryBound(to: UInt8.self), target = addresses[0].bytes
                if layout.order == .rowMajor { target.update(from: source, count: layout.count) } else { layout.read(source, to: target) }
            }
            emit(kernel, computing: [], reads: [], writes: [buffer])
        }
        byteCopies[id, default: []].append((layout, buffer))
        residents[buffer.index].append(id)
        return buffer
    }

    /// - Parameter pixels: the one of both layouts that is in the order of pixels.
    private mutating func emitByteMove(from source: BufferID, to layout: ByteLayout, by pixels: ByteLayout) -> BufferID {
        let buffer = makeBuffer(.arena, byteCount: layout.byteCount)
        let kernel = NativeKernel("cleave:bytes", buffers: [source, buffer]) { addresses, _ in
            if layout.order == .pixels {
                pixels.read(addresses[0].bytes, to: addresses[1].bytes)
            } else {
                pixels.write(addresses[0].bytes, to: addresses[1].bytes)
            }
        }
        emit(kernel, computing: [], reads: [source], writes: [buffer])
        return buffer
    }

    mutating func rowMajorBytes(_ id: ValueID) throws -> BufferID {
        try byteOperand(id, in: (byteLayout(id) ?? ByteLayout(.rowMajor, shape(id), .uint8)).rowMajor)
    }

    mutating func define(_ id: ValueID, in buffer: BufferID, _ layout: ByteLayout) {
        homes[id] = .bytes(buffer, layout)
        residents[buffer.index].append(id)
    }

    /// A new buffer for the value that a node makes.
    mutating func makeBytes(_ layout: ByteLayout) -> BufferID { makeBuffer(.arena, byteCount: layout.byteCount) }

    /// A buffer that the caller gets, with the row-major value.
    mutating func byteOutput(_ id: ValueID, from layout: ByteLayout) throws -> BufferID {
        let source = try byteOperand(id, in: layout.rowMajor), count = layout.count
        let copy = makeBuffer(.caller, byteCount: count)
        let kernel = NativeKernel("cleave:bytes", buffers: [source, copy]) { addresses, _ in
            addresses[1].copyMemory(from: addresses[0], byteCount: count)
        }
        emit(kernel, computing: [], reads: [source], writes: [copy])
        return copy
    }
}

extension ByteLayout {
    /// From row-major bytes of a tensor.
    fileprivate func read(_ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
        ck_bytes_to_pixels(source, target, Int64(images), Int64(channels), Int64(pixels), flip)
    }

    fileprivate func write(_ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>) {
        ck_pixels_to_bytes(source, target, Int64(images), Int64(channels), Int64(pixels), flip)
    }
}
