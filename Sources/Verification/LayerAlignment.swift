import GraphIR

/// Which values of two graphs stand for the same tensor.
///
/// A value of the candidate stands for the original's of the same name, which rewrites keep. Where values were renamed, or one was
/// named anew, the recorded origin says it: what stands for several nodes makes what the last of them made, and where several
/// nodes stand for one, the last of them does. A name that is the same by accident, as numbers are, gives way to the origin.
struct LayerAlignment {
    struct Pair {
        /// The original's node that makes the value.
        var node: Node
        var value: String
        var candidateValue: String
        /// That of the candidate's node.
        var origin: Origin?
    }

    /// In the original's order of execution.
    private(set) var pairs: [Pair] = []

    private let candidate: Graph
    private let original: Graph
    /// Places in the original's order of execution by the names that origins have for nodes; `nil` for a name of several nodes.
    private let places: [String: Int?]

    init(candidate: Graph, original: Graph) {
        self.candidate = candidate
        self.original = original
        places = Self.places(in: original)
        var standIns: [Int: Node] = [:]
        for node in candidate.nodes { if let place = place(of: node) { standIns[place] = node } }
        var named: [ValueID: Value] = [:]
        for (place, node) in original.nodes.enumerated() {
            for id in node.outputs { if let id { named[id] = namesake(of: id, place: place) } }
        }
        var taken = Set(named.values.map(\.id))
        for (place, node) in original.nodes.enumerated() {
            for (index, id) in node.outputs.enumerated() {
                guard let id, original.isComparable(id) else { continue }
                var counterpart = named[id]
                if counterpart == nil, let standIn = standIns[place], standIn.outputs.indices.contains(index),
                    let output = standIn.outputs[index], candidate.isComparable(output), taken.insert(output).inserted
                {
                    counterpart = candidate[output]
                }
                guard let counterpart else { continue }
                pairs.append(
                    Pair(
                        node: node, value: original[id].name, candidateValue: counterpart.name,
                        origin: candidate.producer(of: counterpart.id)?.origin))
            }
        }
    }

    /// A node that a rewrite made answers to the names of those that it stands for, every other to its own label.
    private static func places(in graph: Graph) -> [String: Int?] {
        var places: [String: Int?] = [:]
        var isRewritten: [String: Bool] = [:]
        for (place, node) in graph.nodes.enumerated() {
            for name in node.origin?.nodes ?? [graph.label(of: node)] {
                // Two layers made of one node: the second makes what the node made. Two nodes of one name: it says nothing.
                let isContinued = node.origin != nil && isRewritten[name] == true
                places.updateValue(places[name] == nil || isContinued ? place : nil, forKey: name)
                isRewritten[name] = node.origin != nil
            }
        }
        return places
    }

    /// The place of the last of the original's nodes that `node` stands for; `nil` when its origin does not say, or one of them
    /// is not known.
    private func place(of node: Node) -> Int? {
        guard let names = node.origin?.nodes, !names.isEmpty else { return nil }
        let found = names.compactMap { places[$0] ?? nil }
        return found.count == names.count ? found.max() : nil
    }

    /// The candidate's value of the same name, unless its origin says that it stands for another.
    private func namesake(of id: ValueID, place: Int) -> Value? {
        guard original.isComparable(id), let value = candidate.value(named: original[id].name), candidate.isComparable(value.id),
            let maker = candidate.producer(of: value.id)
        else { return nil }
        if original.isOutput(id) && candidate.isOutput(value.id) { return value }
        // Made by the same rewrite of the same nodes, as one of two layers that stand for one.
        if let origin = maker.origin?.nodes, origin == original.producer(of: id)?.origin?.nodes { return value }
        return self.place(of: maker).map { $0 == place } ?? true ? value : nil
    }
}

extension Graph {
    /// Whether the value is a tensor, as far as is known.
    fileprivate func isComparable(_ id: ValueID) -> Bool { self[id].type == nil || self[id].tensorType != nil }
}
