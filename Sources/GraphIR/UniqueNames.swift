/// Gives names that nothing has yet.
package struct UniqueNames {
    private var taken: Set<String>
    private var nextSuffix: [String: Int] = [:]

    package init(taken: Set<String>) { self.taken = taken }

    /// `base`, or `base` with a number, which is then taken.
    package mutating func unique(_ base: String) -> String {
        if taken.insert(base).inserted { return base }
        var suffix = nextSuffix[base] ?? 1
        while !taken.insert("\(base)_\(suffix)").inserted { suffix += 1 }
        nextSuffix[base] = suffix + 1
        return "\(base)_\(suffix)"
    }
}
