import GraphIR
import Tensors

extension RoiAlign: ReferenceKernel {
    /// Mode `max` takes the largest of the four weighted neighbours of all samples, as ONNX's reference and ONNX Runtime do.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let boxes = try arguments.required(Operand.boxes)
        let batchIndices = try arguments.required(Operand.batchIndices)
        guard input.rank == 4, boxes.rank == 2, boxes.shape[1] == 4, batchIndices.shape == [boxes.shape[0]] else {
            throw CleaveError(
                .shapeMismatch,
                "input, boxes and batch indices have shapes \(input.shape), \(boxes.shape) and \(batchIndices.shape), "
                    + "expected [N, C, H, W], [R, 4] and [R]")
        }
        guard outputHeight > 0, outputWidth > 0 else {
            throw CleaveError(.invalidAttribute, "the output size is \(outputHeight)×\(outputWidth), expected positive numbers")
        }
        let (channels, height, width) = (input.shape[1], input.shape[2], input.shape[3])
        let shape = [boxes.shape[0], channels, outputHeight, outputWidth]
        let count = try Tensor.allocatableCount(of: shape, .float64)
        let batches = try batchIndices.indices().map { try Indexing.index($0, length: input.shape[0]) }
        // In float32, like the bins' lengths: in ONNX Runtime that decides how many samples a bin has.
        let corners = try boxes.reals().map { Float($0) * spatialScale - (halfPixel ? 0.5 : 0) }
        let values = try input.reals()
        var result: [Double] = []
        result.reserveCapacity(count)
        for (box, batch) in batches.enumerated() {
            let columns = try Bins(from: corners[4 * box], to: corners[4 * box + 2], count: outputWidth, self)
            let rows = try Bins(from: corners[4 * box + 1], to: corners[4 * box + 3], count: outputHeight, self)
            for channel in 0..<channels {
                let begin = (batch * channels + channel) * height * width
                let plane = values[begin..<(begin + height * width)]
                for row in 0..<outputHeight {
                    for column in 0..<outputWidth {
                        let samples = rows.positions(row).flatMap { y in
                            columns.positions(column).map { Self.neighbours(of: (y, $0), in: plane, height: height, width: width) }
                        }
                        result.append(combine(samples))
                    }
                }
            }
        }
        return [try Tensor(result, shape: shape, as: input.elementType)]
    }

    private func combine(_ samples: [[Double]]) -> Double {
        guard !samples.isEmpty else { return 0 }
        switch mode {
        case .average: return samples.reduce(0) { $0 + $1.reduce(0, +) } / Double(samples.count)
        case .max: return samples.reduce(-.infinity) { $1.reduce($0, larger) }
        }
    }

    /// The bins of a box along one axis.
    private struct Bins {
        let start: Double
        let binLength: Double
        let samplesPerBin: Int

        init(from start: Float, to end: Float, count: Int, _ attributes: RoiAlign) throws {
            // Without the half pixel a box is at least one element long.
            let length = attributes.halfPixel ? end - start : max(end - start, 1)
            let binLength = length / Float(count)
            self.start = Double(start)
            self.binLength = Double(binLength)
            samplesPerBin = attributes.samplingRatio > 0
                ? attributes.samplingRatio : max(0, Int(clamping: Double(binLength.rounded(.up))))
            guard samplesPerBin <= 1 << 10 else {
                throw CleaveError(.invalidRequest, "a box needs \(samplesPerBin) samples per bin and axis, expected at most \(1 << 10)")
            }
        }

        func positions(_ bin: Int) -> [Double] {
            (0..<samplesPerBin).map { start + (Double(bin) + (Double($0) + 0.5) / Double(samplesPerBin)) * binLength }
        }
    }

    /// The four weighted elements around a position; zeros when it is more than one element outside.
    private static func neighbours(
        of position: (y: Double, x: Double), in plane: ArraySlice<Double>, height: Int, width: Int
    ) -> [Double] {
        guard position.y >= -1, position.y <= Double(height), position.x >= -1, position.x <= Double(width), !plane.isEmpty else {
            return [0, 0, 0, 0]
        }
        let y = min(max(position.y, 0), Double(height - 1))
        let x = min(max(position.x, 0), Double(width - 1))
        let (top, left) = (Int(y), Int(x))
        let (bottom, right) = (min(top + 1, height - 1), min(left + 1, width - 1))
        let (down, across) = (y - Double(top), x - Double(left))
        func element(_ row: Int, _ column: Int) -> Double { plane[plane.startIndex + row * width + column] }
        return [
            (1 - down) * (1 - across) * element(top, left), (1 - down) * across * element(top, right),
            down * (1 - across) * element(bottom, left), down * across * element(bottom, right),
        ]
    }
}
