import GraphIR
import Tensors

extension Unique: ReferenceKernel {
    /// Sorted order is that of numbers, of bytes for strings, and lexicographic for slices.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        var input = try arguments.required(Operand.input)
        if axis == nil { input = try input.reshaped([input.count]) }
        let axis = try Indexing.axis(self.axis ?? 0, rank: input.rank)
        let view = AxisView(input.shape, axis: axis)
        let length = view.length
        let ranks = try input.elementRanks()
        _ = try Tensor.allocatableCount(of: [length], .string)
        let slices = (0..<length).map { index in
            var slice: [Int64] = []
            for row in 0..<(input.count == 0 ? 0 : view.outer) {
                let begin = (row * length + index) * view.inner
                slice += ranks[begin..<(begin + view.inner)]
            }
            return slice
        }
        let ordered = slices.indices.sorted { left, right in
            slices[left] == slices[right] ? left < right : slices[left].lexicographicallyPrecedes(slices[right])
        }
        // Groups of equal slices in ascending order, each with its members in order of occurrence.
        var groups: [[Int]] = []
        for index in ordered {
            if let last = groups.last, slices[last[0]] == slices[index] {
                groups[groups.count - 1].append(index)
            } else {
                groups.append([index])
            }
        }
        if !sorted { groups.sort { $0[0] < $1[0] } }
        var group = [Int64](repeating: 0, count: length)
        for (number, members) in groups.enumerated() {
            for member in members { group[member] = Int64(number) }
        }
        return [
            try input.picking(groups.map { $0[0] }, along: axis),
            Tensor(vector: groups.map { Int64($0[0]) }),
            Tensor(vector: group),
            Tensor(vector: groups.map { Int64($0.count) }),
        ]
    }
}

extension Tensor {
    /// Integers that are equal, and ordered, where the elements are.
    fileprivate func elementRanks() throws -> [Int64] {
        guard let strings else { return try orderKeys() }
        let order = strings.indices.sorted { strings[$0].lexicographicallyPrecedes(strings[$1]) }
        var ranks = [Int64](repeating: 0, count: strings.count)
        for (left, right) in zip(order, order.dropFirst()) {
            ranks[right] = ranks[left] + (strings[left] == strings[right] ? 0 : 1)
        }
        return ranks
    }
}
