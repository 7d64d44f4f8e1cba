import GraphIR
import Tensors

extension Constant: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { [value.tensor] }
}

extension ConstantOfShape: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let shape = try arguments.required(Operand.shape).indices()
        let element = value ?? Tensor(scalar: Float(0))
        guard element.count == 1 else {
            throw CleaveError(.invalidAttribute, "value has shape \(element.shape), expected a single element")
        }
        return [try element.repeated(shape: shape)]
    }
}

extension EyeLike: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard input.rank == 2 else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected a matrix")
        }
        let type = elementType ?? input.elementType
        let (rows, columns) = (input.shape[0], input.shape[1])
        // The diagonal holds (row, row + diagonal); beyond the corners it is empty.
        let shift = min(max(diagonal, -rows), columns)
        let first = max(0, -shift)
        let ones = (first..<max(first, min(rows, columns - shift))).map { $0 * columns + $0 + shift }
        let one = try Tensor([1.0], shape: [1], as: type)
        return [
            try Tensor.assembled(shape: input.shape, elementType: type) {
                try $0.copy(BlockCopy(count: ones.count, sources: ones.map { _ in 0 }, targets: ones, blockLength: 1), from: one)
            }
        ]
    }
}

extension NumberRange: ReferenceKernel {
    /// max(⌈(limit − start) / delta⌉, 0) elements.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let operands = try [Operand.start, .limit, .delta].map { try arguments.required($0) }
        let type = operands[0].elementType
        guard operands.allSatisfy({ $0.count == 1 && $0.elementType == type }) else {
            throw CleaveError(.shapeMismatch, "the operands are \(operands), expected three single numbers of one type")
        }
        if type.isInteger {
            let values = try operands.map { try $0.integers()[0] }
            let (start, limit, delta) = (values[0], values[1], values[2])
            guard delta != 0 else { throw CleaveError(.invalidRequest, "delta is 0") }
            // The distance of two Int64 fits a UInt64 only.
            let distance = delta > 0 ? (limit > start ? UInt64(bitPattern: limit &- start) : 0)
                : (start > limit ? UInt64(bitPattern: start &- limit) : 0)
            let count = distance == 0 ? 0 : (distance - 1) / delta.magnitude + 1
            let shape = [try Tensor.allocatableCount(of: [Int(clamping: count)], .int64)]
            return [try Tensor((0..<Int64(shape[0])).map { start &+ $0 &* delta }, shape: shape, as: type)]
        }
        let values = try operands.map { try $0.reals()[0] }
        let (start, limit, delta) = (values[0], values[1], values[2])
        let count = ((limit - start) / delta).rounded(.up)
        guard count.isFinite else {
            throw CleaveError(.invalidRequest, "start \(start), limit \(limit) and delta \(delta) have no finite number of elements")
        }
        let shape = [try Tensor.allocatableCount(of: [max(0, Int(clamping: count))], .float64)]
        return [try Tensor((0..<shape[0]).map { start + Double($0) * delta }, shape: shape, as: type)]
    }
}
