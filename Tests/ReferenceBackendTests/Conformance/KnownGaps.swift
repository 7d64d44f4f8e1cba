/// Why a conformance case does not pass yet. A gap that starts to pass fails the suite, so that the list stays true.
enum KnownGap: Hashable {
    /// Cleave does not know the operator.
    case operatorNotKnown(String)
    /// The expected outputs are random numbers of NumPy's generator.
    case randomNumbers
    /// Something other than tensors flows between the nodes.
    case notOnlyTensors

    var reason: String {
        switch self {
        case .operatorNotKnown(let name): "operator \(name) is not known"
        case .randomNumbers: "expects the random numbers of NumPy's generator"
        case .notOnlyTensors: "computes with sequences, optionals or strings"
        }
    }
}

extension ConformanceCase {
    static let knownGaps: [String: KnownGap] = [:]
}
