import GraphIR
import Tensors

/// Numbers that `seed` tells, or seed 0, so that a run can be repeated.
private func generator(_ seed: Float?) -> SeededRandom { SeededRandom(seed: UInt64((seed ?? 0).bitPattern)) }

extension Bernoulli: ReferenceKernel {
    /// 1 where a uniform number is below the probability, else 0.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let probabilities = try arguments.required(Operand.probabilities)
        var random = generator(seed)
        let drawn = try probabilities.reals().map { random.unit() < $0 ? 1.0 : 0 }
        return [try Tensor(drawn, shape: probabilities.shape, as: elementType ?? probabilities.elementType)]
    }
}

extension RandomNumbers: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let like = arguments.optional(Operand.like)
        guard let shape = shape ?? like?.shape else {
            throw CleaveError(.invalidGraph, "neither an attribute nor an operand gives the shape")
        }
        let type = elementType ?? (self.shape == nil ? like?.elementType : nil) ?? .float32
        var random = generator(seed)
        let values = (0..<(try resultCount(shape))).map { _ in
            switch distribution {
            case .uniform(let low, let high): random.uniform(Double(low), Double(high))
            case .normal(let mean, let scale): Double(mean) + Double(scale) * random.normal()
            }
        }
        return [try Tensor(values, shape: shape, as: type)]
    }
}
