import GraphIR
import Tensors

extension Gemm: DifferentiableOperator {
    /// With A′ and B′ the operands as multiplied: dA′ = alpha·dY·B′ᵀ, dB′ = alpha·A′ᵀ·dY, dC = beta·dY.
    func differentiate(in pass: inout BackwardPass) throws {
        let (a, b, gradient) = (try pass.operand(Operand.a), try pass.operand(Operand.b), try pass.outputGradient())
        func product(_ transposeLeft: Bool, _ transposeRight: Bool) -> Operator {
            .gemm(Gemm(alpha: alpha, beta: 1, transposeA: transposeLeft, transposeB: transposeRight, broadcastsLegacy: false))
        }
        try pass.give(to: Operand.a) {
            transposeA
                ? try $0.emit(product(transposeB, true), [b, gradient])
                : try $0.emit(product(false, !transposeB), [gradient, b])
        }
        try pass.give(to: Operand.b) {
            transposeB
                ? try $0.emit(product(true, transposeA), [gradient, a])
                : try $0.emit(product(!transposeA, false), [a, gradient])
        }
        try pass.give(to: Operand.c) { try $0.scale(gradient, by: Double(beta)) }
    }
}

extension MatMul: DifferentiableOperator {
    /// dA = dY·Bᵀ and dB = Aᵀ·dY, vectors taken as a row and a column.
    func differentiate(in pass: inout BackwardPass) throws {
        let (a, b, output) = (try pass.operand(Operand.a), try pass.operand(Operand.b), try pass.outputGradient())
        let (shapeA, shapeB) = (try pass.writer.shape(a), try pass.writer.shape(b))
        let rows = shapeA.count == 1 ? [1] + shapeA : shapeA
        let columns = shapeB.count == 1 ? shapeB + [1] : shapeB
        var full = try pass.writer.shape(output)
        if shapeB.count == 1 { full.append(1) }
        if shapeA.count == 1 { full.insert(1, at: full.count - 1) }
        let gradient = try pass.writer.reshape(output, to: full)
        try pass.give(to: Operand.a) {
            let transposed = try $0.transposeMatrices($0.reshape(b, to: columns))
            let product = try $0.emit(.matMul(MatMul()), [gradient, transposed])
            return try $0.reshape($0.unbroadcast(product, to: rows), to: shapeA)
        }
        try pass.give(to: Operand.b) {
            let transposed = try $0.transposeMatrices($0.reshape(a, to: rows))
            let product = try $0.emit(.matMul(MatMul()), [transposed, gradient])
            return try $0.reshape($0.unbroadcast(product, to: columns), to: shapeB)
        }
    }
}

extension NodeWriter {
    /// The last two dimensions exchanged.
    fileprivate mutating func transposeMatrices(_ x: ValueID) throws -> ValueID {
        let rank = try shape(x).count
        return try transpose(x, Array(0..<rank - 2) + [rank - 1, rank - 2])
    }
}

extension Einsum: DifferentiableOperator {
    /// The gradient of an operand is the sum of products of the output's gradient and the other operands, over what the operand does
    /// not have. A diagonal is a product with the identity; along a dimension that nothing else has, the gradient repeats.
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        let operands = try pass.node.inputs.indices.map { try pass.operand(at: $0) }
        let parsed = try EinsumEquation(equation, ranks: operands.map { try pass.writer.shape($0).count })
        var letters = EinsumLetters()
        let terms = try parsed.operands.map { try $0.map { try letters.letter(for: $0) } }
        let output = try parsed.output.map { try letters.letter(for: $0) }
        for index in operands.indices {
            let others = operands.indices.filter { $0 != index }
            var letters = letters
            try pass.give(toOperandAt: index) { writer in
                let shape = try writer.shape(operands[index])
                var (factors, labels) = ([gradient] + others.map { operands[$0] }, [output] + others.map { terms[$0] })
                var target: [Character] = []
                for (axis, letter) in terms[index].enumerated() {
                    guard target.contains(letter) else { target.append(letter); continue }
                    let copy = try letters.unused()
                    factors.append(try writer.identityMatrix(shape[axis], as: writer.elementType(gradient)))
                    labels.append([letter, copy])
                    target.append(copy)
                }
                let available = Set(labels.joined())
                let kept = target.filter { available.contains($0) }
                let equation = labels.map { String($0) }.joined(separator: ",") + "->" + String(kept)
                let product = try writer.emit(.einsum(Einsum(equation: equation)), factors)
                let lengths = try writer.shape(product)
                var remaining = lengths.makeIterator()
                let full = target.map { available.contains($0) ? remaining.next() ?? 1 : 1 }
                let repeated = target.indices.map { available.contains(target[$0]) ? full[$0] : shape[$0] }
                return try writer.expand(writer.reshape(product, to: full), to: repeated)
            }
        }
    }
}

/// Gives every label of an equation a letter, so that no ellipsis is left.
private struct EinsumLetters {
    private var letters: [EinsumEquation.Label: Character] = [:]
    private var free = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".reversed())

    mutating func letter(for label: EinsumEquation.Label) throws -> Character {
        if let known = letters[label] { return known }
        let letter = try unused()
        letters[label] = letter
        return letter
    }

    mutating func unused() throws -> Character {
        guard let letter = free.popLast() else {
            throw CleaveError(.unsupported, "the equation has more than 52 different dimensions")
        }
        return letter
    }
}

extension NodeWriter {
    fileprivate mutating func identityMatrix(_ length: Int, as type: ElementType) throws -> ValueID {
        try emit(.eyeLike(EyeLike(elementType: type, diagonal: 0)), [zeros([length, length], as: type)])
    }
}
