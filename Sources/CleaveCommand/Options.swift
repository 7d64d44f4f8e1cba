import ArgumentParser
import Cleave
import Foundation

/// How a result is shown.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print everything as JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print nothing but errors; the exit code and --json remain.")
    var quiet = false

    /// Prints the report to standard output in the form that was asked for.
    /// - Throws: `CleaveError` when it cannot be written.
    func show(_ report: some Report) throws {
        if json {
            try writeToStandardOutput(report.json.text + "\n")
        } else if !quiet {
            let style = TextStyle(descriptor: STDOUT_FILENO)
            try writeToStandardOutput(report.text(style: style).wrapped(to: style.width) + "\n")
        }
    }

    /// Runs `body` with a progress closure that shows a line on standard error when the work takes long.
    func withProgress<Result>(_ body: (@escaping @Sendable (WorkProgress) -> Void) throws -> Result) rethrows -> Result {
        let line = ProgressLine(isEnabled: !quiet)
        defer { line.finish() }
        return try body { line.update($0) }
    }
}

/// The numbers that models are run on.
struct SampleOptions: ParsableArguments {
    @Option(
        help: .init(
            """
            Inputs from an npz archive with arrays named after the model's inputs, a .npy or .pb file, or a folder of ONNX test data; \
            arrays named after outputs are what the outputs should be. (default: random ones)
            """,
            valueName: "file"),
        transform: filePath)
    var inputs: String?

    @Option(
        help: .init(
            "Inputs from a data set of images: cifar10:DIR, cifar100:DIR, idx:DIR, folder:DIR or npz:FILE; its test split.",
            valueName: "format:path"),
        transform: { text in try asArgument { try DatasetSpecification(parsing: text) } })
    var data: DatasetSpecification?

    @Option(
        help: .init(
            "With --data: raw, unit, signed, imagenet, cifar10 or MEAN/STD. (default: what the model records)", valueName: "pixels"),
        transform: { text in try asArgument { try Normalization(parsing: text) } })
    var normalize: Normalization?

    @Option(
        parsing: .unconditional,
        help: .init(
            """
            Number of samples; of a file, the first test data sets or pieces of --batch. (default: 4 random ones or batches of a data \
            set, all of a file)
            """,
            valueName: "count"))
    var samples: Int?

    @Option(parsing: .unconditional, help: .init("Seed of the random inputs. (default: 1)", valueName: "seed"))
    var seed: UInt64?

    @Option(
        parsing: .unconditional,
        help: .init("Length of the leading dimension where the model leaves it open; cuts arrays from a file.", valueName: "count"))
    var batch: Int?

    @Option(
        help: .init("Shape of a random input, where the model leaves it open.", valueName: "name=1x3x32x32"),
        transform: InputShape.init(parsing:))
    var shape: [InputShape] = []

    func validate() throws {
        if let samples, samples < 1 { throw ValidationError("--samples is \(samples), expected at least 1.") }
        if let batch, batch < 1 { throw ValidationError("--batch is \(batch), expected at least 1.") }
        for option in [inputs.map { _ in "--inputs" }, data.map { _ in "--data" }].compactMap({ $0 }) {
            if seed != nil { throw ValidationError("--seed is for random inputs; \(option) gives others.") }
            if !shape.isEmpty { throw ValidationError("--shape is for random inputs; \(option) gives others.") }
        }
        if inputs != nil, data != nil { throw ValidationError("--inputs and --data both give inputs; choose one.") }
        if normalize != nil, data == nil { throw ValidationError("--normalize is for --data.") }
    }

    func source(for graph: Graph) throws -> SampleSource {
        if let data {
            let split = try Dataset(data).loadEvaluation()
            let normalization = try normalize ?? Normalization(recordedIn: graph, for: split)
            return try .images(of: split, for: graph, normalization: normalization, batch: batch ?? 1, count: samples ?? 4)
        }
        if let inputs {
            let all = try TensorFile(reading: inputs).samples(for: graph, batch: batch)
            guard let samples else { return .samples(all) }
            guard samples <= all.count else {
                throw CleaveError(
                    .invalidRequest, "--samples is \(samples), but there \(all.count == 1 ? "is" : "are") \(all.count) in the file",
                    at: .init(file: inputs),
                    suggestion: batch == nil ? "--batch cuts its arrays into samples" : "leave --samples out to take all of them")
            }
            return .samples(Array(all.prefix(samples)))
        }
        let shapes = InputShapes(
            batch: batch ?? 1, shapes: Dictionary(shape.map { ($0.name, $0.lengths) }, uniquingKeysWith: { _, last in last }))
        return .random(count: samples ?? 4, seed: seed ?? 1, shapes: shapes)
    }
}

/// A path on the command line.
/// - Throws: `ValidationError` when it is empty, as an unset variable of a script is.
@Sendable
func filePath(_ argument: String) throws -> String {
    guard !argument.isEmpty else { throw ValidationError("the path is empty, expected the name of a file") }
    return argument
}

/// A shape on the command line: `data=1x3x224x224`.
struct InputShape {
    var name: String
    var lengths: [Int]

    /// - Throws: `ValidationError` for anything else.
    @Sendable
    init(parsing argument: String) throws {
        guard let separator = argument.lastIndex(of: "="), separator != argument.startIndex,
            let lengths = parseShape(argument[argument.index(after: separator)...])
        else { throw ValidationError("expected the name of an input, =, and its lengths with x in between, as in data=1x3x224x224") }
        name = String(argument[..<separator])
        self.lengths = lengths
    }
}

/// The lengths in `3x32x32`; `nil` for anything else.
func parseShape(_ text: some StringProtocol) -> [Int]? {
    let parts = text.split(separator: "x", omittingEmptySubsequences: false)
    let lengths = parts.compactMap { Int($0) }.filter { $0 >= 0 }
    return lengths.count == parts.count ? lengths : nil
}

/// When numbers count as equal.
struct ToleranceOptions: ParsableArguments {
    @Option(
        parsing: .unconditional, help: .init(
            "Absolute tolerance A of |a − b| ≤ A + R·|b|. (default: R/10 of the largest magnitude in the original's tensor)",
            valueName: "A"))
    var atol: Double?

    @Option(
        parsing: .unconditional,
        help: .init("Relative tolerance R. (default: 1e-4, for float16 1e-2; integers must be the same)", valueName: "R"))
    var rtol: Double?

    func validate() throws {
        for (name, value) in [("--atol", atol), ("--rtol", rtol)] {
            if let value, !(value >= 0 && value.isFinite) { throw ValidationError("\(name) is \(value), expected a number from 0.") }
        }
    }

    var tolerance: Tolerance { Tolerance(absolute: atol, relative: rtol) }
}

extension IntegerSemantics: ExpressibleByArgument {}

/// What runs the models.
struct BackendOptions: ParsableArguments {
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case onednn, reference
    }

    @Option(name: .customLong("backend"), help: "What runs the model: the fast kernels, or the obvious ones.")
    var name: Name = .onednn

    @Option(parsing: .unconditional, help: .init("Threads that compute. (default: one per processor)", valueName: "count"))
    var threads: Int?

    @Option(
        help: .init(
            """
            How int8 networks round: qdq (as the graph says, in float), fused (in integers, as ONNX Runtime) or tflite (in integers, as \
            TFLite). (default: fused, for the reference qdq)
            """))
    var semantics: IntegerSemantics?

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), expected 1 to 1024.") }
        if threads != nil, name == .reference { throw ValidationError("--threads is for --backend onednn; the reference has one thread.") }
    }

    /// Threads that compute a step.
    var threadCount: Int {
        switch name {
        case .onednn: OneDNNBackend(threads: threads).threads
        case .reference: 1
        }
    }

    var backend: any Backend {
        switch name {
        case .onednn: OneDNNBackend(threads: threads, semantics: semantics ?? .fused)
        case .reference: ReferenceBackend(semantics: semantics ?? .qdq)
        }
    }
}
