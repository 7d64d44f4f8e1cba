import GraphIR
import Tensors

/// The form that a network's residual blocks have their larger convolutions in.
public enum NetworkForm: String, CaseIterable, Hashable, Sendable {
    /// n×n convolutions.
    case standard
    /// n×1, then 1×n, both with as many filters as the convolution.
    case spatial
    /// n×n for every input channel alone, then 1×1.
    case depthwise
}

/// The networks that can be built in code; the raw values are their names on the command line.
public enum ZooModel: String, CaseIterable, Hashable, Sendable {
    /// Keras's ResNet50V2: pre-activation bottleneck blocks (He et al., "Identity Mappings in Deep Residual Networks", 2016).
    case resnet50v2
    case resnet101v2
    case resnet152v2
    /// The same kind of network with four narrow blocks on 32×32 images, for demonstrations and tests.
    case resnet14v2
    /// ResNet-20 for 32×32 images (He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2), with shortcuts
    /// that have no parameters.
    case resnet20
    /// The same with one block per stack instead of three.
    case resnet8

    /// Name of the graph.
    public var title: String {
        switch self {
        case .resnet50v2: "ResNet50V2"
        case .resnet101v2: "ResNet101V2"
        case .resnet152v2: "ResNet152V2"
        case .resnet14v2: "ResNet14V2"
        case .resnet20: "ResNet-20"
        case .resnet8: "ResNet-8"
        }
    }

    /// Classes that the network was published with.
    public var defaultClasses: Int {
        switch self {
        case .resnet50v2, .resnet101v2, .resnet152v2: 1000
        case .resnet14v2, .resnet20, .resnet8: 10
        }
    }

    /// [C, H, W] that the network was published with.
    public var defaultInput: [Int] {
        switch self {
        case .resnet50v2, .resnet101v2, .resnet152v2: [3, 224, 224]
        case .resnet14v2, .resnet20, .resnet8: [3, 32, 32]
        }
    }

    /// Builds the network: input `input` float32 [N, C, H, W] with a symbolic batch `N`, output `predictions` [N, classes], opset 17.
    ///
    /// - Parameters:
    ///   - input: [C, H, W]
    ///   - form: of the convolutions with n > 1 inside residual blocks.
    ///   - seed: of the Glorot-uniform weights; each layer's depend on the seed and the layer's name only.
    ///   - softmax: whether the output is probabilities, as Keras has it, or the logits before them.
    /// - Throws: `CleaveError` when there are no classes, or the image is too small or absurdly large.
    public func graph(classes: Int, input: [Int], form: NetworkForm, seed: UInt64, softmax: Bool) throws -> Graph {
        try Self.check(classes: classes, input: input)
        var graph = Graph(name: form == .standard ? title : "\(title)-\(form.rawValue.capitalized)", opset: 17)
        try graph.edit { editor in
            var network = NetworkBuilder(editor, seed: seed, form: form)
            let image = try network.input("input", shape: input)
            let features =
                switch self {
                case .resnet50v2: try network.resNetV2(image, blocks: [3, 4, 6, 3])
                case .resnet101v2: try network.resNetV2(image, blocks: [3, 4, 23, 3])
                case .resnet152v2: try network.resNetV2(image, blocks: [3, 8, 36, 3])
                case .resnet14v2: try network.narrowResNetV2(image)
                case .resnet20: try network.resNetForSmallImages(image, blocksPerStack: 3)
                case .resnet8: try network.resNetForSmallImages(image, blocksPerStack: 1)
                }
            try network.classifier(features, classes: classes, softmax: softmax)
            editor = network.editor
        }
        return graph
    }

    /// - Throws: `CleaveError` when there are no classes, or the input is not three lengths, or one of them is absurd.
    public static func check(classes: Int, input: [Int]) throws {
        guard (1...1_000_000).contains(classes) else {
            throw CleaveError(.invalidRequest, "the number of classes is \(classes), expected 1 to 1000000")
        }
        guard input.count == 3, input.allSatisfy({ (1...65_536).contains($0) }) else {
            throw CleaveError(
                .invalidRequest, "the input is \(input), expected three lengths (channels, height, width) from 1 to 65536",
                suggestion: "an image of 32×32 pixels and three colours is 3x32x32")
        }
    }
}
