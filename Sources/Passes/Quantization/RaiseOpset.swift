import GraphIR
import Tensors

/// Writes a graph in a later version of ONNX's operators, up to 13.
///
/// What became an operand since is made a constant, `Upsample` becomes `Resize`, and a `Softmax` that took its input for a matrix
/// gets one. Requires: opset 7 or later, no control flow, and no operators of ONNX that the graph does not know. Ensures: the same
/// function; a graph at `version` or later stays as it is.
public struct RaiseOpset: Pass {
    public let version: Int

    public static let versions = 7...13

    /// - Precondition: the version is one of `versions`.
    public init(to version: Int) {
        precondition(Self.versions.contains(version), "only opsets \(Self.versions) can be written")
        self.version = version
    }

    public var name: String { "raise-opset" }
    public var fidelity: Fidelity { .exact }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let old = graph.opset
        guard old < version else { return report }
        guard Self.versions.contains(old) else {
            throw CleaveError(
                .unsupported, "opset \(old) is too old to convert, expected \(Self.versions.lowerBound) or later",
                suggestion: "export the model again with opset \(version) or later")
        }
        try graph.edit { editor in
            let order = editor.graph.order
            let domain = editor.graph.opsets.first { $0.domain == "ai.onnx" }?.domain ?? ""
            editor.setOpset(domain: domain, version: version)
            for id in order {
                let node = editor.graph[id]
                let label = editor.graph.label(of: node)
                let detail = try locating(node: label, operatorName: node.operator.name) { try convert(node, from: old, in: &editor) }
                if let detail { report.rewrites.append(.init(node: label, detail: detail)) }
            }
        }
        return report
    }

    /// - Returns: what became of the node; `nil` when it stays as it is.
    private func convert(_ node: Node, from old: Int, in editor: inout GraphEditor) throws -> String? {
        switch node.operator {
        case .clip(let payload) where old < 11 && version >= 11:
            return try setOperands(
                of: node, [payload.minimum.map { Tensor(scalar: $0) }, payload.maximum.map { Tensor(scalar: $0) }],
                of: .clip(Clip(minimum: nil, maximum: nil)), names: ["min", "max"], in: &editor)
        case .pad(let payload) where old < 11 && version >= 11:
            return try setOperands(
                of: node, [payload.pads.map(Self.integers), payload.value == 0 ? nil : Tensor(scalar: payload.value)],
                of: .pad(Pad(mode: payload.mode, pads: nil, value: 0)), names: ["pads", "value"], in: &editor)
        case .slice(let payload) where old < 10 && version >= 10:
            guard let bounds = payload.bounds else { return nil }
            return try setOperands(
                of: node, [Self.integers(bounds.starts), Self.integers(bounds.ends), bounds.axes.map(Self.integers)],
                of: .slice(StridedSlice(bounds: nil)), names: ["starts", "ends", "axes"], in: &editor)
        case .topK(var payload) where old < 10 && version >= 10:
            let k = payload.k.map { Self.integers([$0]) }
            payload.k = nil
            return try setOperands(of: node, [k], of: .topK(payload), names: ["k"], in: &editor)
        case .dropout(var payload) where old < 12 && version >= 12:
            let ratio = payload.ratio.map { Tensor(scalar: $0) }
            (payload.ratio, payload.isTestLegacy) = (nil, nil)
            return try setOperands(of: node, [ratio], of: .dropout(payload), names: ["ratio"], in: &editor)
        case .squeeze(let payload) where version >= 13:
            return try setOperands(
                of: node, [payload.axes.map(Self.integers)], of: .squeeze(Squeeze(axes: nil)), names: ["axes"], in: &editor)
        case .unsqueeze(let payload) where version >= 13:
            return try setOperands(
                of: node, [payload.axes.map(Self.integers)], of: .unsqueeze(Unsqueeze(axes: nil)), names: ["axes"], in: &editor)
        case .split(var payload) where version >= 13:
            let sizes = payload.sizes.map(Self.integers)
            payload.sizes = nil
            return try setOperands(of: node, [sizes], of: .split(payload), names: ["split"], in: &editor)
        case .reduction(var payload) where payload.function == .sum && version >= 13:
            let axes = payload.axes.map(Self.integers)
            payload.axes = nil
            return try setOperands(of: node, [axes], of: .reduction(payload), names: ["axes"], in: &editor)
        case .softmax(let payload) where payload.flattens && version >= 13:
            return try normalizeOneAxis(payload, of: node, in: &editor)
        case .upsample(let payload) where version >= 10:
            let scales = payload.scales.map { Tensor(vector: $0) }
            return try resize(node, mode: payload.mode, scales: scales, in: &editor)
        case .resize(let payload) where old < 11 && version >= 11:
            return try resize(node, mode: payload.mode, scales: nil, in: &editor)
        case .resize(let payload) where payload.coordinates == .tfHalfPixelForNearest && version >= 13:
            throw CleaveError(
                .unsupported, "the coordinates are \(payload.coordinates.rawValue), which opset \(version) does not have",
                suggestion: "export the model again with opset \(version) or later")
        case .branch, .loop, .scan:
            throw CleaveError(
                .unsupported, "a model with control flow at opset \(old) cannot be converted to opset \(version)",
                suggestion: "export the model again with opset \(version) or later")
        case .opaque(let payload) where payload.isInONNX:
            throw CleaveError(
                .unsupported, "the operator cannot be converted from opset \(old) to \(version)",
                suggestion: "export the model again with opset \(version) or later")
        default: return nil
        }
    }

    private static func integers(_ values: [Int]) -> Tensor { Tensor(vector: values.map { Int64($0) }) }

    /// Makes attributes operands.
    private func setOperands(
        of node: Node, _ tensors: [Tensor?], of operation: Operator, names: [String], in editor: inout GraphEditor
    ) throws -> String? {
        guard tensors.contains(where: { $0 != nil }) || operation != node.operator else { return nil }
        let base = editor.graph.label(of: node)
        var inputs: [ValueID?] = [node.inputs.first ?? nil]
        for (tensor, name) in zip(tensors, names) {
            inputs.append(try tensor.map { try editor.addConstant($0, name: "\(base)_\(name)") })
        }
        while let last = inputs.last, last == nil { inputs.removeLast() }
        editor.setOperator(node.id, to: operation)
        editor.setInputs(node.id, to: inputs)
        return "attributes to operands"
    }

    /// `Resize` has the operands of opset 11: input, roi, scales.
    private func resize(_ node: Node, mode: Resize.Mode, scales: Tensor?, in editor: inout GraphEditor) throws -> String? {
        let resize = Resize(
            mode: mode, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
        let label = editor.graph.label(of: node)
        let given = try scales.map { try editor.addConstant($0, name: "\(label)_scales") } ?? (node.inputs.count > 1 ? node.inputs[1] : nil)
        editor.setOperator(node.id, to: .resize(resize))
        editor.setInputs(node.id, to: [node.inputs[0], nil, given])
        return "to Resize of opset 11"
    }

    /// A matrix of all dimensions before the axis by all from it on is normalized along its rows, and shaped back.
    private func normalizeOneAxis(_ payload: Softmax, of node: Node, in editor: inout GraphEditor) throws -> String? {
        guard let input = node.inputs[0], let output = node.outputs[0] else { return nil }
        let single = { (axis: Int) in Operator.softmax(Softmax(function: payload.function, axis: axis, flattens: false)) }
        let rank = editor.graph[input].tensorType?.rank
        if payload.axis == -1 || (rank.map { payload.axis == $0 - 1 } ?? false) {
            editor.setOperator(node.id, to: single(-1))
            return "along one axis"
        }
        let name = editor.graph[output].name
        let origin = Origin(pass: self.name, nodes: [])
        let shape = try editor.insertSingle(
            .shapeOf(ShapeOf(start: 0, end: nil)), inputs: [input], output: .new(name: name + "_shape"), name: node.name + "/Shape",
            before: node.id, origin: origin)
        let matrix = try editor.insertSingle(
            .flatten(Flatten(axis: payload.axis)), inputs: [input], output: .new(name: name + "_matrix"), name: node.name + "/Flatten",
            before: node.id, origin: origin)
        let normalized = try editor.insertSingle(
            single(-1), inputs: [matrix], output: .new(name: name + "_normalized"), name: node.name, before: node.id,
            origin: editor.origin(of: [node], pass: self.name))
        try editor.insert(
            .reshape(Reshape(shape: nil, allowZero: false)), inputs: [normalized, shape], outputs: [.existing(output)],
            name: node.name + "/Reshape", before: node.id, origin: origin)
        editor.remove(node.id)
        return "along the rows of a matrix"
    }
}
