import GraphIR
import Tensors

/// Where the samples come from that models are run on.
public enum SampleSource: Sendable {
    /// `count` samples of random numbers, the same ones for the same seed, names, types and shapes; see `RandomInputs`.
    case random(count: Int, seed: UInt64, shapes: InputShapes = InputShapes())
    case samples([Sample])

    public var count: Int {
        switch self {
        case .random(let count, _, _): max(0, count)
        case .samples(let samples): samples.count
        }
    }

    /// The shapes of random samples by input name; `nil` for samples that are there already.
    /// - Throws: as `InputShapes.resolved(for:)`.
    public func inputShapes(for graph: Graph) throws -> [String: [Int]]? {
        guard case .random(_, _, let shapes) = self else { return nil }
        return Dictionary(try shapes.resolved(for: graph).map { ($0.name, $0.shape) }) { first, _ in first }
    }

    /// Sample `index` for the inputs of `graph`; random ones are made on demand.
    /// - Throws: `CleaveError` naming the input for which no random tensor can be made.
    public func sample(_ index: Int, for graph: Graph) throws -> Sample {
        switch self {
        case .samples(let samples): return samples[index]
        case .random(_, let seed, let shapes):
            return Sample(inputs: try randomInputs(for: graph, shapes: shapes, seed: seed, index: index))
        }
    }
}

/// Lengths for the dimensions that a model leaves open.
public struct InputShapes: Hashable, Sendable {
    /// Length of a leading dimension that the model leaves open.
    public var batch: Int
    /// Complete shapes by input name; they win over everything else.
    public var shapes: [String: [Int]]

    public init(batch: Int = 1, shapes: [String: [Int]] = [:]) {
        self.batch = batch
        self.shapes = shapes
    }

    /// The shape of every input of `graph`, in the order of the inputs: the given one, or the declared one with `batch`
    /// for an open leading dimension and 1 for every other.
    /// - Throws: `CleaveError` for a shape that is given for no input, does not fit the declared one, or is not given
    ///   although the model does not even declare a rank.
    public func resolved(for graph: Graph) throws -> [(name: String, shape: [Int])] {
        let inputs = graph.inputs.map { graph[$0] }
        if let surplus = shapes.keys.sorted().first(where: { name in !inputs.contains { $0.name == name } }) {
            let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw CleaveError(
                .invalidRequest, "a shape is given for '\(surplus)', but the \(inputs.count == 1 ? "input is" : "inputs are") "
                    + (names.isEmpty ? "none" : names),
                suggestion: "`cleave inspect` lists the inputs with their types")
        }
        return try inputs.map { input in
            if let reason = input.type?.notRun {
                throw CleaveError(
                    .unsupported, "the input is none of numbers: no backend runs \(reason.rawValue)", at: .init(tensor: input.name))
            }
            let declared = input.tensorType?.shape
            guard let given = shapes[input.name] else {
                guard let declared else {
                    throw CleaveError(
                        .invalidRequest, "the model does not say how many dimensions the input has", at: .init(tensor: input.name),
                        suggestion: "give its shape: --shape \(input.name)=1x3x224x224")
                }
                let lengths = declared.enumerated().map { axis, dimension in dimension.known ?? (axis == 0 ? batch : 1) }
                return (input.name, lengths)
            }
            let fits = declared.map { declared in
                declared.count == given.count && zip(declared, given).allSatisfy { $0.known == nil || $0.known == $1 }
            }
            guard fits ?? true, given.allSatisfy({ $0 >= 0 }) else {
                let expected = (declared ?? []).map(\.description).joined(separator: ", ")
                throw CleaveError(
                    .shapeMismatch, "the shape \(given) is given for the input, but the model declares [\(expected)]",
                    at: .init(tensor: input.name), suggestion: "give the lengths that the model fixes as they are, and any for the others")
            }
            return (input.name, given)
        }
    }
}
