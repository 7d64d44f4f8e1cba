import GraphIR
import Tensors

extension Resize: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        return [try resample(input, samplings(of: input.shape, arguments))]
    }

    /// How every dimension is resampled; `nil` for those that stay as they are.
    func samplings(of shape: [Int], _ arguments: KernelArguments) throws -> [AxisSampling?] {
        // Up to opset 10 there is neither a region nor a size: the second operand holds the scales.
        let isOld = arguments.opset < 11
        return try samplings(
            of: shape, scales: arguments.optional(isOld ? Operand.roi : .scales),
            sizes: isOld ? nil : arguments.optional(Operand.sizes), region: isOld ? nil : arguments.optional(Operand.roi))
    }

    /// How every dimension of an input of `shape` is resampled; `nil` for those that stay as they are.
    /// - Throws: `CleaveError` when the operands do not fit the shape or each other.
    func samplings(of shape: [Int], scales: Tensor?, sizes: Tensor?, region: Tensor?) throws -> [AxisSampling?] {
        let (scales, sizes) = (try scales?.reals() ?? [], try sizes?.indices() ?? [])
        let region = coordinates != .tfCropAndResize ? [] : try region?.reals() ?? []
        let axes = try Indexing.axes(self.axes ?? Array(shape.indices), rank: shape.count)
        guard scales.isEmpty != sizes.isEmpty || axes.isEmpty else {
            throw CleaveError(.invalidGraph, "\(scales.isEmpty ? "neither" : "both") scales and sizes are given, expected one of them")
        }
        guard [0, axes.count].contains(scales.count), [0, axes.count].contains(sizes.count), [0, 2 * axes.count].contains(region.count)
        else {
            throw CleaveError(
                .shapeMismatch,
                "\(scales.count) scales, \(sizes.count) sizes and \(region.count) region bounds are given for \(axes.count) axes")
        }
        guard coordinates != .tfCropAndResize || !region.isEmpty else {
            throw CleaveError(.invalidGraph, "roi is left out, but \(coordinates.rawValue) needs it")
        }
        let lengths = axes.map { shape[$0] }
        let extents = try scales.isEmpty ? extents(of: lengths, sizes: sizes) : extents(of: lengths, scales: scales)
        var samplings: [AxisSampling?] = shape.map { _ in nil }
        for (index, axis) in axes.enumerated() {
            let (length, scale) = extents[index]
            samplings[axis] = AxisSampling(
                inputLength: shape[axis], outputLength: length, scale: scale,
                region: region.isEmpty ? nil : (region[index], region[axes.count + index]))
        }
        return samplings
    }

    /// Lengths are rounded down in float32, as ONNX's shape inference and ONNX Runtime do.
    private func extents(of lengths: [Int], scales: [Double]) throws -> [(length: Int, scale: Double)] {
        try zip(lengths, scales).map { length, scale in
            guard scale > 0, scale.isFinite, let result = Int(exactly: (Float(length) * Float(scale)).rounded(.down)) else {
                throw CleaveError(.invalidRequest, "a dimension of length \(length) cannot be scaled by \(scale)")
            }
            return (result, scale)
        }
    }

    private func extents(of lengths: [Int], sizes: [Int]) throws -> [(length: Int, scale: Double)] {
        guard let bad = sizes.first(where: { $0 < 0 }) else {
            let scales = zip(lengths, sizes).map { $0 == 0 ? 1 : Double($1) / Double($0) }
            let shared: Double?
            switch aspectRatioPolicy {
            case .stretch: shared = nil
            case .notLarger: shared = scales.min()
            case .notSmaller: shared = scales.max()
            }
            guard let shared else { return Array(zip(sizes, scales)) }
            return lengths.map { (Int(clamping: Double((Float($0) * Float(shared)).rounded())), shared) }
        }
        throw CleaveError(.invalidRequest, "a size is \(bad), expected no negative number")
    }

    /// - Parameter samplings: one per dimension, `nil` for those that stay as they are.
    func resample(_ input: Tensor, _ samplings: [AxisSampling?]) throws -> Tensor {
        let shape = zip(input.shape, samplings).map { $1?.outputLength ?? $0 }
        _ = try Tensor.allocatableCount(of: shape, mode == .nearest ? input.elementType : .float64)
        guard !shape.contains(0) else { return try Tensor.assembled(shape: shape, elementType: input.elementType) { _ in } }
        guard input.count > 0 else {
            throw CleaveError(.shapeMismatch, "nothing can be interpolated from shape \(input.shape) to \(shape)")
        }
        return mode == .nearest
            ? try pickNearest(input, shape: shape, samplings) : try interpolate(input, shape: shape, samplings)
    }

    /// Moves elements of any type.
    private func pickNearest(_ input: Tensor, shape: [Int], _ samplings: [AxisSampling?]) throws -> Tensor {
        let inner = Indexing.strides(input.shape)
        let outer = Indexing.strides(shape)
        var sources: [AxisPath] = []
        var targets: [AxisPath] = []
        var lengths: [Int] = []
        for (axis, sampling) in samplings.enumerated() {
            let picks = (0..<shape[axis]).map { place -> Int? in
                // Some coordinates move even a dimension that stays as it is by half an element.
                guard let sampling, !sampling.isIdentity else { return place }
                return pick(at: place, sampling)
            }
            let inside = picks.indices.filter { picks[$0] != nil }
            sources.append(.offsets(picks.compactMap { $0.map { $0 * inner[axis] } }))
            targets.append(.offsets(inside.map { $0 * outer[axis] }))
            lengths.append(inside.count)
        }
        return try Tensor.assembled(shape: shape, elementType: input.elementType) { sink in
            if lengths != shape {
                let outside = try Tensor([Double(extrapolationValue)], shape: [1], as: input.elementType)
                let everywhere = shape.map { _ in AxisPath.strided(start: 0, stride: 0) }
                try sink.copy(BoxCopy(lengths: shape, source: everywhere, target: AxisPath.rowMajor(shape)), from: outside)
            }
            try sink.copy(BoxCopy(lengths: lengths, source: sources, target: targets), from: input)
        }
    }

    /// The input element that output element `place` is; `nil` where the value comes from outside.
    func pick(at place: Int, _ sampling: AxisSampling) -> Int? {
        let position = sampling.position(of: place, coordinates)
        if isExtrapolated(position, sampling) { return nil }
        return min(max(Int(clamping: nearest(position)), 0), sampling.inputLength - 1)
    }

    private func nearest(_ position: Double) -> Double {
        switch nearestMode {
        case .floor: position.rounded(.down)
        case .ceil: position.rounded(.up)
        case .roundPreferFloor: (position - 0.5).rounded(.up)
        case .roundPreferCeil: (position + 0.5).rounded(.down)
        }
    }

    /// One dimension after the other; integers are rounded to nearest even at the end.
    private func interpolate(_ input: Tensor, shape: [Int], _ samplings: [AxisSampling?]) throws -> Tensor {
        var values = try input.reals()
        var current = input.shape
        for (axis, sampling) in samplings.enumerated() {
            guard let sampling, !sampling.isIdentity else { continue }
            let view = AxisView(current, axis: axis)
            current[axis] = sampling.outputLength
            _ = try Tensor.allocatableCount(of: current, .float64)
            let filters = (0..<sampling.outputLength).map { taps(at: $0, sampling) }
            var result = [Double](repeating: Double(extrapolationValue), count: view.outer * filters.count * view.inner)
            for row in 0..<view.outer {
                for (place, filter) in filters.enumerated() {
                    guard let filter else { continue }
                    for column in 0..<view.inner {
                        result[(row * filters.count + place) * view.inner + column] = filter.reduce(0) {
                            $0 + $1.weight * values[(row * view.length + $1.index) * view.inner + column]
                        }
                    }
                }
            }
            values = result
        }
        if input.elementType.isInteger { values = values.map { $0.rounded(.toNearestOrEven) } }
        return try Tensor(values, shape: shape, as: input.elementType)
    }

    /// The input elements that make up the output element at `place`; `nil` where the value comes from outside.
    func taps(at place: Int, _ sampling: AxisSampling) -> [ResamplingTap]? {
        let position = sampling.position(of: place, coordinates)
        if isExtrapolated(position, sampling) { return nil }
        // Antialiasing stretches the filter over all inputs that one output stands for.
        let density = antialias ? min(sampling.scale, 1) : 1
        let reach = (mode == .cubic ? 2 : 1) / density
        let last = Double(sampling.inputLength - 1)
        var taps: [ResamplingTap] = []
        // Beyond the border the outermost element goes on; a long way outside it is all there is.
        let center = min(max(position, -reach), last + reach)
        for index in Int((center - reach).rounded(.down))...Int((center + reach).rounded(.up)) {
            let weight = filter((Double(index) - center) * density)
            let isInside = index >= 0 && index < sampling.inputLength
            guard weight != 0, isInside || !excludeOutside else { continue }
            taps.append(ResamplingTap(index: min(max(index, 0), sampling.inputLength - 1), weight: weight))
        }
        guard antialias || excludeOutside else { return taps }
        let total = taps.reduce(0) { $0 + $1.weight }
        return total == 0 ? taps : taps.map { ResamplingTap(index: $0.index, weight: $0.weight / total) }
    }

    /// The triangle, or the cubic of Keys, "Cubic convolution interpolation for digital image processing", 1981, eq. 4.
    private func filter(_ offset: Double) -> Double {
        let distance = abs(offset)
        guard mode == .cubic else { return max(0, 1 - distance) }
        let a = Double(cubicCoefficient)
        if distance <= 1 { return ((a + 2) * distance - (a + 3)) * distance * distance + 1 }
        return distance < 2 ? ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a : 0
    }

    private func isExtrapolated(_ position: Double, _ sampling: AxisSampling) -> Bool {
        coordinates == .tfCropAndResize && !(position >= 0 && position <= Double(sampling.inputLength - 1))
    }
}

/// How one dimension is resampled.
struct AxisSampling {
    var inputLength: Int
    var outputLength: Int
    /// Output over input length, before the output length was rounded.
    var scale: Double
    /// The part of the input that the output stands for, in units of its length; `nil` for all of it.
    var region: (start: Double, end: Double)?

    var isIdentity: Bool { scale == 1 && inputLength == outputLength && (region.map { $0 == (0, 1) } ?? true) }

    /// Where output element `place` is in the input; 0 is the first element's centre.
    func position(of place: Int, _ coordinates: Resize.Coordinates) -> Double {
        let place = Double(place)
        let input = Double(inputLength)
        // The output's length before it was rounded.
        let output = scale * input
        switch coordinates {
        case .asymmetric: return place / scale
        case .halfPixel: return (place + 0.5) / scale - 0.5
        case .pytorchHalfPixel: return outputLength > 1 ? (place + 0.5) / scale - 0.5 : 0
        case .tfHalfPixelForNearest: return (place + 0.5) / scale
        case .alignCorners: return output == 1 ? 0 : place * (input - 1) / (output - 1)
        case .halfPixelSymmetric:
            return input / 2 * (1 - Double(outputLength) / output) + (place + 0.5) / scale - 0.5
        case .tfCropAndResize:
            let (start, end) = region ?? (0, 1)
            if output == 1 { return (start + end) * (input - 1) / 2 }
            return start * (input - 1) + place * (end - start) * (input - 1) / (output - 1)
        }
    }
}
