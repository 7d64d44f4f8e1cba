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
                throw CleaveError(
                    .invalidRequest, "no tensor is given for the input", at: .init(tensor: input.name),
                    suggestion: "give one under this name for every input: `cleave inspect` lists them")
            }
            guard let type = input.tensorType else { continue }
            guard tensor.elementType == type.elementType else {
                throw CleaveError(
                    .typeMismatch, "the input has elements of \(tensor.elementType), expected \(type.elementType)",
                    at: .init(tensor: input.name), suggestion: "convert the array first: array.astype('\(type.elementType)') in NumPy")
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
                    at: .init(tensor: input.name), suggestion: Self.suggestion(for: tensor.shape, declared: shape))
            }
        }
    }

    private static func suggestion(for shape: [Int], declared: [Dimension]) -> String {
        guard shape.count == declared.count, let batch = declared.first?.known, shape.first != batch,
            zip(shape, declared).dropFirst().allSatisfy({ $1.known == nil || $1.known == $0 })
        else { return "reshape or transpose the array: `cleave inspect` shows what the model expects" }
        return "the model takes a batch of \(batch): --batch \(batch) cuts arrays from a file"
    }
}
