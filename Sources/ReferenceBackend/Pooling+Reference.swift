import Foundation
import GraphIR
import Tensors

/// The planes of a pooled tensor [N, C, D1 … Dn].
struct PooledPlanes {
    let shape: [Int]
    let placed: PlacedWindow
    let values: [Double]

    /// - Throws: `CleaveError` when the input does not fit the window.
    init(_ input: Tensor, _ window: Window, ceilMode: Bool) throws {
        guard input.rank >= 3 else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected [N, C, …] with spatial dimensions")
        }
        let spatial = Array(input.shape[2...])
        placed = try PlacedWindow(window.resolved(kernel: nil, rank: spatial.count), over: spatial, ceilMode: ceilMode)
        shape = Array(input.shape[..<2]) + placed.outputShape
        _ = try resultCount(shape)
        values = try input.reals()
    }

    var planeCount: Int { shape[0] * shape[1] }

    /// Folds what every window sees, in the order of its taps, starting from `initial`.
    func fold(from initial: Double, _ combine: (Double, Double) -> Double) -> [Double] {
        let runs = placed.runs(), stride = placed.rowStride
        let inputCount = placed.inputCount, outputCount = placed.outputCount
        if outputCount == 0 { return [] }
        return filled(planeCount * outputCount) { output in
            withPointers(values, values) { input, _ in
                concurrently(planeCount) { plane in
                    let source = input + plane * inputCount, target = output + plane * outputCount
                    target.update(repeating: initial, count: outputCount)
                    for run in runs {
                        for index in 0..<run.count {
                            target[run.output + index] = combine(target[run.output + index], source[run.input + index * stride])
                        }
                    }
                }
            }
        }
    }

    /// For every output, the offset in its plane of the first largest element that its window sees; −1 for a window over padding only.
    func maximumOffsets() -> [Int] {
        let runs = placed.runs(), stride = placed.rowStride
        let inputCount = placed.inputCount, outputCount = placed.outputCount
        var offsets = [Int](repeating: -1, count: planeCount * outputCount)
        for plane in 0..<planeCount {
            let source = plane * inputCount, target = plane * outputCount
            for run in runs {
                for index in 0..<run.count {
                    let candidate = run.input + index * stride
                    let best = offsets[target + run.output + index]
                    if best < 0 || exceeds(values[source + candidate], values[source + best]) {
                        offsets[target + run.output + index] = candidate
                    }
                }
            }
        }
        return offsets
    }
}

/// Whether `candidate` takes the place of `best` as maximum; NaN is larger than any number.
private func exceeds(_ candidate: Double, _ best: Double) -> Bool { candidate > best || (candidate.isNaN && !best.isNaN) }

extension Window {
    /// The window of a pool, whose kernel is an attribute.
    /// - Throws: `CleaveError` when it has another number of dimensions than the input.
    fileprivate func resolved(kernel weightKernel: [Int]?, rank: Int) throws -> Window {
        guard kernel.count == rank else {
            throw CleaveError(.invalidAttribute, "kernel_shape is \(kernel), expected \(rank) entries, one per spatial dimension")
        }
        return try resolved(kernel: weightKernel)
    }
}

extension AveragePool: ReferenceKernel {
    /// A window that sees no element averages to 0.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let planes = try PooledPlanes(input, window, ceilMode: ceilMode)
        var averages = planes.fold(from: 0, +)
        let counts = planes.placed.outputShape.indices.map {
            planes.placed.tapCounts(axis: $0, includingPadding: countIncludePad)
        }
        let outputCount = planes.placed.outputCount
        var output = 0
        forEachPosition(in: planes.placed.outputShape) { position in
            let count = zip(counts, position).reduce(1.0) { $0 * Double($1.0[$1.1]) }
            for plane in 0..<planes.planeCount where count > 0 { averages[plane * outputCount + output] /= count }
            output += 1
        }
        return [try Tensor(averages, shape: planes.shape, as: input.elementType)]
    }
}

extension MaxPool: ReferenceKernel {
    /// NaN in a window makes its maximum NaN. Indices count over the whole tensor; in column-major order over the spatial
    /// dimensions only, as ONNX Runtime has it.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let planes = try PooledPlanes(input, window, ceilMode: ceilMode)
        let maxima = planes.fold(from: -.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
        let output = try Tensor(maxima, shape: planes.shape, as: input.elementType)
        guard arguments.outputCount > 1 else { return [output] }
        let placed = planes.placed
        let indices = planes.maximumOffsets().enumerated().map { position, offset -> Int64 in
            guard offset >= 0 else { return -1 }
            let place = columnMajorIndices ? columnMajor(offset, placed.inputShape) : offset
            return Int64(position / placed.outputCount * placed.inputCount + place)
        }
        return [output, try Tensor(indices, shape: planes.shape)]
    }

    /// The row-major offset counted with the first dimension running fastest.
    private func columnMajor(_ offset: Int, _ shape: [Int]) -> Int {
        var rest = offset
        let position = Indexing.strides(shape).map { stride in
            defer { rest %= stride }
            return rest / stride
        }
        return zip(position, shape).reversed().reduce(0) { $0 * $1.1 + $1.0 }
    }
}

extension LpPool: ReferenceKernel {
    /// (Σ |x|ᵖ)^(1/p); padding counts as zeros.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let planes = try PooledPlanes(input, window, ceilMode: ceilMode)
        let norm = PNorm(p)
        let norms = planes.fold(from: 0) { $0 + norm.term($1) }.map(norm.root)
        return [try Tensor(norms, shape: planes.shape, as: input.elementType)]
    }
}

/// The terms |x|ᵖ of a p-norm, and the root of their sum.
struct PNorm {
    private let p: Double

    init(_ p: Int) { self.p = Double(p) }

    func term(_ value: Double) -> Double { p == 1 ? value.magnitude : p == 2 ? value * value : pow(value.magnitude, p) }
    func root(_ sum: Double) -> Double { p == 1 ? sum : p == 2 ? sum.squareRoot() : pow(sum, 1 / p) }
}

extension GlobalPool: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard input.rank >= 2 else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected [N, C, …] with spatial dimensions")
        }
        let values = try input.reals()
        let planeCount = input.shape[0] &* input.shape[1]
        let size = input.shape[2...].reduce(1, &*)
        let shape = Array(input.shape[..<2]) + [Int](repeating: 1, count: input.rank - 2)
        _ = try resultCount(shape)
        let pooled = (0..<planeCount).map { plane -> Double in
            let elements = values[plane * size..<(plane + 1) * size]
            switch function {
            case .average: return elements.reduce(0, +) / Double(size)
            case .max: return elements.reduce(-.infinity, larger)
            case .lp(let p):
                let norm = PNorm(p)
                return norm.root(elements.reduce(0) { $0 + norm.term($1) })
            }
        }
        return [try Tensor(pooled, shape: shape, as: input.elementType)]
    }
}

extension MaxUnpool: ReferenceKernel {
    /// Indices count over the tensor that the window's formula gives; a larger `outputShape` adds zeros at the end of every dimension.
    /// That is what ONNX's own test case says; ONNX Runtime counts over the larger tensor.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let indices = try arguments.required(Operand.indices)
        guard input.rank >= 3, indices.shape == input.shape else {
            throw CleaveError(
                .shapeMismatch, "input \(input.shape) and indices \(indices.shape), expected the same [N, C, …] with spatial dimensions")
        }
        let unpooled = try unpooledShape(input.shape)
        let output = try arguments.optional(Operand.outputShape)?.indices() ?? unpooled
        guard output.count == unpooled.count, zip(output, unpooled).allSatisfy(>=) else {
            throw CleaveError(.shapeMismatch, "output_shape is \(output), expected at least \(unpooled)")
        }
        let (unpooledCount, count) = (try resultCount(unpooled), try resultCount(output))
        let strides = Indexing.strides(output)
        let places = zip(unpooled, Indexing.strides(unpooled))
        var values = [Double](repeating: 0, count: count)
        for (value, index) in zip(try input.reals(), try indices.integers()) {
            guard index >= 0, index < unpooledCount else {
                throw CleaveError(.invalidRequest, "index \(index) is outside the \(unpooledCount) elements of \(unpooled)")
            }
            values[zip(places, strides).reduce(0) { $0 + Int(index) / $1.0.1 % $1.0.0 * $1.1 }] = value
        }
        return [try Tensor(values, shape: output, as: input.elementType)]
    }

    private func unpooledShape(_ shape: [Int]) throws -> [Int] {
        let spatial = Array(shape[2...])
        let window = try self.window.resolved(kernel: nil, rank: spatial.count)
        try PlacedWindow.requireRank(spatial, window)
        return try Array(shape[..<2])
            + spatial.enumerated().map { axis, length in
                let pads = window.pads(axis, length: length)
                let (reach, overflow) = max(0, length - 1).multipliedReportingOverflow(by: window.strides[axis])
                guard !overflow, reach <= 1 << 40 else {
                    throw CleaveError(.invalidAttribute, "strides is \(window.strides), which makes the output too large")
                }
                return max(0, reach + window.extent(axis) - pads.begin - pads.end)
            }
    }
}
