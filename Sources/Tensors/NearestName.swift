/// The name that differs from `text` in the fewest letters (Levenshtein distance), unless all are too far off to be meant.
package func nearestName(to text: String, in names: [String]) -> String? {
    func distance(_ left: [Character], _ right: [Character]) -> Int {
        var row = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = letter == other ? diagonal : 1 + min(diagonal, above, row[j])
                diagonal = above
            }
        }
        return row[right.count]
    }
    let letters = Array(text.lowercased().prefix(32))
    let distances = names.map { distance(letters, Array($0)) }
    guard let least = distances.min(), let index = distances.firstIndex(of: least), least <= max(2, letters.count / 2) else { return nil }
    return names[index]
}
