import ArgumentParser
import Cleave
import Foundation

struct BenchmarkCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure how fast a model loads and runs.",
        discussion: """
            The inputs are random. With --against, ONNX Runtime runs the same inputs on as many threads in a Python process, and both \
            take short turns. The ratio of their fast runs holds on a machine with some other work, too, where times alone do not; where \
            it differs too much among parts of the measurement, it is called too noisy to tell.

            EXAMPLES
              cleave benchmark model.onnx
              cleave benchmark model.onnx --batch 8 --threads 2 --json
              cleave benchmark model.onnx --against onnxruntime --python bin/python

            Exit code: 1 when the outputs are not those of ONNX Runtime.
            """)

    enum PeerName: String, ExpressibleByArgument, CaseIterable {
        case onnxruntime
    }

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @Option(
        parsing: .unconditional,
        help: .init("Length of the leading dimension where the model leaves it open. (default: 1)", valueName: "count"))
    var batch: Int?

    @Option(
        help: .init("Shape of an input, where the model leaves it open.", valueName: "name=1x3x32x32"),
        transform: InputShape.init(parsing:))
    var shape: [InputShape] = []

    @Option(parsing: .unconditional, help: .init("How long to measure; pauses and preparations come on top.", valueName: "seconds"))
    var seconds = 10.0

    @Option(help: "The runtime to compare with.")
    var against: PeerName?

    @Option(
        help: .init(
            "A Python 3 with the packages onnxruntime and numpy. (default: that of $VIRTUAL_ENV, or else python3)", valueName: "path"))
    var python: String?

    @OptionGroup
    var backend: BackendOptions

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if let batch, batch < 1 { throw ValidationError("--batch is \(batch), expected at least 1.") }
        guard seconds >= 0.01, seconds <= 86_400 else { throw ValidationError("--seconds is \(seconds), expected 0.01 to 86400.") }
        if python != nil, against == nil { throw ValidationError("--python is for --against onnxruntime.") }
    }

    func run() throws {
        let peer = try against.map { _ in BenchmarkOptions.Peer(python: try pythonPath()) }
        let options = BenchmarkOptions(
            batch: batch, shapes: Dictionary(shape.map { ($0.name, $0.lengths) }, uniquingKeysWith: { _, last in last }),
            threads: backend.threadCount, peer: peer, seconds: seconds)
        let result = try output.withProgress { progress in
            try benchmark(model, version: cleaveVersion, backend: backend.backend, options: options, progress: progress)
        }
        try output.show(BenchmarkSummary(model: model, result: result))
        if result.comparison?.isEqual == false { throw ExitCode(ExitStatus.no) }
    }

    /// The Python to run ONNX Runtime in.
    private func pythonPath() throws -> String {
        if let python { return python }
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["VIRTUAL_ENV"], !folder.isEmpty { return folder + "/bin/python" }
        let candidates = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
        guard let python = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw CleaveError(.file, "there is no python3 on the PATH", suggestion: "name one: --python venv/bin/python")
        }
        return python
    }
}
