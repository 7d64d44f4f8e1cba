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

    /// - Throws: `CleaveError` for a malformed equation, or shapes that do not fit it.
    init(equation text: String, shapes: [[Int]]) throws {
        let equation = try EinsumEquation(text, ranks: shapes.map(\.count))
        let lengths = try equation.lengths(shapes.map { $0.map { .known($0) } })
        var seen = Set(equation.output)
        let summed = equation.operands.joined().filter { seen.insert($0).inserted }
        func shape(of labels: [EinsumEquation.Label]) -> [Int] { labels.map { lengths[$0]?.known ?? 1 } }
        outputShape = shape(of: equation.output)
        summedShape = shape(of: summed)
        strides = zip(equation.operands, shapes).map { labels, shape in
            let memory = Indexing.strides(shape)
            // A label that occurs twice walks the diagonal: its strides add up. Length 1 is repeated.
            func stride(_ label: EinsumEquation.Label) -> Int {
                labels.indices.reduce(0) { labels[$1] == label && shape[$1] != 1 ? $0 + memory[$1] : $0 }
            }
            return (equation.output.map(stride), summed.map(stride))
        }
        _ = try resultCount(outputShape)
    }

    /// The sum over the summed indices of the product of all operands.
    func contract<Element: Accumulator>(_ operands: [[Element]]) -> [Element] {
        let rowLength = summedShape.last ?? 1
        let rowSteps = strides.map { $0.summed.last ?? 0 }
        var result: [Element] = []
        forEachPosition(in: outputShape) { position in
            var sum = Element.zero
            forEachPosition(in: Array(summedShape.dropLast())) { row in
                var places = strides.map { offset(of: position, strides: $0.output) + offset(of: row, strides: $0.summed) }
                for _ in 0..<rowLength {
                    var product = operands[0][places[0]]
                    for operand in operands.indices.dropFirst() { product = product.multiplied(by: operands[operand][places[operand]]) }
                    sum = sum.adding(product)
                    for operand in operands.indices { places[operand] += rowSteps[operand] }
                }
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
