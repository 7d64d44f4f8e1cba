extension Pad {
    /// Elements that are added before and after every dimension; negative ones cut off.
    /// - Parameters:
    ///   - pads: first what goes before each of `axes`, then what goes after.
    ///   - axes: `nil` for all dimensions; negative ones count from the end.
    /// - Returns: `nil` unless there are two entries per axis, and every axis is one of the `rank` dimensions.
    public static func amounts(_ pads: [Int], axes: [Int]?, rank: Int) -> (begin: [Int], end: [Int])? {
        let axes = axes ?? Array(0..<rank)
        guard pads.count == 2 * axes.count else { return nil }
        var begin = [Int](repeating: 0, count: rank)
        var end = begin
        for (index, axis) in axes.enumerated() {
            let place = axis < 0 ? axis + rank : axis
            guard begin.indices.contains(place) else { return nil }
            begin[place] = pads[index]
            end[place] = pads[axes.count + index]
        }
        return (begin, end)
    }

    /// Where the elements of a padded dimension come from, −1 for the constant.
    /// - Parameters:
    ///   - length: the dimension's before it is padded.
    ///   - begin: elements added in front, negative to cut some off; `end` likewise behind.
    /// - Returns: `nil` when there is nothing to pad with.
    public func sources(length: Int, begin: Int, end: Int) -> [Int]? {
        // What negative pads cut off is not there to be reflected or repeated.
        let first = min(max(0, -begin), length), rest = length - first - min(max(0, -end), length)
        let result = length + begin + end
        guard rest > 0 || result <= 0 || mode == .constant else { return nil }
        return (0..<max(0, result)).map { place in
            let position = place - max(0, begin)
            if mode == .constant, position < 0 || position >= rest { return -1 }
            return first + source(of: position, length: rest)
        }
    }

    /// Where a position outside 0 ..< length takes its element from.
    private func source(of position: Int, length: Int) -> Int {
        func modulo(_ value: Int, _ period: Int) -> Int { ((value % period) + period) % period }
        switch mode {
        case .constant, .edge: return min(max(position, 0), length - 1)
        case .wrap: return modulo(position, length)
        case .reflect:
            guard length > 1 else { return 0 }
            let folded = modulo(position, 2 * (length - 1))
            return min(folded, 2 * (length - 1) - folded)
        }
    }
}
