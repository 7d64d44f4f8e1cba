import GraphIR
import Tensors

extension Graph {
    /// Checks that `given` has a tensor for every input, nothing else, and that types and shapes fit the declared ones;
    /// a symbolic length must be the same wherever its name occurs.
    /// - Throws: `CleaveError` naming the input.
    public func checkInputs(_ given: [String: Tensor]) throws {
        let names = inputs.map { self[$0].name }
        if let surplus = given.keys.sorted().first(where: { !names.contains($0) }) {
            throw CleaveError(
                .invalidRequest, "there is no such input, expected \(names.map { "'\($0)'" }.joined(separator: ", "))",
                at: .init(tensor: surplus), suggestion: "name the tensors after the model's inputs")
        }
        var lengths: [String: Int] = [:]
        for id in inputs {
            let input = self[id]
            guard let tensor = given[input.name] else {
                throw CleaveError(.invalidRequest, "no tensor is given for the input", at: .init(tensor: input.name))
            }
            guard let type = input.tensorType else { continue }
            guard tensor.elementType == type.elementType else {
                throw CleaveError(
                    .typeMismatch, "the input has elements of \(tensor.elementType), expected \(type.elementType)",
                    at: .init(tensor: input.name))
            }
            guard let shape = type.shape else { continue }
            var fits = shape.count == tensor.rank
            for (dimension, length) in zip(shape, tensor.shape) where fits {
                switch dimension {
                case .known(let expected): fits = expected == length
                case .symbolic(let symbol):
                    guard let name = symbol.name else { continue }
                    fits = lengths[name, default: length] == length
                    lengths[name] = length
                case .unknown: break
                }
            }
            guard fits else {
                throw CleaveError(
                    .shapeMismatch, "the input has shape \(tensor.shape), expected [\(shape.map(\.description).joined(separator: ", "))]",
                    at: .init(tensor: input.name))
            }
        }
    }
}
