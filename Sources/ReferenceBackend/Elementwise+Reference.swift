import GraphIR
import Tensors

extension Variadic: ReferenceKernel {
    /// NaN in any operand makes the result NaN.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let operands = try arguments.allRequired()
        let type = operands[0].elementType
        for operand in operands { try type.requireSame(as: operand.elementType) }
        let shape = try broadcastShape(operands.map(\.shape))
        _ = try resultCount(shape)
        if type.isFloatingPoint {
            let columns = try operands.map { try broadcast($0.reals(), shape: $0.shape, to: shape) }
            return [try Tensor(fold(columns), shape: shape, as: type)]
        }
        guard type.isInteger else { throw CleaveError(.typeMismatch, "expected numbers, not \(type)") }
        let columns = try operands.map { try broadcast($0.orderKeys(), shape: $0.shape, to: shape) }
        switch function {
        case .max: return [try Tensor(type.elements(orderKeys: fold(columns, max)), shape: shape, as: type)]
        case .min: return [try Tensor(type.elements(orderKeys: fold(columns, min)), shape: shape, as: type)]
        case .sum, .mean:
            let sums = try fold(operands.map { try broadcast($0.integers(), shape: $0.shape, to: shape) }, &+)
            let count = Int64(operands.count)
            return [try Tensor(function == .sum ? sums : sums.map { $0 / count }, shape: shape, as: type)]
        }
    }

    private func fold(_ columns: [[Double]]) -> [Double] {
        switch function {
        case .sum: fold(columns, +)
        case .mean: fold(columns, +).map { $0 / Double(columns.count) }
        case .max: fold(columns, larger)
        case .min: fold(columns, smaller)
        }
    }

    private func fold<Element>(_ columns: [[Element]], _ function: (Element, Element) -> Element) -> [Element] {
        columns.dropFirst().reduce(columns[0]) { combine($0, $1, function) }
    }
}

extension Where: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let condition = try arguments.required(Operand.condition)
        let whenTrue = try arguments.required(Operand.whenTrue), whenFalse = try arguments.required(Operand.whenFalse)
        let type = whenTrue.elementType
        try type.requireSame(as: whenFalse.elementType)
        guard condition.elementType == .bool else {
            throw CleaveError(.typeMismatch, "the condition has elements of \(condition.elementType), expected booleans")
        }
        let shape = try broadcastShape([condition.shape, whenTrue.shape, whenFalse.shape])
        _ = try resultCount(shape)
        let flags = try broadcast(condition.integers(), shape: condition.shape, to: shape)
        func select<Element>(_ left: [Element], _ right: [Element]) throws -> [Element] {
            let left = try broadcast(left, shape: whenTrue.shape, to: shape)
            let right = try broadcast(right, shape: whenFalse.shape, to: shape)
            return flags.indices.map { flags[$0] != 0 ? left[$0] : right[$0] }
        }
        if let left = whenTrue.strings, let right = whenFalse.strings {
            return [try Tensor(shape: shape, strings: select(left, right))]
        }
        if type.isInteger || type == .bool {
            return [try Tensor(select(whenTrue.integers(), whenFalse.integers()), shape: shape, as: type)]
        }
        return [try Tensor(select(whenTrue.reals(), whenFalse.reals()), shape: shape, as: type)]
    }
}

extension Clip: ReferenceKernel {
    /// min(maximum, max(x, minimum)): the upper limit wins when the limits cross. NaN stays NaN.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let type = input.elementType
        let lower = try limit(arguments.optional(Operand.minimum), of: type)
        let upper = try limit(arguments.optional(Operand.maximum), of: type)
        if type.isInteger {
            let low = try lower?.orderKeys()[0], high = try upper?.orderKeys()[0]
            let clipped = try input.orderKeys().map { value in
                let raised = low.map { max(value, $0) } ?? value
                return high.map { min(raised, $0) } ?? raised
            }
            return [try Tensor(type.elements(orderKeys: clipped), shape: input.shape, as: type)]
        }
        let low = try lower?.reals()[0] ?? self.minimum.map(Double.init), high = try upper?.reals()[0] ?? self.maximum.map(Double.init)
        let clipped = try input.reals().map { value in
            let raised = low.map { larger(value, $0) } ?? value
            return high.map { smaller(raised, $0) } ?? raised
        }
        return [try Tensor(clipped, shape: input.shape, as: type)]
    }

    private func limit(_ tensor: Tensor?, of type: ElementType) throws -> Tensor? {
        guard let tensor else { return nil }
        try type.requireSame(as: tensor.elementType)
        guard tensor.count == 1 else { throw CleaveError(.shapeMismatch, "a limit has shape \(tensor.shape), expected a scalar") }
        return tensor
    }
}
