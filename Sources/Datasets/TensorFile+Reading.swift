import Foundation
import ONNXFormat
import Tensors

extension TensorFile {
    /// Reads an npz or npy file, a `.pb` file with one tensor, a folder with `input_0.pb`, `output_0.pb` …, or a folder of
    /// such folders called `test_data_set_0` ….
    /// - Throws: `CleaveError` when the file cannot be read or is of another kind.
    public init(reading path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { throw AtomicFile.failure("cannot read", path) }
        self.path = path
        if status.st_mode & S_IFMT == S_IFDIR {
            contents = .dataSets(try Self.dataSets(in: path))
            return
        }
        switch FilePath.name(of: path).split(separator: ".").dropFirst().last?.lowercased() {
        case "npz":
            contents = .archive(try NumpyArchive(contentsOf: path).entries.map { Entry(name: $0.name, tensor: $0.tensor) })
        case "npy":
            contents = .archive([Entry(name: nil, tensor: try NumpyArray.read(from: path))])
        case "pb":
            contents = .dataSets([(inputs: [try Self.entry(path)], outputs: [])])
        default:
            throw CleaveError(
                .file, "expected arrays in a file that ends in .npz, .npy or .pb, or a folder of .pb files", at: .init(file: path))
        }
    }

    private static func dataSets(in folder: String) throws -> [(inputs: [Entry], outputs: [Entry])] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        let inputs = numbered(names, prefix: "input_", suffix: ".pb")
        guard inputs.isEmpty else {
            let outputs = numbered(names, prefix: "output_", suffix: ".pb")
            return [
                (
                    inputs: try inputs.map { try entry(folder + "/" + $0) },
                    outputs: try outputs.map { try entry(folder + "/" + $0) }
                )
            ]
        }
        let sets = numbered(names, prefix: "test_data_set_", suffix: "")
        guard !sets.isEmpty else {
            throw CleaveError(
                .file, "the folder holds no test data, expected input_0.pb or test_data_set_0", at: .init(file: folder))
        }
        return try sets.flatMap { try dataSets(in: folder + "/" + $0) }
    }

    /// The names of the form prefix, number, suffix, in the order of their numbers.
    private static func numbered(_ names: [String], prefix: String, suffix: String) -> [String] {
        let found = names.compactMap { name -> (name: String, number: Int)? in
            guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
            return Int(name.dropFirst(prefix.count).dropLast(suffix.count)).map { (name, $0) }
        }
        return found.sorted { $0.number < $1.number }.map(\.name)
    }

    private static func entry(_ path: String) throws -> Entry {
        let file = try ONNXTensor(path: path)
        return Entry(name: file.name.isEmpty ? nil : file.name, tensor: file.tensor)
    }
}
