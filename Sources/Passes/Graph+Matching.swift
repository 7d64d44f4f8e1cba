import GraphIR
import Tensors

/// Questions that rules ask of a graph.
extension Graph {
    /// Whether the value must keep its name and meaning: it is a graph output, or a subgraph reads it by name.
    func isVisible(_ id: ValueID) -> Bool { isOutput(id) || isCaptured(id) }

    /// Whether one operand position of one node is all that sees the value.
    func isPrivate(_ id: ValueID) -> Bool { useCount(of: id) == 1 && !isVisible(id) }

    /// The node that reads a private value; `nil` when the value is not private.
    func soleReader(of id: ValueID) -> Node? { isPrivate(id) ? consumers(of: id).first : nil }

    /// Why a value is not private, for a skip.
    func sharingReason(of id: ValueID, madeBy producer: Node) -> SkipReason {
        let what = "the output of \(producer.operator.name)"
        if isOutput(id) { return SkipReason("\(what) before it is also a graph output") }
        if isCaptured(id) { return SkipReason("\(what) before it is also read by a subgraph") }
        return SkipReason("\(what) before it is read \(useCount(of: id)) times")
    }

    /// The first output when nobody needs any other; `nil` otherwise.
    func onlyOutput(of node: Node) -> ValueID? {
        guard let first = node.outputs.first, let first else { return nil }
        let others = node.outputs.dropFirst().compactMap { $0 }
        return others.allSatisfy { useCount(of: $0) == 0 && !isOutput($0) } ? first : nil
    }

    /// The elements of an integer operand when all are known: of a constant, or by inference.
    func knownIntegers(_ id: ValueID?) -> [Int]? {
        guard let id else { return nil }
        if let contents = self[id].contents {
            let known = contents.compactMap(\.known)
            return known.count == contents.count ? known : nil
        }
        guard let tensor = constant(id), tensor.elementType != .uint64 else { return nil }
        return tensor.int64s()?.map { Int($0) }
    }

    /// Whether a `Dropout` is known to hand its operand on: it drops nothing at random.
    func isInactive(_ dropout: Dropout, _ node: Node) -> Bool {
        guard let training = node.input(Dropout.Operand.trainingMode) else { return !dropout.isTraining }
        return constant(training)?.doubles()?.allSatisfy { $0 == 0 } == true
    }

    func shape(of id: ValueID?) -> [Dimension]? { id.flatMap { self[$0].tensorType?.shape } }

    func elementType(of id: ValueID?) -> ElementType? { id.flatMap { self[$0].tensorType?.elementType } }
}

extension [Dimension] {
    /// Whether both shapes are the same on every run.
    func isCertainlyEqual(to other: [Dimension]) -> Bool {
        count == other.count && zip(self, other).allSatisfy { $0 != .unknown && $0 == $1 }
    }

    /// Whether both shapes are the same on every run, given that they have the same number of elements: then one
    /// length may be unknown, as it follows from the others.
    func isCertainlyEqual(toEquallyMany other: [Dimension]) -> Bool {
        guard count == other.count else { return false }
        let open = zip(self, other).filter { $0 == .unknown || $0 != $1 }
        if open.isEmpty { return true }
        let others = zip(self, other).filter { $0 != .unknown && $0 == $1 }.map(\.0)
        return open.count == 1 && others.allSatisfy { ($0.known ?? 0) > 0 }
    }
}
