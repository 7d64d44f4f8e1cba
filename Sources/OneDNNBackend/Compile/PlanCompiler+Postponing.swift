import GraphIR
import Tensors

/// What is computed from parameters alone is compiled when somebody reads it: so weights that are rounded before they are used lie as the
/// one who uses them wants.
extension PlanCompiler {
    /// Puts a group off that reads nothing but what the session keeps, so that weights that are rounded before they are used lie as
    /// the one who uses them wants. Only programs that round their weights have such groups.
    /// - Returns: whether it was put off.
    mutating func postpone(_ group: Group, _ index: Int) -> Bool {
        guard roundsParameters else { return false }
        let values = group.nodes.flatMap { $0.outputs.compactMap { $0 } }
        let isFixed = group.nodes.flatMap(\.reads).map(program.resolve).allSatisfy { id in
            training.isHeld(id) || program.constant(id) != nil || postponed[id] != nil || values.contains(id)
        }
        guard isFixed, values.allSatisfy({ isBuffered($0) && !program.outputs.contains(program.resolve($0)) }) else { return false }
        // Nothing overwrites what they read and make, as it is not known when they run.
        for id in group.nodes.flatMap(\.reads).map(program.resolve) + values.map(program.resolve) { lastUse[id] = groups.count }
        for id in values { postponed[program.resolve(id)] = index }
        return true
    }

    /// Decides how weights lie that nobody has read yet: those that the session keeps, or those that are rounded to make these.
    mutating func settleWeights(_ id: ValueID, in layout: Layout) {
        if isUnsettled(id) {
            settle(id, in: layout)
        } else if let index = postponed[program.resolve(id)], case .fakeQuantize = groups[index].anchor.operator,
            let source = groups[index].anchor.inputs[0], isUnsettled(source)
        {
            settle(source, in: layout)
        }
    }

    /// Compiles the group of a value that was put off.
    /// - Returns: whether there was one.
    mutating func lowerPostponed(_ id: ValueID) throws -> Bool {
        guard let index = postponed[id] else { return false }
        for output in groups[index].nodes.flatMap(\.outputs).compactMap({ $0 }) { postponed[program.resolve(output)] = nil }
        let wasSplitting = isSplitting
        isSplitting = false
        defer { isSplitting = wasSplitting }
        try lower(groups[index])
        return true
    }

    /// The parameter whose gradient a value is, or becomes by the gradient of a fake quantization.
    func parameter(withGradient id: ValueID) -> ValueID? {
        let id = program.resolve(id)
        if let own = training.parameters.first(where: { program.resolve($0.gradient) == id }) { return own.value }
        for node in (program.readers[id] ?? []).map({ program.nodes[$0] }) {
            guard case .fakeQuantizeGradient = node.operator, let input = node.input(FakeQuantizeGradient.Operand.input),
                node.input(FakeQuantizeGradient.Operand.outputGradient).map(program.resolve) == id, training.isHeld(program.resolve(input))
            else { continue }
            return input
        }
        return nil
    }
}

extension Node {
    var isFakeQuantization: Bool { if case .fakeQuantize = self.operator { true } else { false } }
}
