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
        guard isInDefaultDomain else { return nil }
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

extension OpaqueOperator {
    /// Whether the operator is of ONNX Runtime's own: its optimizer makes such ones, for a kernel that only the runtime has.
    public var isOfRuntime: Bool { domain == "com.microsoft" || domain.hasPrefix("com.microsoft.") }

    /// Whether the operator is a convolution in a form that only ONNX Runtime knows.
    public var isConvolutionOfRuntime: Bool { isOfRuntime && name.hasSuffix("Conv") }
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
        if payload.isInONNX { return "the \(backend) backend does not run this operator as this opset and these attributes have it" }
        return payload.isInDefaultDomain
            ? "'\(payload.name)' is not an operator of ONNX up to opset \(Graph.supportedOpsets.upperBound)"
            : "the \(backend) backend does not run this operator"
    }

    /// What to try when a backend has no kernel.
    public var suggestionAgainstRunning: String? {
        guard case .opaque(let payload) = self, payload.notRun == nil else { return nil }
        if payload.isOfRuntime {
            return "export the model without the optimizations of ONNX Runtime, and a quantized one in its QDQ format"
        }
        if payload.isInONNX { return "export the model again with opset \(Graph.supportedOpsets.upperBound)" }
        return payload.isInDefaultDomain
            ? "is its name spelled right, and is its domain missing? Export the model again"
            : "export the model with operators of ONNX alone, or with the function that the operator stands for"
    }
}
