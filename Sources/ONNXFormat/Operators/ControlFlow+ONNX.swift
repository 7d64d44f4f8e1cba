import GraphIR
import Tensors

extension OperatorTable {
    static let controlFlow: [OperatorEntry] = [
        OperatorEntry("If", since: 1) {
            .branch(
                If(thenBranch: try $0.requiredSubgraph("then_branch"), elseBranch: try $0.requiredSubgraph("else_branch")))
        },
        OperatorEntry("Loop", since: 1) { .loop(Loop(body: try $0.requiredSubgraph("body"))) },
        OperatorEntry("Scan", since: 8) { .scan(try Scan(onnx: &$0)) },
    ]
}

extension If {
    func write(to writer: inout AttributeWriter) throws {
        try writer.subgraph("else_branch", elseBranch)
        try writer.subgraph("then_branch", thenBranch)
    }
}

extension Loop {
    func write(to writer: inout AttributeWriter) throws { try writer.subgraph("body", body) }
}

extension Scan {
    init(onnx reader: inout AttributeReader) throws {
        let isBatched = reader.opset < 9
        func isReversed(_ directions: [Int]?, _ name: String) throws -> [Bool] {
            try (directions ?? []).map { direction in
                guard direction == 0 || direction == 1 else {
                    throw CleaveError(.invalidAttribute, "an entry of \(name) is \(direction), expected 0 (forward) or 1 (reverse)")
                }
                return direction == 1
            }
        }
        let inputs = isBatched ? "directions" : "scan_input_directions"
        self.init(
            body: try reader.requiredSubgraph("body"), scanInputCount: try reader.requiredInt("num_scan_inputs"),
            inputAxes: isBatched ? [] : try reader.ints("scan_input_axes") ?? [],
            inputsReversed: try isReversed(reader.ints(inputs), inputs),
            outputAxes: isBatched ? [] : try reader.ints("scan_output_axes") ?? [],
            outputsReversed: isBatched ? [] : try isReversed(reader.ints("scan_output_directions"), "scan_output_directions"),
            isBatched: isBatched)
    }

    /// - Throws: `CleaveError` for a batched scan since opset 9, and one that is not before.
    func write(to writer: inout AttributeWriter) throws {
        func given<Element>(_ list: [Element]) -> [Element]? { list.isEmpty ? nil : list }
        try writer.subgraph("body", body)
        writer.int("num_scan_inputs", scanInputCount)
        if isBatched {
            try writer.require(writer.opset < 9, "a scan over batches", upTo: 8)
            writer.ints("directions", given(inputsReversed.map { $0 ? 1 : 0 }))
            return
        }
        try writer.require(writer.opset >= 9, "a scan without batches", since: 9)
        writer.ints("scan_input_axes", given(inputAxes))
        writer.ints("scan_input_directions", given(inputsReversed.map { $0 ? 1 : 0 }))
        writer.ints("scan_output_axes", given(outputAxes))
        writer.ints("scan_output_directions", given(outputsReversed.map { $0 ? 1 : 0 }))
    }
}
