import Tensors

/// What a slice takes from one dimension.
private struct SliceRange {
    var start: Dimension
    var end: Dimension
    /// Unknown steps leave the length unknown.
    var step: Int?

    /// Bounds beyond this stand for "to the end", as ONNX recommends the largest and smallest integers for.
    private static let limit = Int(Int32.max)

    /// Start and number of elements in a dimension whose length is known; bounds are clamped to it.
    func resolved(length: Int) -> (start: Int, count: Int)? {
        guard let start = start.known, let end = end.known, let step, step != 0, step > Int.min else { return nil }
        func position(_ bound: Int, _ lowest: Int, _ highest: Int) -> Int { min(max(bound < 0 ? bound + length : bound, lowest), highest) }
        if step > 0 {
            let (first, last) = (position(start, 0, length), position(end, 0, length))
            return (first, last > first ? (last - first - 1) / step + 1 : 0)
        }
        let (first, last) = (position(start, min(0, length - 1), length - 1), position(end, -1, length - 1))
        return (first, first > last ? (first - last - 1) / -step + 1 : 0)
    }

    /// The number of elements; a symbolic length is taken to be no shorter than the bounds, when that leaves it symbolic.
    func count(in length: Dimension) -> Dimension {
        if let known = length.known { return resolved(length: known).map { .known($0.count) } ?? .unknown }
        guard let step else { return .unknown }
        if step < 0 {
            let takesAll = start == -1 || (start.known ?? 0) >= Self.limit
            return takesAll && (end.known ?? 0) <= -Self.limit && step > Int.min ? length.dividedCeiling(by: -step) : .unknown
        }
        guard let first = lowerPosition(in: length), let last = upperPosition(in: length) else { return .unknown }
        let span = last - first
        guard span.known == nil else { return span == 0 || (length.lowerBound ?? 0) >= (last.known ?? .max) ? span : .unknown }
        return span.dividedCeiling(by: step)
    }

    private func lowerPosition(in length: Dimension) -> Dimension? {
        guard let known = start.known else { return start == .unknown ? nil : start }
        if known <= -Self.limit { return 0 }
        if known >= Self.limit { return nil }
        return known < 0 ? length + start : start
    }

    private func upperPosition(in length: Dimension) -> Dimension? {
        guard let known = end.known else {
            return end.isLess(than: length) == true || end == length ? end : nil
        }
        if known >= Self.limit { return length }
        if known <= -Self.limit { return 0 }
        if known < 0 { return length + end }
        return (length.lowerBound ?? 0) >= known ? end : nil
    }
}

extension StridedSlice {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        guard let ranges = try ranges(rank: shape.count, context) else {
            return [InferredValue(input.elementType, shape.map { _ in .unknown })]
        }
        let output = zip(shape, ranges).map { length, range in range.map { $0.count(in: length) } ?? length }
        return [InferredValue(input.elementType, output, contents: contents(context, ranges: ranges))]
    }

    /// One entry per dimension, `nil` for those that are taken whole; `nil` altogether when the axes are not known.
    private func ranges(rank: Int, _ context: InferenceContext) throws -> [SliceRange?]? {
        let starts: [Dimension]?
        let ends: [Dimension]?
        if let bounds {
            (starts, ends) = (bounds.starts.map { .known($0) }, bounds.ends.map { .known($0) })
        } else {
            starts = try context.vector(Operand.starts, "one entry per axis")
            ends = try context.vector(Operand.ends, "one entry per axis")
        }
        let hasAxes = bounds.map { $0.axes != nil } ?? context.has(Operand.axes)
        let axes = bounds?.axes ?? context.knownContents(Operand.axes)
        guard let starts, let ends, !hasAxes || axes != nil else { return nil }
        let steps = context.has(Operand.steps) ? context.elements(Operand.steps) : [Dimension](repeating: 1, count: starts.count)
        guard starts.count == ends.count, axes?.count ?? starts.count == starts.count, steps?.count ?? starts.count == starts.count,
            axes != nil || starts.count <= rank
        else {
            throw CleaveError(
                .shapeMismatch,
                "starts, ends, axes and steps have \(starts.count), \(ends.count), \(axes?.count ?? starts.count) and "
                    + "\(steps?.count ?? starts.count) elements, expected as many of each and at most \(rank)")
        }
        var ranges = [SliceRange?](repeating: nil, count: rank)
        for (index, axis) in try normalizedAxes(axes ?? Array(0..<starts.count), rank: rank).enumerated() {
            if steps?[index] == 0 { throw CleaveError(.shapeMismatch, "a step is 0, expected another number") }
            ranges[axis] = SliceRange(start: starts[index], end: ends[index], step: steps?[index].known)
        }
        return ranges
    }

    private func contents(_ context: InferenceContext, ranges: [SliceRange?]) -> [Dimension]? {
        guard context.contents(Operand.input) != nil, let input = context.small(Operand.input) else { return nil }
        let taken = zip(input.shape, ranges).compactMap { length, range in
            guard let range else { return (start: 0, count: length, step: 1) as (start: Int, count: Int, step: Int)? }
            return range.resolved(length: length).map { (start: $0.start, count: $0.count, step: range.step ?? 1) }
        }
        guard taken.count == ranges.count else { return nil }
        return SmallTensor(shape: taken.map(\.count)) { coordinates in
            input[zip(coordinates, taken).map { $1.start + $0 * $1.step }]
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
