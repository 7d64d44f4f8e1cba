import GraphIR

/// Why a conformance case does not pass although its operators are run. A gap that starts to pass, or fails for another reason,
/// fails the suite, so that the list stays true.
public enum KnownGap: CaseIterable, Hashable, Sendable {
    case randomNumbers
    case dataContradictsModel
    case truncatedBFloat16

    public var reason: String {
        switch self {
        case .randomNumbers: "expects the random numbers of NumPy's generator, which ONNX does not prescribe"
        case .dataContradictsModel: "gives the input `like` another shape than the model declares"
        case .truncatedBFloat16: "expects numbers cut off to bfloat16, where the specification rounds"
        }
    }

    /// Whether this is what a case failed of.
    public func explains(_ failure: String) -> Bool {
        switch self {
        case .randomNumbers, .truncatedBFloat16: failure.contains(": element ")
        case .dataContradictsModel: failure.contains("tensor 'like': the input has shape [1], expected [3, 4]")
        }
    }

    public var cases: [String] {
        switch self {
        case .randomNumbers:
            [
                "test_bernoulli", "test_bernoulli_double", "test_bernoulli_double_expanded", "test_bernoulli_expanded",
                "test_bernoulli_seed", "test_bernoulli_seed_expanded", "test_training_dropout", "test_training_dropout_default",
                "test_training_dropout_default_mask", "test_training_dropout_mask",
            ]
        case .dataContradictsModel:
            [
                "test_castlike_BFLOAT16_to_FLOAT", "test_castlike_BFLOAT16_to_FLOAT_expanded", "test_castlike_FLOAT_to_BFLOAT16",
                "test_castlike_FLOAT_to_BFLOAT16_expanded",
            ]
        case .truncatedBFloat16: ["test_cast_FLOAT_to_BFLOAT16"]
        }
    }
}

extension ConformanceCase {
    /// By the case's name.
    public static let knownGaps: [String: KnownGap] = {
        var gaps: [String: KnownGap] = [:]
        for gap in KnownGap.allCases {
            for name in gap.cases { gaps[name] = gap }
        }
        return gaps
    }()
}
