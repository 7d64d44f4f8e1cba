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
