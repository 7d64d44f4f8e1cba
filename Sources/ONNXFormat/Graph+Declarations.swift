import GraphIR
import Tensors

/// What a file declares of values, held against what inference says of them.
extension Graph {
    /// - Throws: `CleaveError` when an output has elements of another type than it is declared with.
    func checkDeclaredOutputs() throws {
        for output in outputs.map({ self[$0] }) {
            guard let declared = output.encoding?.declaredType?.tensor, let actual = output.tensorType,
                declared.elementType != actual.elementType
            else { continue }
            throw CleaveError(
                .typeMismatch, "the graph's output has elements of \(actual.elementType), expected \(declared.elementType) as declared",
                at: .init(tensor: output.name))
        }
    }

    /// Notes where the file declares what cannot be, so that export does not hide it.
    mutating func markContradictions() throws {
        let wrong = values.filter { value in
            guard let declared = value.encoding?.declaredType, let type = value.type else { return false }
            return !declared.isCompatible(with: type)
        }
        guard !wrong.isEmpty else { return }
        try edit { editor in
            for value in wrong {
                var encoding = value.encoding
                encoding?.contradictedType = value.type
                editor.setEncoding(value.id, to: encoding)
            }
        }
    }
}
