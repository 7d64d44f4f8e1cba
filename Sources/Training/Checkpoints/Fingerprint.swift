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

/// 64 bits that two different runs of bytes hardly ever share: FNV-1a over words, each step mixed as in SplitMix64.
package struct Checksum {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    package var text: String { String(state, radix: 16) }

    init(text: String) { self.init(Array(text.utf8)) }

    init(_ tensor: Tensor) {
        add(UnsafeRawBufferPointer(start: nil, count: 0))
        for string in tensor.strings ?? [] { string.withUnsafeBytes { add($0) } }
        tensor.withUnsafeBytes { add($0) }
    }

    init(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }
    package init(_ bytes: UnsafeRawBufferPointer) { add(bytes) }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let whole = bytes.count / 8 * 8
        for offset in stride(from: 0, to: whole, by: 8) { add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        add(bytes[whole...].reduce(UInt64(bytes.count)) { $0 << 8 ^ UInt64($1) })
    }

    private mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x100_0000_01B3
        state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        state ^= state >> 27
    }
}
