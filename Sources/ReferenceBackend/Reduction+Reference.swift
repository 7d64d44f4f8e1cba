import Foundation
import GraphIR
import Tensors

/// A tensor whose elements fall into groups: those that differ in the reduced axes only belong to one.
struct ReducedLayout {
    let shape: [Int]
    /// The input's shape with length 1 along every reduced axis.
    let keptShape: [Int]
    private let isReduced: [Bool]

    /// - Throws: `CleaveError` for an axis that the shape does not have, or that occurs twice.
    init(_ shape: [Int], axes: [Int]) throws {
        var isReduced = [Bool](repeating: false, count: shape.count)
        for axis in axes {
            let axis = try Indexing.axis(axis, rank: shape.count)
            guard !isReduced[axis] else { throw CleaveError(.invalidAttribute, "axes is \(axes), expected each axis once") }
            isReduced[axis] = true
        }
        self.shape = shape
        self.isReduced = isReduced
        keptShape = zip(shape, isReduced).map { $1 ? 1 : $0 }
        _ = try resultCount(keptShape)
    }

    /// The shape without the reduced axes.
    var squeezedShape: [Int] { zip(shape, isReduced).filter { !$0.1 }.map(\.0) }

    /// Elements per group.
    var reducedCount: Int { zip(shape, isReduced).reduce(1) { $1.1 ? $0 &* $1.0 : $0 } }

    /// Calls `body` for every element in row-major order with its index and that of its group.
    func forEachElement(_ body: (_ element: Int, _ group: Int) -> Void) {
        guard let rowLength = shape.last, let lastIsReduced = isReduced.last else { return body(0, 0) }
        let groupStrides = zip(Indexing.strides(keptShape), isReduced).map { $1 ? 0 : $0 }
        var element = 0
        forEachPosition(in: Array(shape.dropLast())) { position in
            let group = offset(of: position, strides: groupStrides)
            for index in 0..<rowLength {
                body(element, lastIsReduced ? group : group + index)
                element += 1
            }
        }
    }

    /// Folds every group in the order of its elements.
    func fold<Element, Result>(_ values: [Element], from initial: Result, _ combine: (Result, Element) -> Result) -> [Result] {
        var results = [Result](repeating: initial, count: keptShape.reduce(1, &*))
        forEachElement { element, group in results[group] = combine(results[group], values[element]) }
        return results
    }
}

extension Reduction: ReferenceKernel {
    /// Nothing reduces to the neutral element: 0 for sums, 1 for products, the extreme of the type for Max and Min, NaN for Mean.
    /// Integer results that are not whole are truncated.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let given = try arguments.optional(Operand.axes)?.indices() ?? axes ?? []
        let axes = given.isEmpty && !keepsInputWithoutAxes ? Array(0..<input.rank) : given
        let layout = try ReducedLayout(input.shape, axes: axes)
        let shape = keepDimensions ? layout.keptShape : layout.squeezedShape
        if input.elementType.isFloatingPoint {
            return [try Tensor(reduce(input.reals(), layout), shape: shape, as: input.elementType)]
        }
        let type = input.elementType
        guard type.isInteger || (type == .bool && (function == .max || function == .min)) else {
            throw CleaveError(.typeMismatch, "expected numbers, not \(type)")
        }
        if let exact = try reduceExactly(input, layout) { return [try Tensor(exact, shape: shape, as: type)] }
        return [try Tensor(reduce(input.reals(), layout), shape: shape, as: type)]
    }

    private func reduce(_ values: [Double], _ layout: ReducedLayout) -> [Double] {
        switch function {
        case .sum: return layout.fold(values, from: 0, +)
        case .mean: return layout.fold(values, from: 0, +).map { $0 / Double(layout.reducedCount) }
        case .prod: return layout.fold(values, from: 1, *)
        case .max: return layout.fold(values, from: -.infinity, larger)
        case .min: return layout.fold(values, from: .infinity, smaller)
        case .l1: return layout.fold(values, from: 0) { $0 + $1.magnitude }
        case .l2: return layout.fold(values, from: 0) { $0 + $1 * $1 }.map { $0.squareRoot() }
        case .sumSquare: return layout.fold(values, from: 0) { $0 + $1 * $1 }
        case .logSum: return layout.fold(values, from: 0, +).map { log($0) }
        case .logSumExp:
            // Subtracting the maximum keeps the exponentials in range; an infinite maximum is the result itself.
            let maxima = layout.fold(values, from: -.infinity, larger)
            var sums = [Double](repeating: 0, count: maxima.count)
            layout.forEachElement { element, group in sums[group] += exp(values[element] - maxima[group]) }
            return combine(maxima, sums) { $0.isFinite ? $0 + log($1) : $0 }
        }
    }

    /// The reduction in integer arithmetic; `nil` for functions that leave the integers.
    private func reduceExactly(_ input: Tensor, _ layout: ReducedLayout) throws -> [Int64]? {
        let type = input.elementType
        switch function {
        case .sum: return try layout.fold(input.integers(), from: 0, &+)
        case .prod: return try layout.fold(input.integers(), from: 1, &*)
        case .l1:
            return try layout.fold(input.integers(), from: 0) { $0 &+ (type.isSignedInteger && $1 < 0 ? 0 &- $1 : $1) }
        case .sumSquare: return try layout.fold(input.integers(), from: 0) { $0 &+ $1 &* $1 }
        case .max: return try type.elements(orderKeys: layout.fold(input.orderKeys(), from: type.orderedRange.lowerBound, max))
        case .min: return try type.elements(orderKeys: layout.fold(input.orderKeys(), from: type.orderedRange.upperBound, min))
        case .mean where type != .uint64:
            let count = Int64(layout.reducedCount)
            return try layout.fold(input.integers(), from: 0, &+).map { count == 0 ? 0 : $0 / count }
        case .mean, .l2, .logSum, .logSumExp: return nil
        }
    }
}

extension ElementType {
    /// The smallest and largest key of `Tensor.orderKeys`.
    fileprivate var orderedRange: ClosedRange<Int64> {
        if self == .bool { return 0...1 }
        if self == .uint64 { return .min ... .max }
        return integerRange ?? .min ... .max
    }
}

extension ArgReduction: ReferenceKernel {
    /// NaN is more extreme than any number, as in NumPy.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let axis = try Indexing.axis(self.axis, rank: input.rank)
        let view = AxisView(input.shape, axis: axis)
        var shape = input.shape
        if keepDimensions { shape[axis] = 1 } else { shape.remove(at: axis) }
        guard view.length > 0 || view.outer == 0 || view.inner == 0 else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected elements along axis \(axis)")
        }
        let indices =
            input.elementType.isInteger
            ? search(try input.orderKeys(), view) { self.function == .max ? $0 > $1 : $0 < $1 }
            : search(try input.reals(), view) { candidate, best in
                if candidate.isNaN || best.isNaN { return candidate.isNaN && !best.isNaN }
                return function == .max ? candidate > best : candidate < best
            }
        return [try Tensor(indices, shape: shape)]
    }

    /// Along every line, the index of the element that no other one beats.
    private func search<Element>(_ values: [Element], _ view: AxisView, beats: (Element, Element) -> Bool) -> [Int64] {
        var result: [Int64] = []
        guard view.length > 0 else { return result }
        view.forEachLine { start in
            var best = 0
            for index in 1..<max(1, view.length) {
                let candidate = values[start + index * view.inner], current = values[start + best * view.inner]
                if beats(candidate, current) || (selectsLastIndex && !beats(current, candidate)) { best = index }
            }
            result.append(Int64(best))
        }
        return result
    }
}

extension CumulativeSum: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let axes = try arguments.required(Operand.axis).indices()
        guard axes.count == 1 else { throw CleaveError(.shapeMismatch, "the axis has \(axes.count) elements, expected 1") }
        let view = AxisView(input.shape, axis: try Indexing.axis(axes[0], rank: input.rank))
        switch try input.numbers() {
        case .reals(let values): return [try Tensor(sums(values, view), shape: input.shape, as: input.elementType)]
        case .integers(let values): return [try Tensor(sums(values, view), shape: input.shape, as: input.elementType)]
        }
    }

    private func sums<Element: Accumulator>(_ values: [Element], _ view: AxisView) -> [Element] {
        var result = values
        view.forEachLine { start in
            var sum = Element.zero
            for step in 0..<view.length {
                let index = start + (reverse ? view.length - 1 - step : step) * view.inner
                let next = sum.adding(values[index])
                result[index] = exclusive ? sum : next
                sum = next
            }
        }
        return result
    }
}
