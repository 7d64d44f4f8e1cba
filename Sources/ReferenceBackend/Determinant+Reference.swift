import GraphIR
import Tensors

extension Determinant: ReferenceKernel {
    /// The product of the pivots of Gaussian elimination, negated once per exchange of rows.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard input.rank >= 2, let size = input.shape.last, input.shape[input.rank - 2] == size else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected square matrices")
        }
        let values = try input.reals()
        let shape = Array(input.shape.dropLast(2))
        let results = (0..<Indexing.product(shape)).map { matrix in
            Self.determinant(Array(values[matrix * size * size..<(matrix + 1) * size * size]), size: size)
        }
        return [try Tensor(results, shape: shape, as: input.elementType)]
    }

    private static func determinant(_ elements: [Double], size: Int) -> Double {
        var rows = elements
        var result = 1.0
        for column in 0..<size {
            let pivot = (column..<size).max { rows[$0 * size + column].magnitude < rows[$1 * size + column].magnitude } ?? column
            if pivot != column {
                for place in 0..<size { rows.swapAt(pivot * size + place, column * size + place) }
                result = -result
            }
            let head = rows[column * size + column]
            result *= head
            guard head != 0 else { return result }
            for row in column + 1..<max(column + 1, size) {
                let factor = rows[row * size + column] / head
                for place in column..<size { rows[row * size + place] -= factor * rows[column * size + place] }
            }
        }
        return result
    }
}
