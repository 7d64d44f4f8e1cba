import GraphIR
import Tensors

extension OperatorTable {
    static let activations: [OperatorEntry] = [
        activation("Relu", since: 6) { _ in .relu },
        activation("Sigmoid", since: 6) { _ in .sigmoid },
        activation("Tanh", since: 6) { _ in .tanh },
        activation("Softplus", since: 1) { _ in .softplus },
        activation("Softsign", since: 1) { _ in .softsign },
        activation("HardSwish", since: 14) { _ in .hardSwish },
        activation("Mish", since: 18) { _ in .mish },
        activation("LeakyRelu", since: 6) { .leakyRelu(alpha: try $0.float("alpha", default: 0.01)) },
        activation("Elu", since: 6) { .elu(alpha: try $0.float("alpha", default: 1)) },
        activation("Selu", since: 6) {
            .selu(
                alpha: try $0.float("alpha", default: Activation.seluAlpha), gamma: try $0.float("gamma", default: Activation.seluGamma))
        },
        activation("Celu", since: 12) { .celu(alpha: try $0.float("alpha", default: 1)) },
        activation("HardSigmoid", since: 6) {
            .hardSigmoid(alpha: try $0.float("alpha", default: 0.2), beta: try $0.float("beta", default: 0.5))
        },
        activation("ThresholdedRelu", since: 10) { .thresholdedRelu(alpha: try $0.float("alpha", default: 1)) },
        activation("Shrink", since: 9) {
            .shrink(bias: try $0.float("bias", default: 0), lambda: try $0.float("lambd", default: 0.5))
        },
        activation("Gelu", since: 20) { reader in
            switch try reader.string("approximate") ?? "none" {
            case "none": .gelu(tanhApproximation: false)
            case "tanh": .gelu(tanhApproximation: true)
            case let text: throw AttributeReader.unknown(text, "approximate", expected: ["none", "tanh"])
            }
        },
    ] + Softmax.Function.allCases.map { function in
        OperatorEntry(function.rawValue, since: 1) {
            let flattens = $0.opset < 13
            return .softmax(Softmax(function: function, axis: try $0.int("axis", default: flattens ? 1 : -1), flattens: flattens))
        }
    }

    private static func activation(
        _ name: String, since first: Int, function: @escaping @Sendable (inout AttributeReader) throws -> Activation.Function
    ) -> OperatorEntry {
        OperatorEntry(name, since: first) { .activation(Activation(function: try function(&$0))) }
    }
}

extension Activation {
    /// Defaults of `Selu`, from "Self-Normalizing Neural Networks" (Klambauer et al.), as ONNX rounds them.
    static let seluAlpha: Float = 1.673263192
    static let seluGamma: Float = 1.050701022

    func write(to writer: inout AttributeWriter) {
        switch function {
        case .relu, .sigmoid, .tanh, .softplus, .softsign, .hardSwish, .mish: break
        case .leakyRelu(let alpha): writer.float("alpha", alpha, default: 0.01)
        case .elu(let alpha), .celu(let alpha), .thresholdedRelu(let alpha): writer.float("alpha", alpha, default: 1)
        case .selu(let alpha, let gamma):
            writer.float("alpha", alpha, default: Self.seluAlpha)
            writer.float("gamma", gamma, default: Self.seluGamma)
        case .hardSigmoid(let alpha, let beta):
            writer.float("alpha", alpha, default: 0.2)
            writer.float("beta", beta, default: 0.5)
        case .shrink(let bias, let lambda):
            writer.float("bias", bias, default: 0)
            writer.float("lambd", lambda, default: 0.5)
        case .gelu(let tanhApproximation): if tanhApproximation { writer.string("approximate", "tanh") }
        }
    }
}

extension Softmax {
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(!flattens || writer.opset < 13, "the input is taken as a matrix", upTo: 12)
        try writer.require(flattens || writer.opset >= 13, "one axis is normalized", since: 13)
        writer.int("axis", axis)
    }
}
