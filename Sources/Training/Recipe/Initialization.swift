import Foundation
import GraphIR
import Tensors

/// How the weights of a network begin.
public enum Initialization: String, CaseIterable, Hashable, Codable, Sendable {
    /// Uniform in ±√(6 / (fan-in + fan-out)), as Keras has it (Glorot and Bengio, 2010).
    case glorot
    /// Normal with deviation √(2 / fan-in) (He et al., arXiv 1502.01852).
    case he

    /// Gives the network fresh weights: those of convolutions and matrix products are random, each from the seed and its name
    /// only, their biases are 0, and normalizations do nothing (scale 1, bias 0, running mean 0 and variance 1). Other factors
    /// stay.
    /// - Parameter isChosen: asked for the name of every tensor; the others stay.
    func initialize(_ network: Graph, seed: UInt64, isChosen: (String) -> Bool) throws -> Graph {
        var fresh: [ValueID: Tensor] = [:]
        for node in network.nodes {
            for (index, operand) in node.inputs.enumerated() {
                guard let id = operand, fresh[id] == nil, let old = network.constant(id), isChosen(network[id].name),
                    let content = content(of: node, operand: index, network)
                else { continue }
                fresh[id] = try content.tensor(like: old, self, seed: seed, name: network[id].name)
            }
        }
        var result = network
        try result.edit { editor in
            for id in fresh.keys.sorted(by: { network[$0].name < network[$1].name }) {
                guard let tensor = fresh[id] else { continue }
                if let node = network.producer(of: id) {
                    editor.setOperator(node.id, to: .constant(Constant(value: .init(tensor: tensor, form: .tensor))))
                } else {
                    editor.setConstant(id, to: tensor)
                }
            }
        }
        return result
    }

    /// What a tensor begins as.
    private enum Content {
        case number(Double)
        case weights(fanIn: Double, fanOut: Double)
        case convolution(groups: Int)

        func tensor(like old: Tensor, _ initialization: Initialization, seed: UInt64, name: String) throws -> Tensor {
            var random = SeededRandom(seed: seed, name: name)
            switch (self, initialization) {
            case (.number(let number), _):
                return try Tensor([Double](repeating: number, count: old.count), shape: old.shape, as: old.elementType)
            case (.convolution(let groups), .glorot):
                return try .glorotUniform(convolution: old.shape, groups: groups, as: old.elementType, using: &random)
            case (.convolution, .he):
                let fanIn = old.shape.dropFirst().reduce(1) { $0 * Double($1) }
                return try .heNormal(shape: old.shape, fanIn: fanIn, as: old.elementType, using: &random)
            case (.weights(let fanIn, let fanOut), .glorot):
                return try .glorotUniform(shape: old.shape, fanIn: fanIn, fanOut: fanOut, as: old.elementType, using: &random)
            case (.weights(let fanIn, _), .he):
                return try .heNormal(shape: old.shape, fanIn: fanIn, as: old.elementType, using: &random)
            }
        }
    }

    private func content(of node: Node, operand index: Int, _ network: Graph) -> Content? {
        guard let id = node.inputs[index], let shape = network.constant(id)?.shape else { return nil }
        let area = shape.dropFirst(2).reduce(1) { $0 * Double($1) }
        switch node.operator {
        case .convolution(let payload):
            guard shape.count > 2 else { return index == 2 ? .number(0) : nil }
            return index == 1 ? .convolution(groups: payload.groups) : nil
        case .convolutionTranspose(let payload):
            guard shape.count > 2 else { return index == 2 ? .number(0) : nil }
            // [inputs, filters per group, …]: each input reaches the filters of its group.
            let fanIn = Double(shape[0] / max(payload.groups, 1)) * area
            return index == 1 ? .weights(fanIn: fanIn, fanOut: Double(shape[1]) * area) : nil
        case .gemm(let payload):
            guard index == 1 else { return index == 2 ? .number(0) : nil }
            guard shape.count == 2 else { return nil }
            let (rows, columns) = (Double(shape[0]), Double(shape[1]))
            return payload.transposeB ? .weights(fanIn: columns, fanOut: rows) : .weights(fanIn: rows, fanOut: columns)
        case .matMul:
            guard index == 1, shape.count == 2 else { return nil }
            return .weights(fanIn: Double(shape[0]), fanOut: Double(shape[1]))
        case .binary(let payload):
            return payload.function == .add && isBias(ofProductIn: node, network) ? .number(0) : nil
        case .batchNorm: return index == 0 ? nil : .number(index == 1 || index == 4 ? 1 : 0)
        case .instanceNorm, .layerNorm, .groupNorm, .rmsNorm: return index == 0 ? nil : .number(index == 1 ? 1 : 0)
        default: return nil
        }
    }

    /// Whether what the node adds is added to the result of a matrix product or a convolution.
    private func isBias(ofProductIn node: Node, _ network: Graph) -> Bool {
        node.inputs.compactMap { $0.flatMap { network.producer(of: $0) } }.contains { producer in
            switch producer.operator {
            case .matMul, .gemm, .convolution: true
            default: false
            }
        }
    }
}

extension Tensor {
    /// Initial weights that are normal with deviation √(2 / fanIn) (He et al., arXiv 1502.01852).
    static func heNormal(
        shape: [Int], fanIn: Double, as elementType: ElementType, using generator: inout SeededRandom
    ) throws -> Tensor {
        let deviation = (2 / max(fanIn, 1)).squareRoot()
        let values = (0..<(try elementCount(of: shape))).map { _ in deviation * generator.normal() }
        return try Tensor(values, shape: shape, as: elementType)
    }
}
