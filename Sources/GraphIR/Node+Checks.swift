import Tensors

extension Node {
    /// - Throws: `CleaveError` when the node has too few or too many operands or outputs, or lacks a required operand.
    func checkCounts() throws {
        func check(_ ids: [ValueID?], _ allowed: ClosedRange<Int>, _ what: String) throws {
            guard allowed.contains(ids.count) else {
                let expected =
                    allowed.upperBound == .max ? "at least \(allowed.lowerBound)"
                    : allowed.lowerBound == allowed.upperBound ? "\(allowed.lowerBound)"
                    : "\(allowed.lowerBound) to \(allowed.upperBound)"
                throw CleaveError(.invalidGraph, "has \(ids.count) \(what)\(ids.count == 1 ? "" : "s"), expected \(expected)")
            }
        }
        let payload = type(of: `operator`.payload)
        try check(inputs, payload.operandCount, "operand")
        try check(outputs, payload.outputCount, "output")
        let required = payload.operandCount.upperBound == .max ? inputs.count : payload.operandCount.lowerBound
        var optionalCount = 0
        switch `operator` {
        case .opaque: return
        case .loop: optionalCount = 2
        case .scan(let scan): optionalCount = scan.isBatched ? 1 : 0
        default: break
        }
        if let missing = inputs.prefix(required).dropFirst(optionalCount).firstIndex(of: nil) {
            throw CleaveError(.invalidGraph, "operand \(missing) is left out, but it is required")
        }
    }
}
