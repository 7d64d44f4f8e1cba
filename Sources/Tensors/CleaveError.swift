/// Everything that can be wrong with what a user gave: one sentence, where, and what to try.
///
/// An error is data: `kind` to switch over, `location` filled in from the inside out by `at(…)`, and the text of
/// `description` in one place.
public struct CleaveError: Error, Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        /// A file cannot be opened, read, written or renamed.
        case file
        /// Bytes that are not what their format says: truncated, corrupt, absurd counts.
        case malformedFile
        /// A tensor whose shape, type and data do not fit each other.
        case malformedTensor
        /// A graph that breaks a rule of the ONNX IR: cycle, missing value, duplicate name.
        case invalidGraph
        /// An attribute that is missing, of the wrong kind, or out of range.
        case invalidAttribute
        /// Operands of the wrong element type.
        case typeMismatch
        /// Operands whose shapes do not fit.
        case shapeMismatch
        /// A version of ONNX, or an operator, that is not supported here.
        case unsupported
        /// A request that cannot be met: a rank out of range, an unknown layer, nothing to compare.
        case invalidRequest
        /// Numbers on which a method is not defined: NaN weights in a decomposition.
        case invalidNumbers
        /// Work that was stopped on request.
        case cancelled
    }

    public struct Location: Sendable, Hashable {
        public var file: String?
        public var node: String?
        public var operatorName: String?
        public var tensor: String?

        public init(file: String? = nil, node: String? = nil, operatorName: String? = nil, tensor: String? = nil) {
            self.file = file
            self.node = node
            self.operatorName = operatorName
            self.tensor = tensor
        }
    }

    public var kind: Kind
    public var location: Location
    /// What is wrong, expected against actual: "weight has 5 dimensions, expected 4 (filters, channels, height, width)".
    public var problem: String
    /// What to try next, as a sentence without a full stop.
    public var suggestion: String?

    public init(_ kind: Kind, _ problem: String, at location: Location = Location(), suggestion: String? = nil) {
        self.kind = kind
        self.location = location
        self.problem = problem
        self.suggestion = suggestion
    }

    /// The same error with the parts of its location that were still open filled in.
    public func at(file: String? = nil, node: String? = nil, operatorName: String? = nil, tensor: String? = nil) -> CleaveError {
        var error = self
        error.location.file = location.file ?? file
        error.location.node = location.node ?? node
        error.location.operatorName = location.operatorName ?? operatorName
        error.location.tensor = location.tensor ?? tensor
        return error
    }
}

extension CleaveError: CustomStringConvertible {
    /// `model.onnx: node 'stage2/conv3' (Conv): tensor 'w17': …`, without the suggestion.
    public var description: String {
        var parts: [String] = []
        if let file = location.file { parts.append(file) }
        switch (location.node, location.operatorName) {
        case (let node?, let name?): parts.append("node '\(node)' (\(name))")
        case (let node?, nil): parts.append("node '\(node)'")
        case (nil, let name?): parts.append(name)
        case (nil, nil): break
        }
        if let tensor = location.tensor { parts.append("tensor '\(tensor)'") }
        parts.append(problem)
        return parts.joined(separator: ": ")
    }
}

/// Runs `body`; a `CleaveError` that leaves it gets the open parts of its location filled in.
public func locating<Result>(
    file: String? = nil, node: String? = nil, operatorName: String? = nil, tensor: String? = nil,
    _ body: () throws -> Result
) throws -> Result {
    do {
        return try body()
    } catch let error as CleaveError {
        throw error.at(file: file, node: node, operatorName: operatorName, tensor: tensor)
    }
}
