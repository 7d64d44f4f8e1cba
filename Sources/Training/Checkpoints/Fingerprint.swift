import Datasets
import Foundation
import GraphIR
import Tensors

/// What a network is, in so many checksums that two of them show where they differ.
public struct NetworkFingerprint: Hashable, Codable, Sendable {
    struct Part: Hashable, Codable, Sendable {
        /// For a person: `node 'conv1' (Conv)`, `tensor 'w' float32[64, 3, 7, 7]`.
        var name: String
        var checksum: String
    }

    private let parts: [Part]

    /// Of inputs, constants, nodes and outputs; the name of the graph and metadata are left out.
    public init(_ network: Graph) {
        func name(_ id: ValueID?) -> String { id.map { network[$0].name } ?? "" }
        var parts = network.inputs.map { id in
            Part(name: "input '\(name(id))'", checksum: Checksum(text: network[id].type?.description ?? "").text)
        }
        for value in network.values {
            guard let tensor = value.constant else { continue }
            parts.append(Part(name: "tensor '\(value.name)' \(tensor)", checksum: Checksum(tensor).text))
        }
        for node in network.nodes {
            var text = node.operator.attributeTexts.map { "\($0.name): \($0.value)" } + node.inputs.map(name) + node.outputs.map(name)
            if case .constant(let constant) = node.operator { text.append(Checksum(constant.value.tensor).text) }
            let label = "node '\(network.label(of: node))' (\(node.operator.name))"
            parts.append(Part(name: label, checksum: Checksum(text: text.joined(separator: "\n")).text))
        }
        parts += network.outputs.map { Part(name: "output '\(name($0))'", checksum: "") }
        self.parts = parts
    }

    /// What is different in `other`, for a person; `nil` when nothing is.
    func difference(in other: NetworkFingerprint) -> String? {
        guard self != other else { return nil }
        let (mine, theirs) = (Set(parts.map(\.name)), Set(other.parts.map(\.name)))
        if let surplus = other.parts.first(where: { !mine.contains($0.name) }) {
            return "it has \(surplus.name), which the checkpoint's has not"
        }
        if let missing = parts.first(where: { !theirs.contains($0.name) }) {
            return "it has no \(missing.name), which the checkpoint's has"
        }
        let changed = zip(parts, other.parts).first { $0 != $1 }
        return "its \(changed?.1.name ?? "order of nodes") is not the same as the checkpoint's"
    }
}

/// What a run learns from.
public struct DataFingerprint: Hashable, Codable, Sendable {
    private let count: Int
    private let classes: [String]
    private let labels: String

    public init(_ split: DatasetSplit) {
        count = split.count
        classes = split.classes
        labels = split.labels.withUnsafeBytes { Checksum($0).text }
    }

    func difference(in other: DataFingerprint) -> String? {
        if count != other.count { return "it has \(other.count) training images, the checkpoint's \(count)" }
        if classes != other.classes { return "its classes are not the checkpoint's" }
        return labels == other.labels ? nil : "its labels are not the checkpoint's"
    }
}
