import GraphIR
import Tensors

/// How a network takes images: name, order of the dimensions and lengths, read off the declaration of its input.
public struct ImageInput: Hashable, Sendable {
    public enum Layout: String, Hashable, Sendable {
        /// [batch, channels, height, width], what PyTorch exports.
        case nchw
        /// [batch, height, width, channels], what TensorFlow exports.
        case nhwc
    }

    public var name: String
    public var layout: Layout
    /// Lengths that the model leaves open are `nil`.
    public var channels: Int?
    public var height: Int?
    public var width: Int?
    public var batch: Int?

    /// The network's only input with four dimensions; 1 or 3 says which one is the channels, else it is the second.
    /// - Throws: `CleaveError` when there is no such input, several, or it is not of float32.
    public init(of graph: Graph) throws {
        let candidates = graph.inputs.map { graph[$0] }.filter { $0.tensorType?.shape?.count == 4 }
        guard candidates.count == 1, graph.inputs.count == 1, let type = candidates[0].tensorType, let shape = type.shape else {
            let inputs = graph.inputs.isEmpty ? "nothing" : graph.inputs.map { "'\(graph[$0].name)'" }.joined(separator: ", ")
            throw CleaveError(.unsupported, "the model takes \(inputs), expected a single input of four dimensions for images")
        }
        guard type.elementType == .float32 else {
            throw CleaveError(
                .typeMismatch, "the model takes images of \(type.elementType), expected float32", at: .init(tensor: candidates[0].name))
        }
        name = candidates[0].name
        let lengths = shape.map(\.known)
        func isChannels(_ length: Int?) -> Bool { length == 1 || length == 3 }
        layout = isChannels(lengths[3]) && !isChannels(lengths[1]) ? .nhwc : .nchw
        batch = lengths[0]
        (channels, height, width) = layout == .nchw ? (lengths[1], lengths[2], lengths[3]) : (lengths[3], lengths[1], lengths[2])
    }

    public init(name: String, layout: Layout, channels: Int?, height: Int?, width: Int?, batch: Int?) {
        self.name = name
        self.layout = layout
        self.channels = channels
        self.height = height
        self.width = width
        self.batch = batch
    }

    /// What images of `split` measure when they reach the network: what the model says, and where it leaves that open, what
    /// they measure themselves.
    /// - Throws: `CleaveError` when neither is known.
    public func shape(for split: DatasetSplit) throws -> ImageShape {
        let own = split.shape
        guard let height = height ?? own?.height, let width = width ?? own?.width else {
            throw CleaveError(
                .shapeMismatch, "the model leaves the size of its images open, and image files may differ in theirs",
                at: .init(tensor: name),
                suggestion: "fix the size when the model is exported")
        }
        return ImageShape(channels: channels ?? own?.channels ?? 3, height: height, width: width)
    }
}
