import Cleave
import Foundation
import Testing
import TrainingCases

/// Writes `model.onnx` and `images.npz` into the folder.
private func prepare(_ folder: URL, training: Int = 36, form: TinyClassifier = TinyClassifier(dropout: 0.2)) throws {
    try form.graph().write(onnx: folder.appendingPathComponent("model.onnx").path)
    try QuarterImages(training: training, test: 9).archive().write(to: folder.appendingPathComponent("images.npz").path)
}

private let usual = ["train", "model.onnx", "--data", "npz:images.npz", "--batch-size", "8", "--seed", "7", "--quiet"]

/// A folder with the classes `a`, `b` and `c`, split, of which one file is no image.
private func writeImageFolder(_ folder: URL) throws {
    let images = Command.repository.appendingPathComponent("fixtures/images")
    for (split, count) in [("train", 4), ("test", 2)] {
        for (name, file) in [("a", "colours.png"), ("b", "photo.jpg"), ("c", "colours.jpg")] {
            for index in 0..<count {
                let target = folder.appendingPathComponent("\(split)/\(name)/\(index).\(file.suffix(3))")
                try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.copyItem(at: images.appendingPathComponent(file), to: target)
            }
        }
    }
    try Data("no image".utf8).write(to: folder.appendingPathComponent("train/b/9.png"))
}

struct TrainCommandTests {
    @Test func trainsAndEvaluates() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let arguments = [
                "train", "model.onnx", "--data", "npz:images.npz", "--batch-size", "8", "--epochs", "6", "--learning-rate", "0.02",
                "--schedule", "cosine", "--augment", "crop=1", "--checkpoint", "run", "-o", "trained.onnx", "--backend", "reference",
            ]
            let result = try Command.run(arguments, in: folder)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("\ntrained.onnx written, "))
            #expect(result.errors.contains("epoch 6 of 6   loss "))
            #expect(try names(in: folder.appendingPathComponent("run")) == ["checkpoint.npz", "history.csv", "report.html"])
            let page = try String(contentsOf: folder.appendingPathComponent("run/report.html"), encoding: .utf8)
            #expect(page.contains("<svg") && page.contains("prefers-color-scheme: dark") && !page.contains("http:"))

            let text = try Command.run("evaluate", "trained.onnx", "--data", "npz:images.npz", in: folder)
            #expect(text.status == 0 && text.output.contains("normalize signed") && text.output.contains("top-1 100 % (9 of 9)"))
            let json = try Command.run("evaluate", "trained.onnx", "--data", "npz:images.npz", "--json", in: folder).json()
            #expect(json["top1"] as? Double == 1 && json["images"] as? Int == 9 && json["normalize"] as? String == "signed")
            #expect((json["confusion"] as? [[Int]])?.count == 3)
            let verified = try Command.run(
                "verify", "trained.onnx", "trained.onnx", "--data", "npz:images.npz", "--samples", "2", in: folder)
            #expect(verified.status == 0 && verified.output.contains("EQUAL"))
        }
    }

    /// The model that `make demo` shows is what docs/training.md says of it.
    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist"), "needs Debian's dataset-fashion-mnist"))
    func theTrainedFixtureClassifiesFashion() throws {
        let model = Command.repository.appendingPathComponent("fixtures/models/fashion-resnet8.onnx").path
        let json = try Command.run("evaluate", model, "--data", "idx:/usr/share/datasets/fashion-mnist", "--json").json()
        #expect(json["images"] as? Int == 10_000 && json["normalize"] as? String == "72.94/90.02")
        #expect(try abs(#require(json["top1"] as? Double) - 0.9205) < 0.001)
    }

    @Test func unknownNormalizationIsAsked() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let result = try Command.run("evaluate", "model.onnx", "--data", "npz:images.npz", in: folder)
            #expect(result.status == 3)
            #expect(result.errors.hasPrefix("error: model.onnx: the model does not record how pixels become its inputs\n"))
            #expect(result.errors.contains("say it: --normalize"))
            #expect(try Command.run("evaluate", "model.onnx", "--data", "npz:images.npz", "--normalize", "unit", in: folder).status == 0)
        }
    }

    @Test func historyIsJSON() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let result = try Command.run(usual.dropLast() + ["--epochs", "2", "--json", "--average", "0.9", "-o", "o.onnx"], in: folder)
            let json = try result.json()
            let history = try #require(json["history"] as? [[String: Any]])
            #expect(history.count == 2 && history[1]["test_top1"] is Double && json["end"] as? String == "complete")
            #expect(try names(in: folder) == ["images.npz", "model.onnx", "o.onnx"])
        }
    }

    @Test func profileShowsThePartsAndWritesNothing() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let result = try Command.run(
                ["train", "model.onnx", "--data", "npz:images.npz", "--batch-size", "8", "--profile"], in: folder)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("loss and gradients") && result.output.contains("images/s"))
            #expect(try names(in: folder) == ["images.npz", "model.onnx"])
        }
    }

    @Test func unreadableImagesAreNamedOrLeftOut() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            try writeImageFolder(folder.appendingPathComponent("images"))
            let arguments = ["train", "model.onnx", "--data", "folder:images", "--batch-size", "4", "--epochs", "1", "-o", "o.onnx"]
            let strict = try Command.run(arguments, in: folder)
            #expect(strict.status == 3 && strict.errors.contains("/images/train/b/9.png: the file is neither a JPEG nor a PNG image"))
            #expect(strict.errors.contains("leave it out: --skip-bad"), "\(strict.errors)")
            let lenient = try Command.run(arguments + ["--skip-bad"], in: folder)
            #expect(lenient.status == 0, "\(lenient.errors)")
            #expect(lenient.output.contains("LEFT OUT: 1 unreadable image\n") && lenient.output.contains("/images/train/b/9.png"))
        }
    }

    @Test func refusesWhatDoesNotFit() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            func errors(_ arguments: String...) throws -> String {
                let result = try Command.run(["train"] + arguments + ["-o", "o.onnx", "--quiet"], in: folder)
                #expect(result.status == 3)
                return result.errors
            }
            try TinyClassifier(classes: 2).graph().write(onnx: folder.appendingPathComponent("two.onnx").path)
            #expect(try errors("two.onnx", "--data", "npz:images.npz", "--batch-size", "8").contains("the label is 2, expected 0…1"))
            #expect(try errors("model.onnx", "--data", "npz:images.npz", "--batch-size", "64").contains("there are only 36 images"))
            #expect(try errors("model.onnx", "--data", "npz:nothing.npz").contains("nothing.npz"))
            #expect(try errors("model.onnx", "--data", "npz:images.npz", "--freeze", "nothing*").contains("'nothing*' freezes nothing"))
            #expect(
                try errors("model.onnx", "--data", "npz:images.npz", "--batch-size", "8", "--learning-rate", "1e38", "--optimizer", "sgd")
                    .contains("the first tensor with such a number is"))
            #expect(try errors("model.onnx", "--data", "npz:images.npz", "--teacher", "two.onnx").contains("same classes"))
            #expect(try !names(in: folder).contains("o.onnx"))
        }
    }
}

@Suite(.serialized)
struct ResumeCommandTests {
    private func resume(_ folder: URL, _ arguments: String...) throws -> CommandResult {
        try Command.run(["train", "--resume", "run", "--quiet"] + arguments, in: folder)
    }

    /// The bytes that an uninterrupted run writes.
    private func expected(_ folder: URL, epochs: Int) throws -> Data {
        let whole = try Command.run(usual + ["--epochs", "\(epochs)", "--average", "0.99", "-o", "whole.onnx"], in: folder)
        #expect(whole.status == 0, "\(whole.errors)")
        return try Data(contentsOf: folder.appendingPathComponent("whole.onnx"))
    }

    private func process(_ arguments: [String], _ folder: URL) throws -> Process {
        let process = Command.process(arguments, in: folder, environment: [:])
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Kills the command at random moments: a dozen times after it got further, each of these after one at its start, and then until
    /// it gets to the end between two kills, which is how the writing of its result is met.
    @Test func killedRunsEndAtTheSameBytes() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let epochs = 150
            let expected = try expected(folder, epochs: epochs)
            let checkpoint = folder.appendingPathComponent("run/checkpoint.npz")
            let begin = usual + [
                "--epochs", "\(epochs)", "--average", "0.99", "--checkpoint", "run", "--checkpoint-every", "1", "-o", "o.onnx",
            ]
            var random = SeededRandom(seed: 11)
            func begun() throws -> Process {
                let isBegun = FileManager.default.fileExists(atPath: checkpoint.path)
                return try process(isBegun ? ["train", "--resume", "run", "--quiet"] : begin, folder)
            }
            /// - Returns: whether the process was still running.
            func killing(_ process: Process, after microseconds: Double) throws -> Bool {
                usleep(UInt32(random.uniform(0, microseconds)))
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                guard process.terminationReason == .exit else { return true }
                try #require(process.terminationStatus == 0)
                return false
            }
            func contents() -> Data? { try? Data(contentsOf: checkpoint) }
            for _ in 0..<12 {
                _ = try killing(begun(), after: 50_000)
                let (last, process) = (contents(), try begun())
                while process.isRunning, contents() == last { usleep(500) }
                try #require(try killing(process, after: 10_000), "the run was done before it could be killed")
            }
            var patience = 150_000.0
            while true {
                let last = contents()
                guard try killing(begun(), after: patience) else { break }
                // A machine that is too busy to get anywhere is given more time.
                if contents() == last { patience *= 1.25 }
            }
            #expect(try Data(contentsOf: folder.appendingPathComponent("o.onnx")) == expected)
            #expect(try names(in: folder.appendingPathComponent("run")) == ["checkpoint.npz", "history.csv", "report.html"])
            // One that is done writes its result again.
            try FileManager.default.removeItem(at: folder.appendingPathComponent("o.onnx"))
            #expect(try resume(folder, "-o", "again.onnx").status == 0)
            #expect(try Data(contentsOf: folder.appendingPathComponent("again.onnx")) == expected)
        }
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func interruptedRunsSayHowToGoOn(signal: Int32) throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let expected = try expected(folder, epochs: 100)
            let process = Command.process(
                usual + ["--epochs", "100", "--average", "0.99", "--checkpoint", "run", "--checkpoint-every", "1", "-o", "o.onnx"],
                in: folder, environment: [:])
            let errors = Pipe()
            process.standardError = errors
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            let checkpoint = folder.appendingPathComponent("run/checkpoint.npz").path
            while process.isRunning, !FileManager.default.fileExists(atPath: checkpoint) { usleep(1000) }
            kill(process.processIdentifier, signal)
            let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationReason == .exit && process.terminationStatus == 128 + signal)
            #expect(text.hasPrefix("interrupted in epoch ") && text.hasSuffix("\ngo on with: cleave train --resume run\n"), "\(text)")
            #expect(try resume(folder).status == 0)
            #expect(try Data(contentsOf: folder.appendingPathComponent("o.onnx")) == expected)
        }
    }

    /// The limit on the size of files is what a full disk is to the writer of a file.
    @Test func aCheckpointThatCannotBeWrittenLeavesTheOldOne() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let expected = try expected(folder, epochs: 3)
            // The first checkpoint is written with room for it, those after it without.
            let begin = usual + ["--epochs", "3", "--average", "0.99", "--checkpoint", "run", "--checkpoint-every", "2", "-o", "o.onnx"]
            let process = try process(begin, folder)
            let checkpoint = folder.appendingPathComponent("run/checkpoint.npz").path
            while process.isRunning, !FileManager.default.fileExists(atPath: checkpoint) { usleep(500) }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let old = try Data(contentsOf: URL(fileURLWithPath: checkpoint))
            if process.terminationReason == .uncaughtSignal {
                let limited = Command.process([], in: folder, environment: [:])
                limited.executableURL = URL(fileURLWithPath: "/bin/sh")
                limited.arguments = ["-c", "ulimit -f 4; exec '\(Command.executable.path)' train --resume run --quiet"]
                let errors = Pipe()
                limited.standardError = errors
                try limited.run()
                let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                limited.waitUntilExit()
                #expect(limited.terminationReason == .exit && limited.terminationStatus == 3)
                #expect(text.contains("run/checkpoint.npz: cannot write: file too large"), "\(text)")
                #expect(try Data(contentsOf: URL(fileURLWithPath: checkpoint)) == old)
            }
            #expect(try resume(folder).status == 0)
            #expect(try Data(contentsOf: folder.appendingPathComponent("o.onnx")) == expected)
        }
    }

    @Test func checkpointsOfOtherModelsAreRefused() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let begin = usual + ["--epochs", "1", "--checkpoint", "run", "-o", "o.onnx"]
            #expect(try Command.run(begin, in: folder).status == 0)
            let again = try Command.run(begin, in: folder)
            #expect(again.status == 3 && again.errors.contains("run: the folder holds the checkpoint of another run"))
            try prepare(folder, form: TinyClassifier(classes: 4))
            let other = try resume(folder)
            #expect(other.status == 3)
            #expect(
                other.errors.contains("error: run: the checkpoint is of another network: it has tensor 'dense.weight'"),
                "\(other.errors)")
            let missing = try Command.run("train", "--resume", "nowhere", in: folder)
            #expect(missing.status == 3 && missing.errors.hasPrefix("error: nowhere: there is no checkpoint in the folder"))
        }
    }
}
