import Foundation
import Testing

struct UsageTests {
    static let commands = [
        "inspect", "convert", "fold", "verify", "check", "run", "benchmark", "build", "train", "evaluate", "study", "report",
    ]

    @Test(arguments: commands)
    func helpHasExamples(command: String) throws {
        let result = try Command.run(command, "--help")
        #expect(result.status == 0)
        #expect(result.errors.isEmpty)
        #expect(result.output.contains("EXAMPLES\n  cleave \(command) "))
        #expect(result.output.contains("--json"))
        #expect(result.output.contains("--quiet"))
    }

    @Test func helpListsAllCommands() throws {
        let result = try Command.run("--help")
        #expect(result.status == 0)
        for command in Self.commands { #expect(result.output.contains("\n  \(command) "), "\(command)") }
    }

    @Test func versionIsSemantic() throws {
        let result = try Command.run("--version")
        #expect(result.status == 0)
        #expect(result.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
    }

    @Test(arguments: [
        ["convolve"], ["inspect"], ["convert", "a.onnx", "-o", "b.onnx"], ["convert", "a.onnx", "--form", "round", "-o", "b.onnx"],
        ["convert", "a.onnx", "--form", "spatial"], ["convert", "a.onnx", "--form", "spatial", "--rank", "0", "-o", "b.onnx"],
        ["convert", "a.onnx", "--form", "spatial", "--rank", "2", "--exact", "-o", "b.onnx"],
        ["convert", "a.onnx", "--form", "spatial", "--energy", "1.5", "-o", "b.onnx"],
        ["convert", "a.onnx", "--form", "spatial", "--energy", "nan", "-o", "b.onnx"],
        ["convert", "a.onnx", "--form", "spatial", "--initialize", "random", "--exact", "-o", "b.onnx"],
        ["convert", "a.onnx", "--form", "spatial", "--seed", "1", "-o", "b.onnx"],
        ["verify", "a.onnx"], ["verify", "a.onnx", "b.onnx", "--samples", "0"], ["verify", "a.onnx", "b.onnx", "--atol", "-1"],
        ["verify", "a.onnx", "b.onnx", "--rtol", "nan"], ["verify", "a.onnx", "b.onnx", "--shape", "x=1xx3"],
        ["verify", "a.onnx", "b.onnx", "--inputs", "c.npz", "--seed", "1"], ["verify", "a.onnx", "b.onnx", "--batch", "0"],
        ["build", "resnet51", "-o", "a.onnx"], ["build", "resnet20", "--input", "3x32", "-o", "a.onnx"], ["fold", "a.onnx"],
        ["run", "a.onnx", "--backend", "abacus"], ["build", "resnet20", "--classes", "0", "-o", "a.onnx"],
        ["build", "resnet20", "--classes", "9999999999", "-o", "a.onnx"], ["build", "resnet20", "--input", "3x0x32", "-o", "a.onnx"],
        ["build", "resnet20", "-o", ""], ["inspect", ""], ["check", ""], ["verify", "a.onnx", ""], ["run", "a.onnx", "--inputs", ""],
        ["fold", "", "-o", "b.onnx"], ["convert", "a.onnx", "--form", "spatial", "-o", ""],
        ["benchmark"], ["benchmark", ""], ["benchmark", "a.onnx", "--seconds", "0"], ["inspect", "a.onnx", "b.onnx", "--layers"],
        ["benchmark", "a.onnx", "--seconds", "nan"], ["benchmark", "a.onnx", "--batch", "0"],
        ["train"], ["train", "a.onnx"], ["train", "a.onnx", "--data", "idx:d"], ["train", "a.onnx", "--data", "d", "-o", "b.onnx"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--epochs", "0"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--learning-rate", "-1"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--schedule", "round"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--schedule", "one-cycle", "--warm-up", "1"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--momentum", "0.9"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--temperature", "2"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--augment", "flap"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--checkpoint-every", "2"],
        ["train", "a.onnx", "--data", "idx:d", "-o", "b.onnx", "--profile"], ["train", "--resume", ""],
        ["train", "a.onnx", "--data", "idx:d", "-o", "./a.onnx", "--checkpoint", "run"],
        ["train", "--resume", "run", "--epochs", "3"], ["train", "--resume", "run", "--checkpoint", "run"],
        ["evaluate", "a.onnx"], ["evaluate", "a.onnx", "--data", "idx:d", "--batch-size", "0"],
        ["evaluate", "a.onnx", "--data", "idx:d", "--normalize", "half"], ["verify", "a.onnx", "b.onnx", "--normalize", "unit"],
        ["verify", "a.onnx", "b.onnx", "--data", "idx:d", "--inputs", "c.npz"], ["run", "a.onnx", "--data", "idx:d", "--seed", "2"],
        ["study"], ["study", "a.yaml"], ["study", "a.yaml", "-o", "r", "--hours", "0"],
        ["study", "a.yaml", "-o", "r", "--until-epoch", "0"],
        ["study", "a.yaml", "-o", "r", "--report-now", "--until-epoch", "2"], ["study", "a.yaml", "-o", "r", "--data", "images"],
        ["study", "a.yaml", "-o", "r", "--dry-run", "--report-now"], ["study", "a.yaml", "-o", "r", "--checkpoint-every", "0"],
        ["report"], ["report", ""], ["report", "r", "-o", ""],
        ["benchmark", "a.onnx", "--against", "abacus"], ["benchmark", "a.onnx", "--python", "python3"],
    ])
    func wrongCommandLines(arguments: [String]) throws {
        try withTemporaryFolder { folder in
            let process = Command.process(arguments, in: folder, environment: [:])
            let errors = Pipe(), output = Pipe()
            process.standardError = errors
            process.standardOutput = output
            try process.run()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 2)
            #expect(text.hasPrefix("error: "), "\(text)")
            #expect(output.fileHandleForReading.readDataToEndOfFile().isEmpty)
            #expect(try names(in: folder).isEmpty)
        }
    }

    @Test(arguments: [
        (["inspect", "a.onnx", "--shape", "x=abc"], "as in data=1x3x224x224", "inspect"),
        (["build", "resnet20", "--input", "3x3", "-o", "a.onnx"], "three lengths with x in between, as in 3x32x32", "build"),
        (["build", "resnet20", "--classes", "0", "-o", "a.onnx"], "the number of classes is 0, expected 1 to 1000000", "build"),
    ])
    func wrongValuesAreToldWhatIsExpected(arguments: [String], expected: String, command: String) throws {
        let result = try Command.run(arguments)
        #expect(result.status == 2)
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(result.errors.contains("\nUsage: cleave \(command) "), "\(result.errors)")
    }

    /// Help is 80 columns wide through a pipe.
    @Test(arguments: commands)
    func examplesTakeALineEach(command: String) throws {
        let lines = try Command.run(command, "--help").output.split(separator: "\n", omittingEmptySubsequences: false)
        let first = try #require(lines.firstIndex(of: "EXAMPLES")) + 1
        let examples = lines[first...].prefix { !$0.isEmpty }
        #expect(examples.allSatisfy { $0.hasPrefix("  cleave \(command) ") }, "\(examples)")
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "the system has no /dev/full"), arguments: [
        ["inspect", Command.fixture], ["inspect", Command.fixture, "--json"], ["--help"], ["--version"],
    ])
    func outputThatCannotBeWrittenIsAnError(arguments: [String]) throws {
        let process = Command.process(arguments, in: nil, environment: [:])
        let errors = Pipe()
        process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 3)
        #expect(text.hasPrefix("error: standard output: cannot write: no space left on device\n"), "\(text)")
    }

    @Test func filesBeyondTheLimitOfTheShellAreAnError() throws {
        try withTemporaryFolder { folder in
            let process = Command.process([], in: folder, environment: [:])
            let errors = Pipe()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "ulimit -f 8; exec '\(Command.executable.path)' fold '\(Command.fixture)' -o a.onnx -q"]
            process.standardError = errors
            try process.run()
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 3)
            #expect(text.hasPrefix("error: a.onnx: cannot write: file too large\n"), "\(text)")
            #expect(try names(in: folder).isEmpty)
        }
    }

    @Test func unusableFilesAreBadInput() throws {
        let missing = try Command.run("inspect", "missing.onnx")
        #expect(missing.status == 3)
        #expect(
            missing.errors == """
                error: missing.onnx: cannot open: no such file or directory
                       check the path: the file or its folder does not exist

                """)
        #expect(missing.output.isEmpty)
        for arguments in [["check", "missing.onnx"], ["fold", "missing.onnx", "-o", "x.onnx"]] {
            #expect(try Command.run(arguments[0], arguments[1]).status == (arguments.count == 2 ? 3 : 2))
        }
    }

    @Test func anOutputThatCannotBeWrittenIsToldBeforeTheWork() throws {
        // The model does not exist either: the complaint is about the output, so it came first.
        let result = try Command.run("convert", "missing.onnx", "--form", "spatial", "-o", "/nonexistent/folder/x.onnx")
        #expect(result.status == 3)
        #expect(result.errors.hasPrefix("error: /nonexistent/folder/x.onnx: cannot write: no such file or directory\n"))
        try withTemporaryFolder { folder in
            let result = try Command.run("build", "resnet20", "-o", folder.path)
            #expect(result.status == 3)
            #expect(result.errors.contains("not a regular file"))
        }
    }
}
