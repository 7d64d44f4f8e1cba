import Tensors

/// What no backend runs by design: it is carried from import to export, and a compiler for convolutional networks has no use for more.
public enum NotRun: String, CaseIterable, Sendable {
    case sequences
    case optionals = "optional values"
    case maps
    case sparseTensors = "sparse tensors"
    case strings = "operators on text"
    case recurrentCells = "recurrent cells"
    case training = "operators for training"

    /// What to say when a backend is asked to.
    public func reason(on backend: String) -> String { "the \(backend) backend does not run \(rawValue)" }
}

extension OpaqueOperator {
    /// Why the operator is not run, when that is by design.
    public var notRun: NotRun? {
        if domain.hasPrefix("ai.onnx.preview.training") || domain == "ai.onnx.training" { return .training }
        guard domain.isEmpty || domain == "ai.onnx" else { return nil }
        switch name {
        case "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap",
            "SplitToSequence", "ConcatFromSequence":
            return .sequences
        case "Optional", "OptionalGetElement", "OptionalHasElement": return .optionals
        case "StringNormalizer", "StringConcat", "StringSplit", "RegexFullMatch": return .strings
        case "LSTM", "GRU", "RNN": return .recurrentCells
        default: return nil
        }
    }
}

extension ValueType {
    /// Why values of the type are not computed with; `nil` for tensors.
    public var notRun: NotRun? {
        switch self {
        case .tensor: nil
        case .sparseTensor: .sparseTensors
        case .sequence: .sequences
        case .optional: .optionals
        case .map, .opaque: .maps
        }
    }
}

extension Operator {
    /// What to say when a backend has no kernel: an operator of ONNX's own is carried unread because of what it is for, its opset or its
    /// attributes.
    public func reasonAgainstRunning(on backend: String) -> String {
        guard case .opaque(let payload) = self else { return "the \(backend) backend does not run this operator" }
        if let family = payload.notRun { return family.reason(on: backend) }
        return "the \(backend) backend does not run this operator"
            + (payload.domain.isEmpty ? " as this opset and these attributes have it" : "")
    }
}
