import CKernels
import GraphIR
import Tensors

/// Operators on tensors of other element types that give float32 ones.
extension PlanCompiler {
    /// A tensor that does not live in a buffer, with its shape.
    func looseTensor(_ id: ValueID) -> (source: TensorKernel.Source, type: ElementType, shape: [Int])? {
        guard let type = graph[program.resolve(id)].tensorType, let shape = type.knownShape, !shape.contains(0) else { return nil }
        if let tensor = constant(id) { return (.constant(tensor), type.elementType, shape) }
        return slot(id).map { (.slot($0), type.elementType, shape) }
    }

    mutating func lower(_ cast: Cast, _ node: Node, _ output: ValueID) throws -> Bool {
        guard let input = node.input(Cast.Operand.input) else { return false }
        if isBuffered(input) { return try lowerView(input, output) }
        guard let tensor = looseTensor(input), let kind = tensor.type.kernelKind else { return false }
        let count = try Int64(Tensor.elementCount(of: tensor.shape)), layout = try Layout.plain(shape(output))
        let target = makeBuffer(.arena, byteCount: layout.byteCount)
        let kernel = TensorKernel(
            name: "cleave:convert", tensor: tensor.source, type: tensor.type, shape: tensor.shape, buffers: [target]
        ) { elements, addresses in
            ck_convert(kind, elements, addresses[0].floats, count)
        }
        emit(kernel, computing: [node], reads: [], writes: [target])
        define(output, in: target, layout)
        return true
    }

    mutating func lowerSelect(_ node: Node, _ output: ValueID) throws -> Bool {
        guard let condition = node.input(Where.Operand.condition).flatMap({ looseTensor($0) }), condition.type == .bool,
            let a = node.input(Where.Operand.whenTrue), let b = node.input(Where.Operand.whenFalse), isBuffered(a), isBuffered(b)
        else { return false }
        let lengths = shape(output), rank = max(lengths.count, 1)
        guard rank <= Int(CK_MAX_RANK) else { return false }
        let views = [condition.shape, shape(a), shape(b)].map { shape -> [Int64] in
            let aligned = [Int](repeating: 1, count: rank - shape.count) + shape, strides = Self.denseStrides(aligned)
            return aligned.indices.map { aligned[$0] == 1 ? 0 : Int64(strides[$0]) }
        }
        let counts = lengths.isEmpty ? [1] : lengths.map(Int64.init)
        let (left, right) = (try plainOperand(a), try plainOperand(b)), layout = try Layout.plain(lengths)
        let target = makeBuffer(.arena, byteCount: layout.byteCount)
        let kernel = TensorKernel(
            name: "cleave:select", tensor: condition.source, type: .bool, shape: condition.shape, buffers: [left, right, target]
        ) { elements, addresses in
            ck_select(
                Int32(counts.count), counts, elements.assumingMemoryBound(to: UInt8.self), views[0], addresses[0].floats, views[1],
                addresses[1].floats, views[2], addresses[2].floats)
        }
        emit(kernel, computing: [node], reads: [left, right], writes: [target])
        define(output, in: target, layout)
        return true
    }
}

extension ElementType {
    fileprivate var kernelKind: ck_number_kind? {
        switch self {
        case .bool, .uint8: CK_UINT8
        case .int8: CK_INT8
        case .int16: CK_INT16
        case .uint16: CK_UINT16
        case .int32: CK_INT32
        case .uint32: CK_UINT32
        case .int64: CK_INT64
        case .uint64: CK_UINT64
        case .float64: CK_FLOAT64
        case .float32, .string, .float16, .complex64, .complex128, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2,
            .float8e5m2fnuz, .uint4, .int4, .float4e2m1, .float8e8m0, .uint2, .int2:
            nil
        }
    }
}
