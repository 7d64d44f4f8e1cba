import ArgumentParser
import Cleave
import Foundation

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Look for faults in a model.",
        discussion: """
            Cleave reads the whole file, checks every rule of the ONNX format that it knows, and infers the types of all values. Then \
            the ONNX project's own checker and shape inference are asked, as far as the installed version is new enough for the model.

            EXAMPLES
              cleave check model.onnx
              cleave check model.onnx --json

            Exit code: 0 for SOUND; 1 for FAULTY, and for UNDECIDED, which is when the ONNX project's library crashed or could not be \
            run; 3 when there is no such file.
            """)

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @OptionGroup
    var output: OutputOptions

    func run() throws {
        let report = try output.withProgress { progress in
            progress(WorkProgress(task: "checking \(model)"))
            return try CheckReport(checking: model)
        }
        try output.show(report)
        if report.verdict != .sound { throw ExitCode(ExitStatus.no) }
    }
}
