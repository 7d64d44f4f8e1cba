import CKernels
import GraphIR
import ReferenceBackend
import Tensors

/// Operators on tensors of 8-bit integers, and the ways from and to float.
extension PlanCompiler {
    /// The fast kernel of a node on integers; `nil` for operators that have none, `false` where it does not fit.
    mutating func lowerOnBytes(_ group: Group) throws -> Bool? {
        let node = group.anchor
        guard let input = node.inputs.first ?? nil, let output = node.outputs.first ?? nil else { return nil }
        switch node.operator {
        case .integer(let payload): return try lower(payload, group, input, output)
        case .quantizeLinear(let payload): return try lower(payload, node, input, output)
        case .dequantizeLinear(let payload): return try lower(payload, node, input, output)
        default: break
        }
        guard isBytes(input), byteType(output) != nil else { return nil }
        switch node.operator {
        case .reshape, .flatten, .squeeze, .unsqueeze: return try lowerByteView(input, output)
        case .transpose(let payload): return try lowerByteTranspose(payload, node, input, output)
        case .maxPool(let payload): return try lowerByteMaxima(payload, node, input, output)
        case .concat(let payload): return try lowerByteJoin(payload, node, output)
        case .pad(let payload): return try lowerBytePad(payload, node, input, output)
        default: return nil
        }
    }

    private mutating func lower(_ payload: IntegerOperator, _ group: Group, _ input: ValueID, _ output: ValueID) throws -> Bool {
        switch payload.function {
        case .convolution(_, let filters), .product(_, let filters): return try lowerProduct(payload, filters, group)
        case .add, .multiply: return try lowerPair(payload, group.anchor, output)
        case .averagePool(let pool): return try lowerMeans(payload, pool, group.anchor, input, output)
        case .globalAverage: return try lowerGlobalMean(payload, group.anchor, input, output)
        case .table(let entries): return try lowerTable(payload, entries, group.anchor, input, output)
        }
    }

    // MARK: From and to float

    private func scale(_ scale: ValueID?, _ zeroPoint: ValueID?) -> IntegerOperator.Affine? {
        guard let step = constant(scale), step.elementType == .float32, step.count == 1, let value = try? step.elements(as: Float.self)[0]
        else { return nil }
        guard let zeroPoint else { return .init(scale: value, zeroPoint: 0) }
        guard let zero = constant(zeroPoint)?.int64s(), zero.count == 1 else { return nil }
        return .init(scale: value, zeroPoint: Int32(truncatingIfNeeded: zero[0]))
    }

    private mutating func lower(_ quantize: QuantizeLinear, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard quantize.blockSize == 0, isBuffered(input), constant(input) == nil, let type = byteType(output),
            let affine = scale(node.input(QuantizeLinear.Operand.scale), node.input(QuantizeLinear.Operand.zeroPoint)), affine.scale > 0
        else { return false }
        let layout = ByteLayout(shape(output).count < 2 ? .rowMajor : .pixels, shape(output), type)
        let source = try plainOperand(input), target = makeBytes(layout)
        let zero = affine.stored(as: type), isRowMajor = layout.order == .rowMajor
        let kernel = NativeKernel("cleave:quantize", buffers: [source, target]) { addresses, _ in
            ck_quantize(
                addresses[0].floats, addresses[1].bytes, Int64(layout.images), Int64(layout.channels), Int64(layout.pixels), affine.scale,
                zero, Int32(layout.flip), isRowMajor ? layout.flip : 0, isRowMajor)
        }
        emit(kernel, computing: [node], reads: [source], writes: [target])
        define(output, in: target, layout)
        return true
    }

    private mutating func lower(_ dequantize: DequantizeLinear, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard dequantize.blockSize == 0, isBytes(input), let layout = byteLayout(input), isBuffered(output),
            let affine = scale(node.input(DequantizeLinear.Operand.scale), node.input(DequantizeLinear.Operand.zeroPoint))
        else { return false }
        let source = try byteOperand(input, in: layout), result = try Layout.plain(shape(output))
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        let zero = affine.stored(as: layout.elementType), isRowMajor = layout.order == .rowMajor
        let kernel = NativeKernel("cleave:dequantize", buffers: [source, target]) { addresses, _ in
            ck_dequantize(
                addresses[0].bytes, addresses[1].floats, Int64(layout.images), Int64(layout.channels), Int64(layout.pixels), affine.scale,
                zero, isRowMajor ? layout.flip : 0, isRowMajor)
        }
        emit(kernel, computing: [node], reads: [source], writes: [target])
        define(output, in: target, result)
        return true
    }

    // MARK: Element by element

    /// An operand of the result's shape, or of one number for each channel, or of one row for all images.
    private mutating func spread(_ id: ValueID, over layout: ByteLayout, _ lengths: [Int]) throws -> (BufferID, image: Int, pixel: Int)? {
        guard let type = byteType(id) else { return nil }
        let own = shape(id)
        if own == lengths {
            var same = layout
            same.elementType = type
            return (try byteOperand(id, in: same), layout.pixels * layout.pixelBytes, layout.pixelBytes)
        }
        let padded = [Int](repeating: 1, count: max(0, lengths.count - own.count)) + own
        guard lengths.count >= 2, padded.count == lengths.count, padded[1] == lengths[1], padded.dropFirst(2).allSatisfy({ $0 == 1 }),
            padded[0] == 1 || padded[0] == lengths[0]
        else { return nil }
        let vector = ByteLayout(.pixels, images: padded[0], channels: layout.channels, pixels: 1, type)
        return (try byteOperand(id, in: vector), padded[0] == 1 ? 0 : layout.pixelBytes, 0)
    }

    private mutating func lowerPair(_ payload: IntegerOperator, _ node: Node, _ output: ValueID) throws -> Bool {
        guard let a = node.inputs[0], let b = node.inputs[1], byteType(output) != nil else { return false }
        let lengths = shape(output), layout = ByteLayout(.pixels, lengths, payload.result.elementType)
        guard let left = try spread(a, over: layout, lengths), let right = try spread(b, over: layout, lengths) else { return false }
        let target = makeBytes(layout), bytes = Int64(layout.pixelBytes)
        let kernel = NativeKernel(
            payload.function == .add ? "cleave:int8_add" : "cleave:int8_multiply", buffers: [left.0, right.0, target]
        ) { [pair = BytePair(payload, byteType(a), byteType(b))] addresses, _ in
            var binary = pair.binary
            ck_combine_bytes(
                &binary, Int64(layout.images), Int64(layout.pixels), bytes, addresses[0].bytes, Int64(left.image), Int64(left.pixel),
                addresses[1].bytes, Int64(right.image), Int64(right.pixel), addresses[2].bytes)
        }
        emit(kernel, computing: [node], reads: [left.0, right.0], writes: [target])
        define(output, in: target, layout)
        return true
    }

    private mutating func lowerTable(
        _ payload: IntegerOperator, _ entries: [Int32], _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> Bool {
        guard let type = byteType(input), let known = byteLayout(input), byteType(output) != nil, entries.count == 256 else { return false }
        let offset: Int32 = payload.result.elementType == .int8 ? 128 : 0
        // A byte of `pixels` counts from the smallest integer on, as the table does; one of a tensor is the integer's own.
        let place: (Int) -> Int = { known.order == .rowMajor && type == .int8 ? ($0 + 128) % 256 : $0 }
        let flip = known.order == .rowMajor && offset != 0 ? 0x80 : UInt8(0)
        let table = (0..<256).map { UInt8(truncatingIfNeeded: entries[place($0)] + offset) ^ flip }
        var layout = known
        layout.elementType = payload.result.elementType
        let source = try byteOperand(input, in: known), target = makeBytes(layout), count = Int64(layout.byteCount - Int(CK_BYTE_SLACK))
        let kernel = NativeKernel("cleave:int8_table", buffers: [source, target]) { addresses, _ in
            table.withUnsafeBufferPointer { ck_look_up_bytes($0.baseAddress, addresses[0].bytes, addresses[1].bytes, count) }
        }
        emit(kernel, computing: [node], reads: [source], writes: [target])
        define(output, in: target, layout)
        return true
    }
}

/// The numbers of an addition or multiplication.
private struct BytePair: @unchecked Sendable {
    var binary = ck_byte_binary()

    init(_ payload: IntegerOperator, _ first: ElementType?, _ second: ElementType?) {
        let offset: Int32 = payload.result.elementType == .int8 ? 128 : 0, isProduct = payload.function == .multiply
        binary.is_product = isProduct
        binary.first_zero = payload.operands[0].stored(as: first ?? .uint8)
        binary.second_zero = payload.operands[1].stored(as: second ?? .uint8)
        binary.first = isProduct ? payload.productFactor : payload.ratio(ofOperand: 0)
        binary.second = payload.ratio(ofOperand: 1)
        binary.shift = isProduct ? Float(payload.result.affine.zeroPoint) : payload.additionShift
        if !isProduct, payload.rounding == .float32 {
            // An addition takes the integers themselves.
            (binary.first_zero, binary.second_zero) = (first == .int8 ? 128 : 0, second == .int8 ? 128 : 0)
        }
        binary.offset = offset
        binary.zero = payload.result.affine.zeroPoint + offset
        binary.low = payload.result.limits.lowerBound + offset
        binary.high = payload.result.limits.upperBound + offset
        guard payload.rounding == .fixedPoint else { return }
        binary.is_fixed = true
        let sum = payload.additionMultipliers, last = isProduct ? payload.productMultiplier : sum.sum
        binary.multipliers = (sum.first.multiplier, sum.second.multiplier, last.multiplier)
        binary.shifts = (sum.first.shift, sum.second.shift, last.shift)
    }
}
