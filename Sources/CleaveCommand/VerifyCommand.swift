import ArgumentParser
import Cleave
import Foundation

struct VerifyCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Run two models on the same inputs and compare what comes out.",
        discussion: """
            An output is EQUAL when |a − b| ≤ A + R·|b| holds for every element a of the second model and b of the first. The \
            relative error in the table is |a − b| / (|b| + A/R), so that it is at most R exactly when the output is equal. \
            Not-a-number equals not-a-number only.

            EXAMPLES
              cleave verify model.onnx small.onnx
              cleave verify model.onnx folded.onnx --inputs images.npz --batch 16
              cleave verify model.onnx small.onnx --samples 16 --seed 7 --layers

            A quantized model beside one in float is CLOSE when the signal-to-noise ratio of all outputs is at least --sqnr, and the \
            report says which layers add the noise, and whether by weights, activations or rounding.

            Exit code: 0 for EQUAL and CLOSE, 1 for DIFFERENT.
            """)

    @Argument(help: "The original model.", transform: filePath)
    var original: String

    @Argument(help: "The model to compare with it.", transform: filePath)
    var candidate: String

    @OptionGroup(title: "Inputs")
    var samples: SampleOptions

    @OptionGroup(title: "Tolerance")
    var tolerance: ToleranceOptions

    @Option(
        parsing: .unconditional,
        help: .init(
            """
            Accept outputs with at least this signal-to-noise ratio; layers below it are called bad. (default: 20 where only the second \
            model is quantized and no tolerance is given)
            """,
            valueName: "dB"))
    var sqnr: Double?

    @Flag(help: "Compare every value that both models compute, by name or recorded origin, and say which differs first.")
    var layers = false

    @OptionGroup
    var backend: BackendOptions

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        guard let sqnr else { return }
        guard sqnr.isFinite else { throw ValidationError("--sqnr is \(sqnr), expected decibels.") }
        guard tolerance.tolerance == Tolerance() else {
            throw ValidationError("--sqnr accepts what no tolerance does: leave out --atol and --rtol.")
        }
    }

    func run() throws {
        let report = try output.withProgress { progress in
            progress(WorkProgress(task: "reading \(original)"))
            let originalGraph = try Graph(executable: original)
            progress(WorkProgress(task: "reading \(candidate)"))
            let candidateGraph = try Graph(executable: candidate)
            let source = try locating(file: original) { try samples.source(for: originalGraph) }
            return try verify(
                candidateGraph, against: originalGraph, inputs: source, backend: backend.backend, tolerance: tolerance.tolerance,
                layers: layers, leastSignalToNoise: sqnr, originalFile: original, candidateFile: candidate, progress: progress)
        }
        try output.show(VerificationSummary(original: original, candidate: candidate, report: report, showsLayers: layers))
        if !report.isAccepted { throw ExitCode(ExitStatus.no) }
    }
}
