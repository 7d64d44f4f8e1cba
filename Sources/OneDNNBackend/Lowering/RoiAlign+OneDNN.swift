import CKernels
import GraphIR
import Tensors

extension PlanCompiler {
    mutating func lower(_ operation: RoiAlign, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let boxes = node.input(RoiAlign.Operand.boxes), isBuffered(boxes),
            let images = node.input(RoiAlign.Operand.batchIndices).flatMap({ looseTensor($0) }), images.type == .int64,
            operation.outputHeight > 0, operation.outputWidth > 0
        else { return false }
        let (lengths, count, label) = (shape(input), shape(boxes)[0], graph.label(of: node))
        let (source, corners) = (try plainOperand(input), try plainOperand(boxes)), layout = try Layout.plain(shape(output))
        let target = makeBuffer(.arena, byteCount: layout.byteCount)
        let kernel = TensorKernel(
            name: "cleave:align", tensor: images.source, type: .int64, shape: images.shape, buffers: [source, corners, target]
        ) { elements, addresses in
            try locating(node: label, operatorName: "RoiAlign") {
                let samples = try BoxSamples(
                    operation, corners: UnsafeBufferPointer(start: addresses[1].floats, count: 4 * count),
                    images: UnsafeBufferPointer(start: elements.assumingMemoryBound(to: Int64.self), count: count), lengths)
                ck_align_boxes(
                    operation.mode == .max, Int64(lengths[1]), Int64(lengths[2] * lengths[3]), Int64(count), samples.boxes, samples.taps,
                    Int64(operation.outputHeight), Int64(operation.outputWidth), addresses[0].floats, addresses[2].floats)
            }
        }
        emit(kernel, computing: [node], reads: [source, corners], writes: [target])
        define(output, in: target, layout)
        return true
    }
}

/// Where the bins of some boxes have their samples.
private struct BoxSamples {
    private(set) var boxes: [ck_box] = []
    private(set) var taps: [ck_tap] = []

    private static let mostSamples = 1 << 10
    /// Some 1.6 GB.
    private static let mostTaps = 1 << 26

    /// - Parameters:
    ///   - corners: x, y, x, y of each box.
    ///   - images: the index of each box's image.
    ///   - lengths: of the input, [N, C, H, W].
    init(_ operation: RoiAlign, corners: UnsafeBufferPointer<Float>, images: UnsafeBufferPointer<Int64>, _ lengths: [Int]) throws {
        for (index, given) in images.enumerated() {
            let image = given < 0 ? given + Int64(lengths[0]) : given
            guard (0..<Int64(lengths[0])).contains(image) else {
                throw CleaveError(.invalidRequest, "index \(given) is outside a dimension of length \(lengths[0])")
            }
            let corner = corners[4 * index..<4 * index + 4].map { $0 * operation.spatialScale - (operation.halfPixel ? 0.5 : 0) }
            let rows = taps.count
            let rowSamples = try addTaps(
                operation, from: corner[1], to: corner[3], bins: operation.outputHeight, length: lengths[2], stride: lengths[3])
            let columns = taps.count
            let columnSamples = try addTaps(
                operation, from: corner[0], to: corner[2], bins: operation.outputWidth, length: lengths[3], stride: 1)
            boxes.append(
                ck_box(
                    image: image, rows: Int64(rows), columns: Int64(columns), row_samples: Int64(rowSamples),
                    column_samples: Int64(columnSamples)))
        }
    }

    /// Adds the taps of a box's bins along one axis.
    /// - Returns: the number of samples per bin.
    private mutating func addTaps(
        _ operation: RoiAlign, from start: Float, to end: Float, bins: Int, length: Int, stride: Int
    ) throws -> Int {
        // Without the half pixel a box is at least one element long. In float32: that decides how many samples a bin has.
        let binLength = (operation.halfPixel ? end - start : max(end - start, 1)) / Float(bins)
        let samples = operation.samplingRatio > 0 ? operation.samplingRatio : max(0, Int(clamping: Double(binLength.rounded(.up))))
        guard samples <= Self.mostSamples else {
            throw CleaveError(
                .invalidRequest, "a box needs \(samples) samples per bin and axis, expected at most \(Self.mostSamples)")
        }
        let (count, isVast) = bins.multipliedReportingOverflow(by: samples)
        guard !isVast, count <= Self.mostTaps - taps.count else {
            throw CleaveError(.unsupported, "the boxes have \(bins) bins of \(samples) samples along an axis, more than memory allows")
        }
        for bin in 0..<bins {
            for sample in 0..<samples {
                let position = Double(start) + (Double(bin) + (Double(sample) + 0.5) / Double(samples)) * Double(binLength)
                taps.append(Self.tap(at: position, length: length, stride: stride))
            }
        }
        return samples
    }

    /// Nothing lies more than one element outside; what lies less is moved to the border.
    private static func tap(at position: Double, length: Int, stride: Int) -> ck_tap {
        guard position >= -1, position <= Double(length) else { return ck_tap(first: -1, second: -1, first_weight: 0, second_weight: 0) }
        let place = min(max(position, 0), Double(length - 1))
        let first = Int(place), second = min(first + 1, length - 1), weight = place - Double(first)
        return ck_tap(
            first: Int64(first * stride), second: Int64(second * stride), first_weight: Float(1 - weight), second_weight: Float(weight))
    }
}
