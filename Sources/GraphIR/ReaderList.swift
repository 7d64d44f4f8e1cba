/// The nodes that read a value, once per operand position or capture.
///
/// Most values have a few readers, which an array holds best; a constant that thousands of nodes share is counted in a
/// dictionary, so that adding and removing a reader takes constant time for both.
struct ReaderList: Sendable {
    private static let arrayLimit = 16

    private var few: [NodeID] = []
    private var many: [NodeID: Int] = [:]
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func add(_ node: NodeID, times: Int = 1) {
        count += times
        if many.isEmpty && few.count + times <= Self.arrayLimit {
            for _ in 0..<times { few.append(node) }
            return
        }
        for reader in few { many[reader, default: 0] += 1 }
        few = []
        many[node, default: 0] += times
    }

    /// Removes one of the entries of `node`, if it has any.
    mutating func removeOne(_ node: NodeID) {
        if let index = few.firstIndex(of: node) {
            few.swapAt(index, few.count - 1)
            few.removeLast()
            count -= 1
        } else if let entries = many[node] {
            many[node] = entries == 1 ? nil : entries - 1
            count -= 1
        }
    }

    mutating func add(_ other: ReaderList) {
        for node in other.few { add(node) }
        for (node, times) in other.many { add(node, times: times) }
    }

    /// Every reader once, by identifier.
    var distinct: [NodeID] {
        switch few.count {
        case 0: many.keys.sorted()
        case 1: few
        default: Set(few).sorted()
        }
    }

    /// How many entries each reader has.
    var counts: [NodeID: Int] { few.reduce(into: many) { $0[$1, default: 0] += 1 } }
}
