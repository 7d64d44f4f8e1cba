import Tensors

/// What names a data set, everywhere: a format and where it lies, `cifar10:DIR`.
public struct DatasetSpecification: Hashable, Sendable, CustomStringConvertible {
    public enum Format: String, CaseIterable, Sendable {
        /// CIFAR-10's binary version: `data_batch_1.bin` …, `test_batch.bin`, `batches.meta.txt`.
        case cifar10
        /// CIFAR-100's binary version: `train.bin`, `test.bin`, `fine_label_names.txt`; the fine labels are used.
        case cifar100
        /// Files as MNIST's, plain or gzipped: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-…`.
        case idx
        /// A folder of JPEG and PNG files per class, in `train/` and `test/` or `val/`, or without splits.
        case folder
        /// NumPy arrays `x_train`, `y_train`, `x_test`, `y_test`, or `x` and `y`.
        case npz
    }

    public var format: Format
    /// A folder; for `npz` a file.
    public var path: String

    public init(_ format: Format, _ path: String) {
        self.format = format
        self.path = path
    }

    /// - Throws: `CleaveError` for a format that there is none of, or without a path.
    public init(parsing text: String) throws {
        let forms = Format.allCases.map { "\($0.rawValue):\($0 == .npz ? "FILE" : "DIR")" }.joined(separator: ", ")
        guard let colon = text.firstIndex(of: ":") else {
            throw CleaveError(
                .invalidRequest, "the data set '\(text)' names no format, expected one of \(forms)",
                suggestion: "say what the files are: folder:\(text.isEmpty ? "DIR" : text)")
        }
        let name = String(text[..<colon])
        guard let format = Format(rawValue: name) else {
            throw CleaveError(
                .invalidRequest, "the data set's format is '\(name)', expected one of \(forms)",
                suggestion: nearestName(to: name, in: Format.allCases.map(\.rawValue)).map { "try \($0)\(text[colon...])" })
        }
        let path = String(text[text.index(after: colon)...])
        guard !path.isEmpty else {
            throw CleaveError(.invalidRequest, "the data set '\(text)' has no path, expected one of \(forms)")
        }
        self.init(format, path)
    }

    public var description: String { "\(format.rawValue):\(path)" }
}

/// The name that differs from `text` in the fewest letters (Levenshtein distance), unless all are too far off to be meant.
func nearestName(to text: String, in names: [String]) -> String? {
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
