import Foundation
import GraphIR
import Tensors

/// An equation applied to shapes: which index runs along which dimension.
struct EinsumPlan {
    /// Lengths of the output's dimensions.
    let outputShape: [Int]
    /// Lengths of the summed indices.
    let summedShape: [Int]
    /// Per operand, its stride along every output dimension and every summed index.
    let strides: [(output: [Int], summed: [Int])]

    /// An index of the equation: a letter, or a dimension of the ellipsis counted from its end.
    private enum Index: Hashable {
        case letter(Character)
        case ellipsis(Int)
    }

    /// - Throws: `CleaveError` for a malformed equation, or shapes that do not fit it.
    init(equation: String, shapes: [[Int]]) throws {
        func malformed(_ reason: String) -> CleaveError {
            CleaveError(.invalidAttribute, "equation '\(equation)' \(reason)")
        }
        let sides = equation.filter { $0 != " " }.components(separatedBy: "->")
        guard sides.count <= 2 else { throw malformed("has more than one '->'") }
        let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard terms.count == shapes.count else { throw malformed("has \(terms.count) terms, expected \(shapes.count), one per operand") }

        var lengths: [Index: Int] = [:]
        var occurrences: [Index: Int] = [:]
        var operands: [[Index]] = []
        for (term, shape) in zip(terms, shapes) {
            guard let indices = Self.indices(of: term, rank: shape.count) else {
                throw malformed("has the term '\(term)', which does not fit shape \(shape)")
            }
            for (index, length) in zip(indices, shape) {
                let known = lengths[index] ?? 1
                guard known == 1 || length == 1 || known == length else {
                    throw CleaveError(.shapeMismatch, "an index of equation '\(equation)' has lengths \(known) and \(length), expected one")
                }
                lengths[index] = length == 1 ? known : length
                occurrences[index, default: 0] += 1
            }
            operands.append(indices)
        }
        let ellipsisRank = lengths.keys.reduce(0) { if case .ellipsis(let place) = $1 { max($0, place + 1) } else { $0 } }
        let output: [Index]
        if sides.count == 2 {
            guard let indices = Self.indices(of: sides[1], rank: Self.rank(of: sides[1], ellipsisRank: ellipsisRank)),
                Set(indices).count == indices.count, indices.allSatisfy({ lengths[$0] != nil })
            else { throw malformed("has the output '\(sides[1])', expected each index of the operands at most once") }
            output = indices
        } else {
            // Implicit output: the ellipsis, then the letters that occur once, in alphabetical order.
            let letters = occurrences.compactMap { index, count -> Character? in
                if case .letter(let letter) = index, count == 1 { letter } else { nil }
            }
            output = (0..<ellipsisRank).reversed().map { .ellipsis($0) } + letters.sorted().map { .letter($0) }
        }
        let summed = Self.firstOccurrences(operands.joined()).filter { !output.contains($0) }
        outputShape = output.map { lengths[$0] ?? 1 }
        summedShape = summed.map { lengths[$0] ?? 1 }
        strides = zip(operands, shapes).map { indices, shape in
            let memory = Indexing.strides(shape)
            // An index that occurs twice walks the diagonal: its strides add up. Length 1 is repeated.
            func stride(_ index: Index) -> Int {
                indices.indices.reduce(0) { indices[$1] == index && shape[$1] != 1 ? $0 + memory[$1] : $0 }
            }
            return (output.map(stride), summed.map(stride))
        }
        _ = try resultCount(outputShape)
        _ = try resultCount(summedShape)
    }

    /// The index of every dimension that `term` stands for; `nil` when it is malformed or has another rank.
    private static func indices(of term: String, rank: Int) -> [Index]? {
        let parts = term.components(separatedBy: "...")
        guard parts.count <= 2, parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isLetter } }) else { return nil }
        let letters = parts.reduce(0) { $0 + $1.count }
        let ellipsis = rank - letters
        guard parts.count == 2 ? ellipsis >= 0 : ellipsis == 0 else { return nil }
        return parts[0].map { .letter($0) } + (0..<ellipsis).reversed().map { .ellipsis($0) }
            + (parts.count == 2 ? parts[1].map { .letter($0) } : [])
    }

    private static func rank(of term: String, ellipsisRank: Int) -> Int {
        term.filter { $0 != "." }.count + (term.contains("...") ? ellipsisRank : 0)
    }

    private static func firstOccurrences(_ indices: some Sequence<Index>) -> [Index] {
        var seen: Set<Index> = []
        return indices.filter { seen.insert($0).inserted }
    }

    /// The sum over the summed indices of the product of all operands.
    func contract<Element: Accumulator>(_ operands: [[Element]]) -> [Element] {
        var steps: [[Int]] = strides.map { _ in [] }
        forEachPosition(in: summedShape) { position in
            for (operand, stride) in strides.enumerated() { steps[operand].append(offset(of: position, strides: stride.summed)) }
        }
        var result: [Element] = []
        forEachPosition(in: outputShape) { position in
            let starts = strides.map { offset(of: position, strides: $0.output) }
            var sum = Element.zero
            for step in steps[0].indices {
                var product = operands[0][starts[0] + steps[0][step]]
                for operand in operands.indices.dropFirst() {
                    product = product.multiplied(by: operands[operand][starts[operand] + steps[operand][step]])
                }
                sum = sum.adding(product)
            }
            result.append(sum)
        }
        return result
    }
}

extension Einsum: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let operands = try arguments.allRequired()
        let type = operands[0].elementType
        for operand in operands { try type.requireSame(as: operand.elementType) }
        let plan = try EinsumPlan(equation: equation, shapes: operands.map(\.shape))
        if type.isInteger {
            return [try Tensor(plan.contract(operands.map { try $0.integers() }), shape: plan.outputShape, as: type)]
        }
        return [try Tensor(plan.contract(operands.map { try $0.reals() }), shape: plan.outputShape, as: type)]
    }
}

extension KernelArguments {
    /// All operands of an operator that takes any number of them, at least one.
    /// - Throws: `CleaveError` when there is none, or one is left out.
    func allRequired() throws -> [Tensor] {
        let tensors = operands.compactMap { $0 }
        guard !tensors.isEmpty, tensors.count == operands.count else {
            throw CleaveError(.invalidGraph, "\(operands.count - tensors.count) of \(operands.count) operands are left out, expected none")
        }
        return tensors
    }
}
