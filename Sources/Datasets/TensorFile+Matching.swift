import GraphIR
import Tensors

extension TensorFile {
    /// The tensors as samples for `graph`.
    ///
    /// - Arrays of an npz file are matched by name: one called like an input is that input, one called like an output is
    ///   what the output is expected to be, others are refused. When a model has a single input, a single array, or
    ///   a single array that is not called like an output, is taken for it whatever its name is.
    /// - ONNX test data is matched by position, as its file names say.
    ///
    /// - Parameter batch: cuts arrays into samples of this length along the leading dimension; `nil` leaves them whole.
    /// - Throws: `CleaveError` naming an input for which there is no array, an array that is neither input nor output, or arrays whose
    ///   lengths do not agree.
    public func samples(for graph: Graph, batch: Int? = nil) throws -> [Sample] {
        let inputs = graph.inputs.map { graph[$0].name }
        let outputs = graph.outputs.map { graph[$0].name }
        let samples = try locating(file: path) {
            switch contents {
            case .archive(let entries): [try Self.match(entries, inputs: inputs, outputs: outputs)]
            case .dataSets(let sets):
                try sets.map { set in
                    Sample(
                        inputs: try Self.match(set.inputs, to: inputs, kind: "input"),
                        expected: try Self.match(set.outputs, to: outputs, kind: "output"))
                }
            }
        }
        try locating(file: path) { for sample in samples { try Self.check(sample, for: graph) } }
        guard let batch else { return samples }
        return try locating(file: path) { try samples.flatMap { try $0.cut(batch) } }
    }

    /// - Throws: `CleaveError` for an array of other lengths than the model's input has, apart from the leading one.
    private static func check(_ sample: Sample, for graph: Graph) throws {
        for id in graph.inputs {
            let name = graph[id].name
            guard let tensor = sample.inputs[name], let wanted = graph[id].tensorType?.shape else { continue }
            func fits(_ shape: [Int]) -> Bool {
                shape.count == wanted.count && zip(shape, wanted).dropFirst().allSatisfy { $1.known == nil || $1.known == $0 }
            }
            guard !fits(tensor.shape) else { continue }
            var advice: String?
            if tensor.rank == 4 {
                let shape = tensor.shape
                if fits([shape[0], shape[3], shape[1], shape[2]]) { advice = "its channels come last, the model's second: transpose it" }
                if fits([shape[0], shape[2], shape[3], shape[1]]) { advice = "its channels come second, the model's last: transpose it" }
            }
            let expected = wanted.map(\.description).joined(separator: ", ")
            throw CleaveError(
                .shapeMismatch, "the array has shape \(tensor.shape), the model's input [\(expected)]", at: .init(tensor: name),
                suggestion: advice)
        }
    }

    private static func match(_ entries: [Entry], inputs: [String], outputs: [String]) throws -> Sample {
        var sample = Sample(inputs: [:])
        for entry in entries {
            guard let name = entry.name else { continue }
            if inputs.contains(name) {
                sample.inputs[name] = entry.tensor
            } else if outputs.contains(name) {
                sample.expected[name] = entry.tensor
            }
        }
        if inputs.count == 1, sample.inputs.isEmpty {
            let unclaimed = entries.filter { $0.name.map { !outputs.contains($0) } ?? true }
            if unclaimed.count == 1 { sample.inputs[inputs[0]] = unclaimed[0].tensor }
        }
        if let missing = inputs.first(where: { sample.inputs[$0] == nil }) {
            let names = entries.map { $0.name.map { "'\($0)'" } ?? "one without a name" }.joined(separator: ", ")
            throw CleaveError(
                .invalidRequest, "there is no array for the input, only \(names.isEmpty ? "an empty archive" : names)",
                at: .init(tensor: missing), suggestion: "name the arrays after the model's inputs: `cleave inspect` lists them")
        }
        let names = inputs + outputs
        if sample.inputs.count + sample.expected.count < entries.count,
            let surplus = entries.compactMap(\.name).first(where: { !names.contains($0) })
        {
            let free = names.filter { sample.inputs[$0] == nil && sample.expected[$0] == nil }
            throw CleaveError(
                .invalidRequest, "the array is neither an input nor an output of the model", at: .init(tensor: surplus),
                suggestion: nearestName(to: surplus, in: free).map { "is it '\($0)'?" }
                    ?? "leave it out; the model has \((names).map { "'\($0)'" }.joined(separator: ", "))")
        }
        return sample
    }

    private static func match(_ entries: [Entry], to names: [String], kind: String) throws -> [String: Tensor] {
        guard entries.count <= names.count else {
            throw CleaveError(
                .invalidRequest, "there are \(entries.count) \(kind)s, but the model has \(names.count)",
                suggestion: "is it the test data of another model?")
        }
        return Dictionary(uniqueKeysWithValues: zip(names, entries.map(\.tensor)))
    }
}

extension Sample {
    /// The sample in pieces of `batch` along the leading dimension; the last piece may be shorter.
    /// - Throws: `CleaveError` when the tensors do not share a leading dimension.
    public func cut(_ batch: Int) throws -> [Sample] {
        guard batch > 0 else { throw CleaveError(.invalidRequest, "a batch of \(batch) is asked for, expected at least 1") }
        let all = inputs.sorted { $0.key < $1.key } + expected.sorted { $0.key < $1.key }
        guard let length = all.first?.value.shape.first else { return [self] }
        if let other = all.first(where: { $0.value.shape.first != length }) {
            throw CleaveError(
                .shapeMismatch, "the leading dimension is \(other.value.shape.first.map(String.init) ?? "missing"), expected "
                    + "\(length) as in '\(all[0].key)', to cut both into batches", at: .init(tensor: other.key))
        }
        return try stride(from: 0, to: length, by: batch).map { start in
            let range = start..<min(start + batch, length)
            return Sample(
                inputs: try inputs.mapValues { try $0.slice(leading: range) },
                expected: try expected.mapValues { try $0.slice(leading: range) })
        }
    }
}

extension Tensor {
    /// The elements with a leading index in `range`, copied.
    /// - Precondition: `range` is within the leading dimension.
    func slice(leading range: Range<Int>) throws -> Tensor {
        let stride = shape[0] == 0 ? 0 : count / shape[0]
        let shape = [range.count] + self.shape.dropFirst()
        if let strings {
            return try Tensor(shape: shape, strings: Array(strings[range.lowerBound * stride..<range.upperBound * stride]))
        }
        guard elementType.bitWidth >= 8 else {
            let values = (doubles() ?? [])[range.lowerBound * stride..<range.upperBound * stride]
            return try Tensor(Array(values), shape: shape, as: elementType)
        }
        let width = elementType.bitWidth / 8
        return try withUnsafeBytes { bytes in
            let part = UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound * stride * width..<range.upperBound * stride * width])
            return try Tensor(shape: shape, elementType: elementType, storage: TensorStorage(copying: part))
        }
    }

    /// The tensors one after the other along the leading dimension.
    /// - Throws: `CleaveError` when there are none, or their types or further dimensions differ.
    public static func joined(_ tensors: [Tensor]) throws -> Tensor {
        guard let first = tensors.first else { throw CleaveError(.invalidRequest, "there is nothing to join") }
        guard tensors.count > 1 else { return first }
        guard first.rank > 0, first.elementType.bitWidth >= 8,
            tensors.allSatisfy({ $0.elementType == first.elementType && $0.shape.dropFirst() == first.shape.dropFirst() })
        else {
            throw CleaveError(
                .shapeMismatch, "results of \(tensors.map(\.description).joined(separator: ", ")) cannot be joined into one array")
        }
        let lengths = tensors.map { $0.shape[0] }
        let shape = [lengths.reduce(0, +)] + first.shape.dropFirst()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tensors.reduce(0) { $0 + $1.byteCount })
        for tensor in tensors { tensor.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return try Tensor(
            shape: shape, elementType: first.elementType, storage: bytes.withUnsafeBytes { TensorStorage(copying: $0) })
    }
}
