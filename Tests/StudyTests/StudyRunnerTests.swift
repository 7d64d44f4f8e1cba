import Datasets
import Execution
import Foundation
import GraphIR
import ONNXFormat
import OneDNNBackend
import Quantization
import Tensors
import Testing
import Training

@testable import Study

struct StudyRunnerTests {
    @Test func fillsInEveryCellOfTheTable() throws {
        try withStudy { study in
            #expect(try study.runner().run() == .complete)
            let float = try study.record("net"), int8 = try study.record("net-int8")
            for record in [float, int8] {
                #expect(record.training.epochs == 3 && record.training.plannedEpochs == 3 && record.training.isComplete)
                #expect(record.training.updates == 12 && record.version == StudyCase.version)
                #expect(record.evaluation?.images == 9 && record.latencies.map(\.batch) == [1, 2])
                #expect(record.latencies.allSatisfy { $0.median > 0 && $0.p10 <= $0.median && $0.median <= $0.p90 && $0.threads == 1 })
            }
            #expect(float.cost?.parameters == 179 && float.cost?.multiplyAccumulates == 4 * 27 * 64 + 48)
            #expect(float.layers?.contains { $0.signalToNoise != nil } == false)
            #expect(int8.layers?.filter { $0.signalToNoise != nil }.map(\.operatorName) == ["Conv", "Gemm"])
            #expect(float.model.byteCount == (try study.models()["net/trained.onnx"]?.count))
            // What is written down is what the model does.
            let graph = try Graph(onnx: study.results.trainedPath("net"))
            let split = try Dataset(DatasetSpecification(.npz, study.path("images.npz"))).loadEvaluation()
            let evaluation = try evaluate(
                graph, on: split, options: .init(batchSize: 9, normalization: .signed), backend: OneDNNBackend(threads: 1))
            #expect(float.evaluation?.top1 == evaluation.top1 && abs((float.evaluation?.loss ?? 0) - evaluation.loss) < 1e-6)
            #expect(IntegerLint(try Graph(onnx: study.results.path + "/net/int8.onnx"), target: .onnxruntime) != nil)
        }
    }

    /// Stops at every question in turn, and goes on: the models are the same bytes, whatever was done in one sitting.
    @Test func goesOnFromAnyPoint() throws {
        let expected = try withStudy { study in
            _ = try study.runner().run()
            return try study.models()
        }
        try withStudy { study in
            var sittings = 0
            while true {
                var questions = 0
                let observer = StudyObserver(isStopping: {
                    questions += 1
                    return questions > 3 + sittings % 5
                })
                let outcome = try study.runner(observer: observer).run()
                sittings += 1
                try #require(sittings < 100)
                if outcome == .complete { break }
                #expect(outcome == .interrupted)
            }
            #expect(sittings > 4)
            #expect(try study.models() == expected)
            #expect(try StudyPlan(study.description(), folder: study.results, rows: []).isComplete)
        }
    }

    @Test func whatIsDoneIsNotDoneAgain() throws {
        try withStudy { study in
            _ = try study.runner().run()
            let files = ["study.json", "rows/net.json", "rows/net-int8.json", "net/trained.onnx", "net/int8.onnx", "net/run/checkpoint.npz"]
            func dates() throws -> [Date?] {
                try files.map { name in
                    try FileManager.default.attributesOfItem(atPath: study.results.path + "/" + name)[.modificationDate] as? Date
                }
            }
            let before = try dates()
            // It needs no images either.
            try FileManager.default.removeItem(atPath: study.path("images.npz"))
            #expect(try study.runner().run() == .complete)
            #expect(try dates() == before)
        }
    }

    /// Cuts every file of the results in half, one at a time, as no crash can that meets files which are replaced in one step.
    @Test(arguments: [
        "study.json", "rows/net.json", "rows/net-int8.json", "net/initial.onnx", "net/initial.json", "net/trained.onnx", "net/trained.json",
        "net/int8.onnx", "net/int8.json", "net/run/checkpoint.npz", "net/run/history.csv",
    ])
    func halfWrittenFilesAreDoneAgain(name: String) throws {
        try withStudy { study in
            _ = try study.runner().run()
            let models = try study.models()
            let url = study.folder.appendingPathComponent("results/" + name)
            let whole = try Data(contentsOf: url)
            try whole.prefix(whole.count / 2).write(to: url)
            if !["study.json", "rows/net.json", "rows/net-int8.json", "net/run/history.csv"].contains(name) {
                #expect(try !StudyPlan(study.description(), folder: study.results, rows: []).isComplete)
            }
            var notes: [String] = []
            let outcome = try study.runner(observer: StudyObserver(note: { notes.append($0) })).run()
            #expect(outcome == .complete)
            #expect(try study.models() == models)
            #expect(try Data(contentsOf: url).count >= whole.count / 2 + 1)
            #expect(try StudyResults(contentsOf: study.results.path).damaged.isEmpty)
            if name.hasSuffix("csv") { #expect(notes.contains { $0.contains("history.csv was not whole, and is written anew") }) }
            if name.hasSuffix("npz") { #expect(notes.contains { $0.contains("checkpoint.npz.damaged, and training begins anew") }) }
        }
    }

    @Test func tablesOfUnfinishedNetworksSayHowFarTheyAre() throws {
        try withStudy { study in
            var options = StudyOptions()
            options.lastEpoch = 2
            #expect(try study.runner(StudyCase.yaml, options).run() == .unfinished(["net"]))
            #expect(!FileManager.default.fileExists(atPath: study.results.recordPath("net")))
            // Nothing is trained beyond the limit.
            #expect(try study.runner(StudyCase.yaml, options).run() == .unfinished(["net"]))
            var now = StudyOptions()
            now.reportsNow = true
            #expect(try study.runner(StudyCase.yaml, now).run() == .unfinished(["net"]))
            let record = try study.record("net-int8")
            #expect(record.training.epochs == 2 && record.training.updates == 8 && !record.training.isComplete)
            let plan = try StudyPlan(study.description(), folder: study.results, rows: [])
            #expect(plan.steps.map(\.state) == [.done, .begun("2 of 3 epochs"), .begun("after 2 epochs"), .done, .begun("after 2 epochs")])
            #expect(try study.runner().run() == .complete)
            #expect(try study.record("net-int8").training.epochs == 3)
            let whole = try study.models()
            try withStudy { other in
                _ = try other.runner().run()
                #expect(try other.models() == whole)
            }
        }
    }

    @Test func theDeadlineStopsAtACheckpoint() throws {
        try withStudy { study in
            var options = StudyOptions()
            var epochs = 0
            options.deadline = .now
            let observer = StudyObserver(epoch: { _, _, _ in epochs += 1 })
            let outcome = try study.runner(StudyCase.yaml, options, observer: observer).run()
            #expect(outcome == .outOfTime && epochs == 0)
            let rest = try study.runner().run()
            #expect(rest == .complete)
        }
    }

    /// What `cleave train --checkpoint` began is the study's own run.
    @Test func goesOnWithARunThatWasBegunElsewhere() throws {
        let expected = try withStudy { study in
            _ = try study.runner().run()
            return try study.models()
        }
        try withStudy { study in
            let dataset = try Dataset(DatasetSpecification(.npz, study.path("images.npz")))
            let recipe = try #require(try study.description().runs[0].recipe)
            let trainer = try Trainer(
                Graph(onnx: study.path("model.onnx")).lowered(), recipe: recipe, training: dataset.loadTraining(),
                validation: dataset.loadEvaluation(), teacher: nil, backend: OneDNNBackend(threads: 1))
            let files = RunFiles(
                model: "/elsewhere/model.onnx", teacher: nil, data: "npz:/elsewhere.npz", output: "/elsewhere/out.onnx", backend: "onednn",
                threads: 1, checkpointInterval: nil)
            let folder = try CheckpointFolder(creating: study.results.runPath("net"), files: files, version: StudyCase.version)
            let observer = TrainingObserver(isStopping: { trainer.state.updates >= 6 })
            #expect(try trainer.run(checkpoints: folder, observer: observer) == .interrupted)
            var epochs: [Int] = []
            let outcome = try study.runner(observer: StudyObserver(epoch: { epochs.append($2.epoch) })).run()
            #expect(outcome == .complete && epochs == [2, 3])
            #expect(try study.models() == expected)
        }
    }

    @Test func someOfTheImages() throws {
        try withStudy { study in
            let yaml = StudyCase.yaml.replacing("test: 9,", with: "test: 9, use: { training: 18, test: 6 },")
            let outcome = try study.runner(yaml).run()
            let record = try study.record("net")
            #expect(outcome == .complete && record.evaluation?.images == 6 && record.training.updates == 3 * 2)
        }
    }

    @Test func onlySomeRows() throws {
        try withStudy { study in
            var options = StudyOptions()
            options.rows = ["net-int8"]
            #expect(try study.runner(StudyCase.yaml, options).run() == .complete)
            #expect(!FileManager.default.fileExists(atPath: study.results.recordPath("net")))
            #expect(try study.record("net-int8").evaluation != nil)
            options.rows = ["net-int"]
            let error = try #require(throws: CleaveError.self) { try study.runner(StudyCase.yaml, options).run() }
            #expect(error.problem == "the study has no row 'net-int', expected net, net-int8")
            #expect(error.suggestion == "did you mean net-int8?")
        }
    }

    /// The network that is trained for 8 bits is an int8 one, and the same one after an interruption.
    @Test func networksTrainedForEightBits() throws {
        let recipe = "  aware: { like: short, epochs: 2, quantize-aware: {} }"
        let yaml = StudyCase.yaml.replacing("\nquantizations", with: "\n\(recipe)\nquantizations")
            .replacing("\nlatency", with: "\n  aware: { continue: net, recipe: aware }\nlatency")
        func trained(_ study: StudyCase) throws -> Data {
            try Data(contentsOf: study.folder.appendingPathComponent("results/aware/trained.onnx"))
        }
        let expected = try withStudy { study in
            let outcome = try study.runner(yaml).run()
            #expect(outcome == .complete)
            let record = try study.record("aware")
            #expect(record.training.epochs == 2 && record.evaluation?.images == 9 && record.latencies.count == 2)
            #expect(IntegerLint(try Graph(onnx: study.results.trainedPath("aware")), target: .onnxruntime) != nil)
            return try trained(study)
        }
        try withStudy { study in
            var options = StudyOptions()
            options.lastEpoch = 1
            options.rows = ["aware"]
            _ = try study.runner(yaml).run()
            try FileManager.default.removeItem(atPath: study.results.path + "/aware")
            let first = try study.runner(yaml, options).run()
            #expect(first == .unfinished(["aware"]))
            let second = try study.runner(yaml).run()
            #expect(try second == .complete && trained(study) == expected)
        }
    }

    @Test func convertedAndTaughtNetworks() throws {
        let yaml = StudyCase.yaml.replacing("3x8x8", with: "3x32x32").replacing(
            "  net: {", with: """
                  big: { build: resnet8, recipe: short }
                  small: { convert: big, form: depthwise, recipe: short }
                  longer: { continue: big, recipe: short }
                  taught: { build: resnet8, form: spatial, recipe: short, teacher: big, quantize: int8 }
                  net: {
                """)
        try withStudy { study in
            try BigImages.archive().write(to: study.path("big.npz"))
            var options = StudyOptions()
            options.rows = ["small", "longer", "taught-int8"]
            #expect(try study.runner(yaml, options, data: "big.npz").run() == .complete)
            let small = try study.record("small")
            #expect(small.training.isComplete && !FileManager.default.fileExists(atPath: study.results.recordPath("big")))
            let big = try Graph(onnx: study.results.trainedPath("big")).cost(assuming: [:])
            #expect((small.cost?.parameters ?? .max) < big.parameters)
            #expect(try study.record("taught-int8").evaluation?.images == 9)
            #expect(try study.record("longer").cost?.parameters == big.parameters)
            #expect(
                try Data(contentsOf: study.folder.appendingPathComponent("results/longer/initial.onnx"))
                    == Data(contentsOf: study.folder.appendingPathComponent("results/big/trained.onnx")))
            // Until the source is trained to its end, there is nothing to convert.
            let other = StudyRunner(
                try study.description(yaml), folder: StudyFolder(study.path("other")),
                data: DatasetSpecification(.npz, study.path("big.npz")),
                means: StudyMeans(backend: OneDNNBackend(threads: 1), backendName: "onednn", threads: 1, version: "1"),
                options: { var options = StudyOptions(); options.rows = ["small"]; options.lastEpoch = 1; return options }())
            #expect(try other.run() == .unfinished(["big", "small"]))
        }
    }
}

/// Images of 32×32 in three shades, with noise.
private enum BigImages {
    static func archive() throws -> NumpyArchive {
        var random = SeededRandom(seed: 4)
        var archive = NumpyArchive()
        for (suffix, count) in [("train", 36), ("test", 9)] {
            let labels = (0..<count).map { $0 % 3 }
            let pixels = labels.flatMap { label in (0..<32 * 32 * 3).map { _ in UInt8(random.next() % 60) + UInt8(label * 60) } }
            try archive.append("x_\(suffix)", Tensor(pixels, shape: [count, 32, 32, 3]))
            try archive.append("y_\(suffix)", Tensor(labels.map { Int64($0) }, shape: [count]))
        }
        return archive
    }
}

struct StudyRefusalTests {
    /// A folder of results is for one study; what both have must be the same, and the rest may come and go.
    @Test(arguments: [
        ("study: Quarters", "study: Halves", "it is of 'Quarters', and this is 'Halves'"),
        ("epochs: 3", "epochs: 4", "network 'net': epochs is 3 there, and 4 here"),
        ("learning-rate: 0.01", "learning-rate: 0.02", "network 'net': learning rate is 0.01 there, and 0.02 here"),
        ("samples: 12", "samples: 13", "row 'net-int8': samples is 12 there, and 13 here"),
        ("training: 36", "training: 37", "training images is 36 there, and 37 here"),
        ("seconds: 0.02", "seconds: 0.03", "latency is batches 1, 2, 0.02 s each there, and batches 1, 2, 0.03 s each here"),
        ("short, quantize: int8 }", "short, quantize: int8, seeds: 2 }", "network 'net': seed is 1 there, and 2 here"),
    ])
    func foldersOfOtherStudiesAreRefused(part: String, other: String, difference: String) throws {
        try withStudy { study in
            try study.results.begin(StudyManifest(study.description()))
            let changed = StudyCase.yaml.replacing(part, with: other)
            let error = try #require(throws: CleaveError.self) { try study.runner(changed).run() }
            #expect(error.problem == "the folder holds results of another study: \(difference)")
            #expect(throws: CleaveError.self) { try StudyPlan(study.description(changed), folder: study.results, rows: []) }
        }
    }

    @Test func studiesMayGrow() throws {
        try withStudy { study in
            try study.results.begin(StudyManifest(study.description()))
            let grown = StudyCase.yaml.replacing("int8: { samples: 12 }", with: "int8: { samples: 12 }\n  fine: { method: mse }")
                .replacing("quantize: int8", with: "quantize: [int8, fine]")
            try study.results.check(StudyManifest(study.description(grown)))
            try study.results.begin(StudyManifest(study.description(grown)))
            #expect(try StudyResults(contentsOf: study.results.path).manifest.runs[0].rows.map(\.id) == ["net", "net-int8", "net-fine"])
        }
    }

    @Test func foldersOfSomethingElseAreRefused() throws {
        try withStudy { study in
            try FileManager.default.createDirectory(atPath: study.results.path, withIntermediateDirectories: true)
            try Data().write(to: study.folder.appendingPathComponent("results/thesis.tex"))
            let error = try #require(throws: CleaveError.self) { try study.runner().run() }
            #expect(error.problem == "the folder holds something else than results of a study: 'thesis.tex'")
        }
    }

    @Test func missingImagesAreToldWithWhereToGetThem() throws {
        let advice = "the study needs Quarters: 3 classes, 36 images to train on, 9 to test with; get it from the moon"
        try withStudy(training: 30) { study in
            let other = try #require(throws: CleaveError.self) { try study.runner().run() }
            #expect(other.problem == "there are 30 images to train on, the study is about 36" && other.suggestion == advice)
            let missing = try #require(throws: CleaveError.self) { try study.runner(data: "nothing.npz").run() }
            #expect(missing.location.file == study.path("nothing.npz") && missing.suggestion == advice)
            // Nothing is begun, so that the study may still be mended.
            #expect(!FileManager.default.fileExists(atPath: study.results.manifestPath))
        }
    }

    @Test func whatIsOnlyCountedNeedsNoImages() throws {
        try withStudy { study in
            let counted = StudyCase.yaml.replacing(", recipe: short, quantize: int8 }", with: " }\nmeasure: [size, parameters, macs]")
            let outcome = try study.runner(counted, data: "nothing.npz").run()
            #expect(outcome == .complete)
        }
    }

    @Test func oneProcessAtATime() throws {
        try withStudy { study in
            let lock = try study.results.lock()
            let error = try #require(throws: CleaveError.self) { try study.runner().run() }
            #expect(error.problem == "another process is at work in the folder")
            withExtendedLifetime(lock) {}
        }
        try withStudy { study in
            do { _ = try study.results.lock() }
            #expect(try study.runner().run() == .complete)
        }
    }

    @Test func histories() {
        let title = "epoch,loss,accuracy,test_loss,test_accuracy,test_top5,learning_rate,seconds,images_per_second"
        let whole = StudyResults.history("\(title)\n1,2.5,0.1,,,,0.01,3.0,12.0\n2,1.5,0.5,1.25,0.75,0.9,0.01,3.5,12.0\n")
        #expect(whole?.map(\.epoch) == [1, 2] && whole?[0].testLoss == nil && whole?[1].testAccuracy == 0.75 && whole?[1].seconds == 3.5)
        for damaged in ["", "epoch,loss\n1,2", "\(title)\n1,2.5,0.1", "\(title)\none,2.5,0.1,,,,0.01,3.0,12.0\n"] {
            #expect(StudyResults.history(damaged) == nil)
        }
    }
}
