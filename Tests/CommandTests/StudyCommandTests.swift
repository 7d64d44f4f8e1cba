import Cleave
import Foundation
import Testing
import TrainingCases

/// Writes a small study, its network and its images into the folder.
private func prepare(_ folder: URL) throws {
    try TinyClassifier(dropout: 0.2).graph().write(onnx: folder.appendingPathComponent("model.onnx").path)
    try QuarterImages(training: 36, test: 9).archive().write(to: folder.appendingPathComponent("images.npz").path)
    try Data(
        """
        study: Quarters
        data: { name: Quarters, classes: 3, image: 3x8x8, training: 36, test: 9, get: the moon, usual: 'npz:images.npz' }
        recipes:
          short: { epochs: 20, batch-size: 8, learning-rate: 0.01 }
        quantizations:
          int8: { samples: 12 }
        networks:
          net: { model: model.onnx, recipe: short, quantize: int8 }
        latency: { batches: [1, 2], seconds: 0.02 }
        """.utf8
    ).write(to: folder.appendingPathComponent("study.yaml"))
}

private let usual = ["study", "study.yaml", "-o", "results", "--quiet"]

private func models(_ folder: URL) throws -> [Data] {
    try ["initial", "trained", "int8"].map { try Data(contentsOf: folder.appendingPathComponent("results/net/\($0).onnx")) }
}

@Suite(.serialized)
struct StudyCommandTests {
    @Test func fillsInATableAndReportsIt() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let plan = try Command.run("study", "study.yaml", "-o", "results", "--dry-run", in: folder)
            #expect(plan.status == 0 && plan.output.contains("Quarters · 0 of 5 steps done") && plan.errors.isEmpty)
            #expect(try !names(in: folder).contains("results"))

            let result = try Command.run("study", "study.yaml", "-o", "results", in: folder)
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("\n  row") && result.output.contains("\n  net-int8 "))
            #expect(result.errors.contains("net   epoch 20 of 20   loss ") && result.errors.contains("net-int8: measured, accuracy "))
            #expect(
                try names(in: folder.appendingPathComponent("results/net"))
                    == ["initial.json", "initial.onnx", "int8.json", "int8.onnx", "run", "trained.json", "trained.onnx"])
            #expect(
                try names(in: folder.appendingPathComponent("results/net/run")) == ["checkpoint.npz", "history.csv", "report.html"])

            let steps = try Command.run("study", "study.yaml", "-o", "results", "--dry-run", "--json", in: folder).json()
            let states = try #require(steps["steps"] as? [[String: Any]]).map { $0["state"] as? String }
            #expect(states == Array(repeating: "done", count: 5))
            let json = try Command.run(usual + ["--json"], in: folder).json()
            let rows = try #require(json["rows"] as? [[String: Any]])
            #expect(rows.map { $0["row"] as? String } == ["net", "net-int8"] && rows[1]["epochs"] as? Double == 20)

            // The models may be gone by now.
            try FileManager.default.removeItem(at: folder.appendingPathComponent("results/net/trained.onnx"))
            let report = try Command.run("report", "results", "-o", "page.html", "--markdown", "table.md", in: folder)
            #expect(report.status == 0 && report.output.hasSuffix("page.html written\ntable.md written\n"), "\(report.errors)")
            let page = try String(contentsOf: folder.appendingPathComponent("page.html"), encoding: .utf8)
            #expect(page.contains("<h1>Quarters</h1>") && page.contains("net-int8"))
            let table = try String(contentsOf: folder.appendingPathComponent("table.md"), encoding: .utf8)
            #expect(table.contains("| net-int8 | net, int8 | 20 |"))
            let drawings = try names(in: folder).filter { $0.hasSuffix(".svg") }
            #expect(drawings.count == 7 && drawings.allSatisfy { table.contains("](\($0))") })
        }
    }

    /// Kills the command at random moments until it gets to the end between two kills.
    @Test func killedStudiesEndAtTheSameModels() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            #expect(try Command.run(usual, in: folder).status == 0)
            let expected = try models(folder)
            try FileManager.default.removeItem(at: folder.appendingPathComponent("results"))
            var random = SeededRandom(seed: 5)
            var (kills, patience) = (0, 150_000.0)
            while true {
                let process = Command.process(usual + ["--checkpoint-every", "3"], in: folder, environment: [:])
                process.standardOutput = FileHandle.nullDevice
                process.standardError = FileHandle.nullDevice
                try process.run()
                usleep(UInt32(random.uniform(0, patience)))
                kill(process.processIdentifier, SIGKILL)
                process.waitUntilExit()
                if process.terminationReason == .exit {
                    try #require(process.terminationStatus == 0)
                    break
                }
                kills += 1
                // A machine that is too busy to get anywhere is given more time.
                patience *= 1.05
            }
            #expect(kills >= 3, "the study was done before it could be killed")
            #expect(try models(folder) == expected)
            let table = try Command.run("report", "results", in: folder)
            #expect(table.status == 0 && !table.output.contains("–"))
        }
    }

    @Test func interruptedStudiesSaySo() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let process = Command.process(Array(usual.dropLast()) + ["--checkpoint-every", "1"], in: folder, environment: [:])
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            let checkpoint = folder.appendingPathComponent("results/net/run/checkpoint.npz").path
            while process.isRunning, !FileManager.default.fileExists(atPath: checkpoint) { usleep(500) }
            kill(process.processIdentifier, SIGINT)
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            // It may have been done by then.
            if process.terminationStatus != 0 {
                #expect(process.terminationStatus == 128 + SIGINT && text.hasSuffix("interrupted; the same command goes on from here\n"))
            }
            #expect(try Command.run(usual, in: folder).status == 0)
        }
    }

    @Test func refusals() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            func errors(_ arguments: String...) throws -> String {
                let result = try Command.run(["study"] + arguments, in: folder)
                #expect(result.status == 3 && result.output.isEmpty)
                return result.errors
            }
            try Data("study: A\ndata: {}\nnetwork: {}\n".utf8).write(to: folder.appendingPathComponent("bad.yaml"))
            #expect(
                try errors("bad.yaml", "-o", "r") == """
                    error: bad.yaml:3: unknown key 'network', expected study, data, recipes, quantizations, networks, seeds, measure, \
                    latency
                           did you mean networks?

                    """)
            #expect(try errors("nothing.yaml", "-o", "r").hasPrefix("error: nothing.yaml: cannot open"))
            let missing = try errors("study.yaml", "-o", "r", "--data", "npz:gone.npz")
            #expect(missing.contains("gone.npz: cannot open"))
            #expect(missing.contains("36 images to train on, 9 to test with; get it from the moon"))
            #expect(try errors("study.yaml", "-o", "r", "--only", "nett").contains("did you mean net?"))
            #expect(try Command.run("report", "nowhere", in: folder).errors.hasPrefix("error: nowhere: there are no results in the folder"))
            let yaml = folder.appendingPathComponent("study.yaml")
            try Data(String(contentsOf: yaml, encoding: .utf8).replacing(", usual: 'npz:images.npz'", with: "").utf8).write(to: yaml)
            #expect(try errors("study.yaml", "-o", "r").contains("the study does not say where its images are, expected --data"))
        }
    }
}
