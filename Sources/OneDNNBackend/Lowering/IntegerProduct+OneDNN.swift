import CKernels
import GraphIR
import ReferenceBackend
import Tensors

/// A convolution or product of integers in the terms of our kernels.
private struct IntegerRequest {
    var shape: ck_convolution
    /// [groups · output_channels, input_channels, kernel_height, kernel_width], zero points taken off.
    var weights: [Int16]
    var bias: [Int32]?
    var source: ByteLayout
    var result: ByteLayout
    var isDepthwise: Bool

    var channels: Int { Int(shape.groups * shape.output_channels) }

    /// The place of every output channel among the lanes of the kernel.
    var lanes: [Int] {
        guard !isDepthwise else { return Array(0..<channels) }
        let outputs = Int(shape.output_channels), padded = (outputs + 15) / 16 * 16
        return (0..<channels).map { $0 / outputs * padded + $0 % outputs }
    }

    var laneCount: Int {
        withUnsafePointer(to: shape) { Int(isDepthwise ? ck_integer_depthwise_lanes($0) : ck_integer_lanes($0)) }
    }

    /// One number per output channel, or one for all, as the kernel wants them.
    func spread<Number: Numeric>(_ values: [Number]) -> [Number] {
        var result = [Number](repeating: 0, count: laneCount)
        for (channel, lane) in lanes.enumerated() { result[lane] = values[values.count == 1 ? 0 : channel] }
        return result
    }
}

extension PlanCompiler {
    /// A convolution or product, with the addition after it where its kernel can do both.
    mutating func lowerProduct(_ payload: IntegerOperator, _ filters: IntegerOperator.Filters, _ group: Group) throws -> Bool {
        let node = group.anchor
        guard let input = node.inputs[0], let output = node.outputs.first ?? nil, isBytes(input),
            var request = try request(payload, filters, node, input, output)
        else { return false }
        let addition = request.isDepthwise ? nil : group.addition
        if let addition { request.result.elementType = addition.payload.result.elementType }
        let fits = request.weights.allSatisfy { (-128...127).contains($0) }
        let hasVNNI = backend.usesVNNI && ck_vnni_available() && (!request.isDepthwise || ck_integer_depthwise_has_vnni(&request.shape))
        let kernel = fits && hasVNNI ? CK_VNNI : CK_PORTABLE
        var call = IntegerCall(request: request.shape, isDepthwise: request.isDepthwise, kernel: kernel)
        call.inputZero = payload.operands[0].stored(as: request.source.elementType)
        let source = try byteOperand(input, in: request.source)
        var buffers = [source] + (try packed(request, kernel, call.inputZero))
        buffers += try requantization(payload, filters, request, &call)
        let isFloat = payload.result.elementType == .float32
        let target: BufferID
        if let residual = try residual(payload, node, addition, request, &call) {
            buffers.append(residual)
            target = residual != source && isReusable(residual) ? residual : makeBytes(request.result)
        } else {
            target = isFloat ? makeBuffer(.arena, byteCount: request.result.count * MemoryLayout<Float>.size) : makeBytes(request.result)
        }
        emit(
            NativeKernel(call.name, buffers: buffers + [target], scratchpadByteCount: call.scratchpadByteCount) { [call] in
                call.run($0, scratchpad: $1)
            },
            computing: [node] + (addition.map { [$0.node] } ?? []), reads: buffers, writes: [target])
        if isFloat {
            define(output, in: target, try channelsLast(request.result, shape(output)))
        } else {
            define(addition.flatMap { $0.node.outputs.first ?? nil } ?? output, in: target, request.result)
        }
        if addition == nil, let left = group.addition { try lowerSeparately([left.node]) }
        return true
    }

    /// The layout of a float result that kernels store pixel by pixel.
    private func channelsLast(_ layout: ByteLayout, _ lengths: [Int]) throws -> Layout {
        guard layout.pixels > 1 else { return try .plain(lengths) }
        let spatial = Array(lengths.dropFirst(2)), dense = Self.denseStrides(spatial).map { $0 * layout.channels }
        return try .strided(lengths, strides: [layout.pixels * layout.channels, 1] + dense)
    }

    // MARK: The request

    private func request(
        _ payload: IntegerOperator, _ filters: IntegerOperator.Filters, _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> IntegerRequest? {
        guard let weight = constant(node.inputs[1]), let codes = weight.int64s(), let type = byteType(input),
            graph[program.resolve(output)].tensorType?.knownShape?.contains(0) == false
        else { return nil }
        var bias: [Int32]?
        if let operand = node.input(IntegerOperator.Operand.bias) {
            guard let values = constant(operand)?.int64s() else { return nil }
            bias = values.map { Int32(truncatingIfNeeded: $0) }
        }
        let resultType = payload.result.elementType, zeros = filters.zeroPoints
        switch payload.function {
        case .convolution(let convolution, _):
            guard let shape = try convolutionShape(convolution, weight.shape, input, output) else { return nil }
            let filterSize = weight.shape.dropFirst().reduce(1, *)
            let weights = codes.enumerated().map { Int16($1 - Int64(zeros[zeros.count == 1 ? 0 : $0 / filterSize])) }
            return IntegerRequest(
                shape: shape, weights: weights, bias: bias, source: ByteLayout(.pixels, self.shape(input), type),
                result: ByteLayout(.pixels, self.shape(output), resultType),
                isDepthwise: shape.groups > 1 && shape.input_channels == 1 && payload.operands.count == 1)
        case .product(let transposesWeight, _):
            let rows = ByteLayout(rows: self.shape(input), type)
            let columns = weight.shape[transposesWeight ? 0 : 1], depth = weight.shape[transposesWeight ? 1 : 0]
            var weights = [Int16](repeating: 0, count: codes.count)
            for column in 0..<columns {
                let zero = Int64(zeros[zeros.count == 1 ? 0 : column])
                for index in 0..<depth {
                    let code = codes[transposesWeight ? column * depth + index : index * columns + column]
                    weights[column * depth + index] = Int16(code - zero)
                }
            }
            return IntegerRequest(
                shape: .pointwise(batch: rows.images, inputs: depth, outputs: columns), weights: weights, bias: bias, source: rows,
                result: ByteLayout(rows: self.shape(output), resultType), isDepthwise: false)
        case .add, .multiply, .averagePool, .globalAverage, .table: return nil
        }
    }

    private func convolutionShape(
        _ convolution: Convolution, _ weights: [Int], _ input: ValueID, _ output: ValueID
    ) throws -> ck_convolution? {
        let source = shape(input), result = shape(output)
        guard (3...4).contains(source.count), weights.count == source.count, convolution.groups > 0,
            let window = Primitive.Window(
                try convolution.window.resolved(kernel: Array(weights.dropFirst(2))), input: Array(source.dropFirst(2)),
                output: Array(result.dropFirst(2)))
        else { return nil }
        return ck_convolution(
            batch: source[0], groups: convolution.groups, inputs: weights[1], outputs: weights[0] / convolution.groups,
            input: Array(source.dropFirst(2)), output: Array(result.dropFirst(2)), window)
    }

    // MARK: Constants

    /// Buffers with weights, bias and what taps in the padding would have added.
    private mutating func packed(_ request: IntegerRequest, _ kernel: ck_integer_kernel, _ zero: Int32) throws -> [BufferID] {
        var shape = request.shape
        let bytes = request.isDepthwise ? ck_integer_depthwise_weight_bytes(&shape, kernel) : ck_integer_weight_bytes(&shape, kernel)
        func room(_ byteCount: Int) throws -> PackedConstant { try PackedConstant(.plain([(byteCount + 3) / 4]), pool: pool) }
        let weights = try room(Int(bytes)), bias = try room(request.laneCount * 4)
        guard !request.isDepthwise else {
            request.weights.withUnsafeBufferPointer { codes in
                request.bias.withPointer {
                    ck_integer_depthwise_pack(&shape, kernel, zero, codes.baseAddress, $0, weights.address, bias.address.integers)
                }
            }
            return [addConstant(weights), addConstant(bias)]
        }
        let sums = try room(Int(ck_integer_tap_sums(&shape)) * 4)
        request.weights.withUnsafeBufferPointer { codes in
            request.bias.withPointer {
                ck_integer_pack(
                    &shape, kernel, zero, codes.baseAddress, $0, weights.address, bias.address.integers, sums.address.integers)
            }
        }
        return [addConstant(weights), addConstant(bias), addConstant(sums)]
    }

    /// Buffers with the numbers that sums are multiplied by.
    private mutating func requantization(
        _ payload: IntegerOperator, _ filters: IntegerOperator.Filters, _ request: IntegerRequest, _ call: inout IntegerCall
    ) throws -> [BufferID] {
        call.isFloat = payload.result.elementType == .float32
        call.set(payload.result)
        guard payload.rounding == .fixedPoint, !call.isFloat else {
            return [addConstant(try .vector(request.spread(payload.factors(filters)), pool: pool))]
        }
        call.isFixedPoint = true
        call.requantization.rounds_once = payload.roundsProductsOnce
        let multipliers = payload.multipliers(filters)
        return try [multipliers.map(\.multiplier), multipliers.map(\.shift)].map { values in
            let lanes = request.spread(values), constant = try PackedConstant(.plain([lanes.count]), pool: pool)
            constant.address.integers.update(from: lanes, count: lanes.count)
            return addConstant(constant)
        }
    }

    /// The buffer of what is added to the sums, before they are rounded or, for an addition that the kernel takes in, after that.
    private mutating func residual(
        _ payload: IntegerOperator, _ node: Node, _ addition: Group.Addition?, _ request: IntegerRequest, _ call: inout IntegerCall
    ) throws -> BufferID? {
        if let addition {
            let (sum, own) = (addition.payload, addition.place)
            call.requantization.rounds_first = true
            call.requantization.first_low = Float(payload.result.limits.lowerBound - payload.result.affine.zeroPoint)
            call.requantization.first_high = Float(payload.result.limits.upperBound - payload.result.affine.zeroPoint)
            call.requantization.first_zero = Float(payload.result.affine.zeroPoint)
            call.requantization.first_factor = sum.ratio(ofOperand: own)
            call.requantization.residual_is_first = own == 1
            call.requantization.shift = sum.additionShift
            let integers = IntegerOperator.Affine(scale: sum.operands[1 - own].scale, zeroPoint: 0)
            return try addResidual(addition.other, integers, sum.ratio(ofOperand: 1 - own), sum.result, request, &call)
        }
        guard let value = node.input(IntegerOperator.Operand.residual), payload.operands.count > 1 else { return nil }
        return try addResidual(value, payload.operands[1], payload.ratio(ofOperand: 1), payload.result, request, &call)
    }

    private mutating func addResidual(
        _ value: ValueID, _ affine: IntegerOperator.Affine, _ ratio: Float, _ result: IntegerOperator.Result, _ request: IntegerRequest,
        _ call: inout IntegerCall
    ) throws -> BufferID {
        let type = byteType(value) ?? .uint8
        var layout = request.result
        layout.elementType = type
        call.hasResidual = true
        call.requantization.residual_zero = affine.stored(as: type)
        call.requantization.residual_factor = ratio
        call.set(result)
        return try byteOperand(value, in: layout)
    }
}

extension Optional<[Int32]> {
    fileprivate func withPointer(_ body: (UnsafePointer<Int32>?) -> Void) {
        guard let values = self else { return body(nil) }
        values.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}

extension ck_convolution {
    /// A convolution over one or two spatial dimensions. Channels are those of one group.
    init(
        batch: Int, groups: Int, inputs: Int, outputs: Int, input: [Int], output: [Int], _ window: Primitive.Window
    ) {
        func pair(_ values: [Int], _ missing: Int64) -> (Int64, Int64) {
            values.count == 1 ? (missing, Int64(values[0])) : (Int64(values[0]), Int64(values[1]))
        }
        self.init()
        (self.batch, self.groups, input_channels, output_channels) = (Int64(batch), Int64(groups), Int64(inputs), Int64(outputs))
        (input_height, input_width) = pair(input, 1)
        (output_height, output_width) = pair(output, 1)
        (kernel_height, kernel_width) = pair(window.kernel, 1)
        (stride_height, stride_width) = pair(window.strides, 1)
        (dilation_height, dilation_width) = pair(window.dilations, 1)
        (pad_height, pad_width) = pair(window.begin, 0)
    }

    /// A product of matrices: every row is an image of one pixel.
    static func pointwise(batch: Int, inputs: Int, outputs: Int) -> ck_convolution {
        ck_convolution(
            batch: Int64(batch), groups: 1, input_channels: Int64(inputs), output_channels: Int64(outputs), input_height: 1, input_width: 1,
            output_height: 1, output_width: 1, kernel_height: 1, kernel_width: 1, stride_height: 1, stride_width: 1, dilation_height: 1,
            dilation_width: 1, pad_height: 0, pad_width: 0)
    }
}

extension IntegerOperator.Affine {
    /// The zero point of bytes as kernels store them.
    func stored(as type: ElementType) -> Int32 { zeroPoint + (type == .int8 ? 128 : 0) }
}

/// A call of one of our integer convolution kernels.
private struct IntegerCall: Sendable {
    let request: ck_convolution
    let isDepthwise: Bool
    let kernel: ck_integer_kernel
    var inputZero: Int32 = 0
    var isFloat = false
    var isFixedPoint = false
    var hasResidual = false
    /// Without addresses.
    nonisolated(unsafe) var requantization = ck_requantization()

    init(request: ck_convolution, isDepthwise: Bool, kernel: ck_integer_kernel) {
        (self.request, self.isDepthwise, self.kernel) = (request, isDepthwise, kernel)
    }

    mutating func set(_ result: IntegerOperator.Result) {
        let offset: Int32 = result.elementType == .int8 ? 128 : 0
        requantization.zero = result.affine.zeroPoint + offset
        requantization.offset = offset
        requantization.low = result.limits.lowerBound + offset
        requantization.high = result.limits.upperBound + offset
    }

    var name: String {
        "cleave:int8_\(kernel == CK_VNNI ? "vnni" : "portable")_\(isDepthwise ? "depthwise" : "")"
            + "\(request.kernel_height)x\(request.kernel_width)"
    }

    var scratchpadByteCount: Int { isDepthwise ? 0 : withUnsafePointer(to: request) { Int(ck_integer_scratch_bytes($0)) } }

    /// - Parameter addresses: source, weights, bias, tap sums unless depthwise, factors or (multipliers, shifts), residual?, output
    func run(_ addresses: [UnsafeMutableRawPointer], scratchpad: UnsafeMutableRawPointer?) {
        var (shape, to, next) = (request, requantization, isDepthwise ? 3 : 4)
        if isFixedPoint {
            (to.multipliers, to.shifts) = (UnsafePointer(addresses[next].integers), UnsafePointer(addresses[next + 1].integers))
            next += 2
        } else {
            to.factors = UnsafePointer(addresses[next].floats)
            next += 1
        }
        if hasResidual {
            to.residual = UnsafePointer(addresses[next].bytes)
            next += 1
        }
        if isFloat { to.floats = addresses[next].floats }
        let (source, weights, bias) = (addresses[0].bytes, addresses[1], addresses[2].integers)
        if isDepthwise {
            ck_integer_depthwise(&shape, kernel, inputZero, source, weights, bias, addresses[next].bytes, &to)
        } else {
            ck_integer_convolve(
                &shape, kernel, inputZero, source, weights, bias, addresses[3].integers, addresses[next].bytes, &to, scratchpad?.bytes)
        }
    }
}
