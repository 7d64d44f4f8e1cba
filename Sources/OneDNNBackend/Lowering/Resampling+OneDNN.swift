import CKernels
import COneDNN
import GraphIR
import ReferenceBackend
import Tensors

extension PlanCompiler {
    mutating func lower(_ resize: Resize, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let operands = node.inputs.dropFirst(), parameters = operands.map { constant($0) }
        guard zip(parameters, operands).allSatisfy({ ($0 == nil) == ($1 == nil) }) else { return false }
        try checkFilters(of: input, output)
        // What does not fit is left to the reference kernel, which says so.
        let filters = try? resize.filters(inputShape: shape(input), operands: [nil] + parameters, opset: graph.opset)
        return try lowerResampling(resize.mode, filters, fill: resize.extrapolationValue, node, input, output)
    }

    mutating func lower(_ upsample: Upsample, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let scales = upsample.scales.map { Tensor(vector: $0) } ?? constant(node.input(Upsample.Operand.scales))
        guard let scales else { return false }
        try checkFilters(of: input, output)
        let filters = try? upsample.resize.filters(inputShape: shape(input), operands: [nil, scales], opset: 10)
        return try lowerResampling(upsample.mode, filters, fill: 0, node, input, output)
    }

    /// Refuses resizes along dimensions so long that the filters of their indices do not fit: lists of an index and a weight per tap.
    private func checkFilters(of input: ValueID, _ output: ValueID) throws {
        let changed = zip(shape(input), shape(output)).filter { $0 != $1 }.map(\.1)
        try checkTables(for: changed, bytesPerIndex: 128)
    }

    private mutating func lowerResampling(
        _ mode: Resize.Mode, _ filters: [[[ResamplingTap]]?]?, fill: Float, _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> Bool {
        let lengths = shape(input)
        guard let filters, zip(lengths, filters).map({ $1?.count ?? $0 }) == shape(output) else { return false }
        if mode == .nearest {
            let sources = filters.map { $0.map { .table($0.map { $0.first?.index ?? -1 }) } ?? PickedIndices.same }
            return try emitPick(from: input, lengths, sources, fill: fill, computing: node, output)
        }
        guard filters.allSatisfy({ $0?.allSatisfy { !$0.isEmpty } ?? true }) else { return false }
        return try lowerInterpolation(filters, node, input, output)
    }

    /// Filters one dimension after the other, those first that shrink most; the last dimension, whose filters read from all over a
    /// row, when there is least to do.
    mutating func lowerInterpolation(
        _ filters: [[[ResamplingTap]]?], _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> Bool {
        var lengths = shape(input)
        var (buffer, layout) = try home(input)
        if layout.channelBlock == nil || filters.prefix(2).contains(where: { $0 != nil }) {
            (buffer, layout) = (try plainOperand(input), try .plain(lengths))
        }
        let block = layout.isPlain ? nil : layout.channelBlock
        let growth = filters.enumerated().compactMap { axis, filter in
            filter.map { filter in
                let ratio = Double(filter.count) / Double(lengths[axis])
                return (axis: axis, ratio: ratio, order: ratio > 1 ? -axis : axis)
            }
        }
        for (axis, _, _) in growth.sorted(by: { ($0.ratio, $0.order) < ($1.ratio, $1.order) }) {
            guard let filter = filters[axis] else { continue }
            let physical = block.map { [lengths[0], (lengths[1] + $0 - 1) / $0] + lengths.dropFirst(2) + [$0] } ?? lengths
            let (outer, length) = (Int64(physical[..<axis].reduce(1, *)), Int64(lengths[axis]))
            let inner = Int64(physical[(axis + 1)...].reduce(1, *))
            lengths[axis] = filter.count
            layout = try block.map { try .channelBlocked(lengths, block: $0) } ?? .plain(lengths)
            let target = makeBuffer(.arena, byteCount: layout.byteCount), table = FilterTable(filter)
            try pool.charge(byteCount: table.byteCount)
            let kernel = NativeKernel("cleave:resample", buffers: [buffer, target]) { addresses, _ in
                table.withKernelTable { ck_resample($0, addresses[0].floats, addresses[1].floats, outer, length, inner) }
            }
            emit(kernel, computing: [node], reads: [buffer], writes: [target])
            buffer = target
        }
        define(output, in: buffer, layout)
        return true
    }
}

/// The filters of one dimension in the form that `ck_resample` reads.
private struct FilterTable: Sendable {
    private let count: Int
    private var indices: [Int64] = []
    private var weights: [Float] = []

    init(_ filters: [[ResamplingTap]]) {
        count = filters.count
        for tap in 0..<(filters.map(\.count).max() ?? 0) {
            indices += filters.map { Int64($0[min(tap, $0.count - 1)].index) }
            weights += filters.map { tap < $0.count ? Float($0[tap].weight) : 0 }
        }
    }

    var byteCount: Int { indices.count * MemoryLayout<Int64>.size + weights.count * MemoryLayout<Float>.size }

    func withKernelTable(_ body: (UnsafePointer<ck_filters>) -> Void) {
        indices.withUnsafeBufferPointer { indices in
            weights.withUnsafeBufferPointer { weights in
                var filters = ck_filters(
                    count: Int64(count), taps: Int64(weights.count / max(count, 1)), indices: indices.baseAddress,
                    weights: weights.baseAddress)
                body(&filters)
            }
        }
    }
}
