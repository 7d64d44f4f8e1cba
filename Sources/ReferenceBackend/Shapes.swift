import Foundation
import Tensors

/// The number of elements of a result of `shape`, which kernels compute in Double or Int64.
/// - Throws: `CleaveError` when that would need more memory than the machine has.
func resultCount(_ shape: [Int]) throws -> Int { try Tensor.allocatableCount(of: shape, .float64) }

/// Calls `body` with the coordinates of every position of `shape`, in row-major order.
func forEachPosition(in shape: [Int], _ body: ([Int]) throws -> Void) rethrows {
    guard shape.allSatisfy({ $0 > 0 }) else { return }
    var position = [Int](repeating: 0, count: shape.count)
    repeat { try body(position) } while Indexing.advance(&position, in: shape)
}

/// Where a position lies in memory.
func offset(of position: [Int], strides: [Int]) -> Int {
    var result = 0
    for axis in position.indices { result += position[axis] * strides[axis] }
    return result
}

/// A tensor seen as [outer, length, inner] around one axis.
struct AxisView {
    let outer: Int
    let length: Int
    let inner: Int

    /// - Precondition: `axis` is a dimension of `shape`.
    init(_ shape: [Int], axis: Int) {
        outer = Indexing.product(shape[..<axis])
        length = shape[axis]
        inner = Indexing.product(shape[(axis + 1)...])
    }

    /// Calls `body` with the offset of the first element of every line along the axis; its elements are `inner` apart. A tensor
    /// without elements has no lines.
    func forEachLine(_ body: (Int) throws -> Void) rethrows {
        guard length > 0, inner > 0 else { return }
        for block in 0..<outer {
            for line in 0..<inner { try body(block * length * inner + line) }
        }
    }
}

// MARK: - Broadcasting

/// The shape that all `shapes` broadcast to, by NumPy's rule.
/// - Throws: `CleaveError` when two lengths differ and neither is 1.
func broadcastShape(_ shapes: [[Int]]) throws -> [Int] {
    let rank = shapes.map(\.count).max() ?? 0
    var result = [Int](repeating: 1, count: rank)
    for shape in shapes {
        for (axis, length) in zip((rank - shape.count)..., shape) where length != 1 {
            guard result[axis] == 1 || result[axis] == length else {
                throw CleaveError(
                    .shapeMismatch,
                    "shapes \(shapes.map(\.description).joined(separator: " and ")) cannot be broadcast: lengths \(result[axis]) "
                        + "and \(length) differ, expected equal ones or 1")
            }
            result[axis] = length
        }
    }
    return result
}

/// Strides under which elements of `shape` are read as if they had shape `target`: 0 along what is repeated.
/// - Throws: `CleaveError` when `shape` does not broadcast to `target`.
func broadcastStrides(_ shape: [Int], to target: [Int]) throws -> [Int] {
    let missing = target.count - shape.count
    guard missing >= 0, zip(shape, target.dropFirst(missing)).allSatisfy({ $0 == $1 || $0 == 1 }) else {
        throw CleaveError(.shapeMismatch, "shape \(shape) cannot be broadcast to \(target)")
    }
    let strides = zip(shape, Indexing.strides(shape)).map { $0 == 1 ? 0 : $1 }
    return [Int](repeating: 0, count: missing) + strides
}

/// `elements` of `shape`, repeated to `target`.
/// - Throws: `CleaveError` when `shape` does not broadcast to `target`, or the result is too large.
func broadcast<Element>(_ elements: [Element], shape: [Int], to target: [Int]) throws -> [Element] {
    if shape == target { return elements }
    let strides = try broadcastStrides(shape, to: target)
    let count = try resultCount(target)
    guard let rowLength = target.last, let rowStride = strides.last else { return elements }
    var result: [Element] = []
    result.reserveCapacity(count)
    forEachPosition(in: Array(target.dropLast())) { position in
        let start = offset(of: position, strides: strides)
        if rowStride == 0 {
            if rowLength > 0 { result.append(contentsOf: repeatElement(elements[start], count: rowLength)) }
        } else {
            result.append(contentsOf: elements[start..<start + rowLength])
        }
    }
    return result
}

/// Runs `body` for every index below `count` on all cores. Each index must write memory of its own: then the result does not
/// depend on which core did what.
func concurrently(_ count: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        nonisolated(unsafe) let body = body
        DispatchQueue.concurrentPerform(iterations: count) { body($0) }
    }
}
