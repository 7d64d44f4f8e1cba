import Tensors

extension Graph {
    /// The graph as text: stable from run to run, one line per input, constant, node and output, made for reading and for `diff`.
    ///
    ///     graph "resnet"
    ///     opset 17
    ///     input %x: float32[N, 3, 224, 224]
    ///     constant %w: float32[64, 3, 7, 7] #9c5f0b7d1e44a3f2
    ///     %y: float32[N, 64, 112, 112] = Conv(%x, %w, _) {group: 1, strides: [2, 2], pads: [3, 3, 3, 3]}  // "conv1"
    ///     output %y
    ///
    /// `_` stands for an operand or output that is left out, `{…}` behind a type for elements that inference follows.
    /// Small tensors are written out; larger ones show a checksum of their bytes.
    /// - Parameter checksums: whether the bytes of large tensors are read at all.
    public func textDump(checksums: Bool) -> String {
        var lines = ["graph \(quoted(name))"]
        lines += opsets.map { $0.domain.isEmpty ? "opset \($0.version)" : "opset \($0.version) of \($0.domain)" }
        lines += metadata.map { "metadata \(quoted($0.key)): \(quoted($0.value))" }
        return (lines + bodyLines(checksums: checksums)).joined(separator: "\n") + "\n"
    }

    /// Values, nodes and outputs.
    private func bodyLines(checksums: Bool) -> [String] {
        var lines = inputs.map { "input \(typedText($0))" }
        for value in values {
            guard value.source == .constant, let tensor = value.constant else { continue }
            lines.append("constant \(text(value.id)): \(tensor.summary(checksum: checksums))")
        }
        lines += values.filter { $0.source == .external }.map { "external \(typedText($0.id))" }
        lines += nodes.flatMap { self.lines(of: $0, checksums: checksums) }
        return lines + outputs.map { "output \(text($0))" }
    }

    /// The node, and its subgraphs indented below it.
    private func lines(of node: Node, checksums: Bool) -> [String] {
        var lines = [line(of: node)]
        for (name, body) in node.operator.subgraphs {
            lines.append("  \(name):")
            lines += body.graph.bodyLines(checksums: checksums).map { "    " + $0 }
        }
        return lines
    }

    private func line(of node: Node) -> String {
        let results = node.outputs.map { $0.map { typedText($0) } ?? "_" }.joined(separator: ", ")
        let operands = node.inputs.map { $0.map { text($0) } ?? "_" }.joined(separator: ", ")
        var line = "\(results) = \(node.operator.name)(\(operands))"
        let attributes = node.operator.attributeTexts.map { "\($0.name): \($0.value)" }
        if !attributes.isEmpty { line += " {\(attributes.joined(separator: ", "))}" }
        if !node.captures.isEmpty { line += " captures \(node.captures.map { text($0) }.joined(separator: ", "))" }
        var remarks: [String] = []
        if !node.name.isEmpty { remarks.append(quoted(node.name)) }
        if let origin = node.origin { remarks.append("\(origin.pass) of \(origin.nodes.map { quoted($0) }.joined(separator: ", "))") }
        return remarks.isEmpty ? line : line + "  // " + remarks.joined(separator: ", ")
    }

    /// `%name: float32[N, 64]`, with the elements that are known.
    private func typedText(_ id: ValueID) -> String {
        let value = self[id]
        let contents = value.contents.map { " {\($0.map(\.description).joined(separator: ", "))}" } ?? ""
        return "\(text(id)): \(value.type.map(\.description) ?? "unknown")\(contents)"
    }

    /// `%name`, in quotes unless it is made of letters, digits and the usual separators.
    private func text(_ id: ValueID) -> String {
        let name = self[id].name
        let isPlain = name.allSatisfy { $0.isLetter || $0.isNumber || "_./:-".contains($0) }
        return "%" + (isPlain ? name : quoted(name))
    }
}
