import ArgumentParser
import Cleave
import Foundation

@main
struct CleaveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleave",
        abstract: "A compiler for convolutional networks.",
        discussion: """
            Reads ONNX models, replaces their convolutions by separable ones, folds batch norms, proves what it did, and trains.

            EXAMPLES
              cleave inspect resnet50v2.onnx
              cleave convert resnet50v2.onnx --form depthwise -o small.onnx
              cleave verify resnet50v2.onnx small.onnx
              cleave train small.onnx --data cifar10:cifar-10-batches-bin -o trained.onnx

            Exit code: 0 for success, 1 when the answer is no, 2 for a wrong command line, 3 for bad input.
            """,
        version: cleaveVersion,
        subcommands: [
            InspectCommand.self, ConvertCommand.self, FoldCommand.self, VerifyCommand.self, CheckCommand.self, RunCommand.self,
            BenchmarkCommand.self, BuildCommand.self, TrainCommand.self, EvaluateCommand.self, QuantizeCommand.self, CalibrateCommand.self,
            DataCommand.self, StudyCommand.self, ReportCommand.self,
        ])

    static func main() {
        reportFilesThatGrowTooLarge()
        do {
            var command = try parseAsRoot()
            // Before signals are taken over: the program that it starts would take them for ignored by its caller.
            if command is any NetworkCommand { letIdleThreadsSleep() }
            removeUnfinishedFilesOnInterrupt()
            explainFilesThatShrink()
            try command.run()
        } catch {
            Foundation.exit(report(error))
        }
    }

    private static func report(_ error: CleaveError) -> Int32 {
        printError(error.description, suggestion: error.suggestion)
        return error.kind == .cancelled ? ExitStatus.interrupted : ExitStatus.badInput
    }

    /// Says on standard error what went wrong, or on standard output what was asked for by `--help` and `--version`.
    /// - Returns: the exit code.
    private static func report(_ error: any Error) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        if let error = error as? CleaveError {
            return report(error)
        }
        let message = fullMessage(for: error)
        switch exitCode(for: error) {
        case .success:
            do {
                try writeToStandardOutput(message + "\n")
                return ExitStatus.success
            } catch {
                return report(error)
            }
        case .validationFailure:
            let text = message.hasPrefix("Error: ") ? String(message.dropFirst("Error: ".count)) : message
            writeToStandardError("error: \(text)\n")
            return ExitStatus.usage
        default:
            printError(error.localizedDescription, suggestion: nil)
            return ExitStatus.badInput
        }
    }
}

/// What a command tells its caller.
enum ExitStatus {
    static let success: Int32 = 0
    /// The answer is no: `verify` found a difference, `check` a fault.
    static let no: Int32 = 1
    static let usage: Int32 = 2
    static let badInput: Int32 = 3
    static let interrupted: Int32 = 128 + SIGINT
}
