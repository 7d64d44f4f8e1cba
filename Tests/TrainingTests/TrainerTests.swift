import Autodiff
import Datasets
import Execution
import Foundation
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing
import TrainingCases

@testable import Training

private let images = QuarterImages(training: 36, test: 15)

private func largestDifference(_ left: [String: Tensor], _ right: [String: Tensor]) -> Double {
    left.map { name, tensor in
        zip(tensor.doubles() ?? [], right[name]?.doubles() ?? []).map { ($0 - $1).magnitude }.max() ?? .infinity
    }.max() ?? .infinity
}

struct TrainerTests {
    @Test(arguments: 0..<2)
    func learnsTheQuarters(backend: Int) throws {
        let trainer = try trainer(TinyClassifier().graph(), quickRecipe(epochs: 8), images, on: backends[backend])
        #expect(try trainer.run() == .ended(.complete))
        let history = trainer.state.history
        #expect(history.count == 8 && history.map(\.epoch) == Array(1...8))
        #expect(history[7].loss < 0.5 * history[0].loss)
        #expect(try #require(history[7].validation).top1 > 0.9)
        #expect(history.allSatisfy { $0.validation?.top5 == 1 && $0.imagesPerSecond > 0 })
    }

    /// Whatever form the file has, the result has the same one, and the normalization in its metadata.
    @Test func resultKeepsItsForm() throws {
        for form in [
            TinyClassifier(), TinyClassifier(batch: .known(1)), TinyClassifier(normalizes: false), TinyClassifier(channelsLast: true),
            TinyClassifier(dropout: 0.3, softmax: false),
        ] {
            let network = try form.graph()
            let trainer = try trainer(network, quickRecipe(epochs: 1), images)
            try trainer.run()
            let result = try trainer.result()
            #expect(result[result.inputs[0]].type == network[network.inputs[0]].type)
            #expect(result.nodes.map(\.operator) == network.nodes.map(\.operator))
            #expect(try Normalization(recordedIn: result) == .signed)
            #expect(constants(result)["conv.weight"] != constants(network)["conv.weight"])
            #expect(constants(result)["norm.mean"] != constants(network)["norm.mean"] || !form.normalizes)
        }
    }

    /// The layout of the input, a batch of one, and a softmax at the end make no difference to the weights.
    @Test func formsTrainAlike() throws {
        func trained(_ form: TinyClassifier) throws -> [String: Tensor] {
            let trainer = try trainer(form.graph(), quickRecipe(epochs: 1), images)
            try trainer.run()
            return constants(try trainer.result())
        }
        let usual = try trained(TinyClassifier())
        for form in [TinyClassifier(batch: .known(1)), TinyClassifier(channelsLast: true), TinyClassifier(softmax: false)] {
            #expect(try trained(form) == usual)
        }
    }

    /// A network that was exported as it is in training is evaluated, and comes out, as it is used.
    @Test func resultIsForInference() throws {
        func trained(_ form: TinyClassifier) throws -> (result: Graph, history: [EpochRecord]) {
            let trainer = try trainer(form.graph(), quickRecipe(epochs: 2), images, on: backends[1])
            try trainer.run()
            return (try trainer.result(), trainer.state.history)
        }
        let usual = try trained(TinyClassifier(dropout: 0.3))
        let exported = try trained(TinyClassifier(dropout: 0.3, trains: true))
        #expect(exported.history.map(\.loss) == usual.history.map(\.loss))
        #expect(exported.history.map(\.validation?.loss) == usual.history.map(\.validation?.loss))
        #expect(exported.result.nodes.map(\.operator) == usual.result.nodes.map(\.operator))
        func operandCounts(_ graph: Graph) -> [Int] { graph.nodes.map { $0.inputs.compactMap { $0 }.count } }
        #expect(operandCounts(exported.result) == operandCounts(usual.result))
    }

    @Test func accumulatedBatchesAreOneLargeBatch() throws {
        func trained(_ batchSize: Int, _ accumulation: Int) throws -> Trainer {
            var recipe = quickRecipe(epochs: 2, batchSize: batchSize)
            (recipe.accumulation, recipe.optimizer) = (accumulation, .sgd(momentum: 0.9, nesterov: true))
            let trainer = try trainer(TinyClassifier(normalizes: false).graph(), recipe, QuarterImages(training: 64, test: 0))
            try trainer.run()
            return trainer
        }
        let (large, small) = (try trained(32, 1), try trained(16, 2))
        #expect(large.state.updates == 4 && small.state.updates == 4)
        #expect(largestDifference(constants(try large.result()), constants(try small.result())) < 1e-5)
        #expect((large.state.history[1].loss - small.state.history[1].loss).magnitude < 1e-5)
    }

    /// Batches that do not fill a group make one update of their own mean.
    @Test func lastGroupOfAnEpochMayBeSmaller() throws {
        var recipe = quickRecipe(epochs: 2, batchSize: 8)
        recipe.accumulation = 3
        let trainer = try trainer(TinyClassifier().graph(), recipe, images)
        #expect(trainer.batchesPerEpoch == 4 && trainer.updatesPerEpoch == 2)
        try trainer.run()
        #expect(trainer.state.updates == 4)
    }

    @Test func averageFollowsItsFormula() throws {
        var recipe = quickRecipe(epochs: 2)
        recipe.averageDecay = 0.3
        let trainer = try trainer(TinyClassifier().graph(), recipe, images)
        var average = try trainer.session.tensors().parameters.mapValues { $0.doubles() ?? [] }
        for update in 1...8 {
            try trainer.run(observer: stopping(after: update, of: trainer))
            let decay = min(0.3, Double(1 + update) / Double(10 + update))
            for (name, tensor) in try trainer.session.tensors().parameters {
                average[name] = zip(average[name] ?? [], tensor.doubles() ?? []).map { decay * $0 + (1 - decay) * $1 }
            }
        }
        #expect(try trainer.run() == .ended(.complete))
        let result = constants(try trainer.result())
        for (name, expected) in average {
            let actual = try #require(result[name]?.doubles())
            #expect(zip(actual, expected).allSatisfy { ($0 - $1).magnitude < 1e-6 }, "\(name)")
        }
        #expect(try result["conv.weight"] != trainer.session.tensors().parameters["conv.weight"])
    }

    @Test func stopsEarlyAndKeepsTheBestEpoch() throws {
        let network = try TinyClassifier().graph()
        var recipe = quickRecipe(epochs: 9)
        recipe.patience = 2
        let wrong = QuarterImages(training: 36, test: 15, contradicts: true)
        let stopped = try trainer(network, recipe, wrong)
        #expect(try stopped.run() == .ended(.early))
        let best = try #require(stopped.state.bestEpoch)
        #expect(stopped.state.history.count == best + 2)
        let losses = stopped.state.history.compactMap { $0.validation?.loss }
        #expect(losses.min() == losses[best - 1])
        recipe.patience = nil
        let short = try trainer(network, recipe, wrong)
        try short.run(observer: stopping(after: best * 4, of: short))
        #expect(try constants(short.result()) == constants(stopped.result()))

        recipe.patience = 2
        #expect(failure { _ = try trainer(network, recipe, QuarterImages(training: 36, test: 0)) }.contains("no validation images"))
    }

    @Test func frozenPartsStayAsTheyAre() throws {
        let network = try TinyClassifier().graph()
        var recipe = quickRecipe(epochs: 2)
        recipe.frozen = [NamePattern("conv*"), NamePattern("norm")]
        recipe.weightDecay = 0.1
        recipe.initialization = .glorot
        let trainer = try trainer(network, recipe, images)
        #expect(trainer.parameterCounts.frozen == 4 * 27 + 4 + 8 && trainer.parameterCounts.trained == 51)
        try trainer.run()
        let (before, after) = (constants(network), constants(try trainer.result()))
        for name in ["conv.weight", "conv.bias", "norm.scale", "norm.bias", "norm.mean", "norm.variance"] {
            #expect(before[name] == after[name], "\(name)")
        }
        #expect(before["dense.weight"] != after["dense.weight"] && before["dense.bias"] != after["dense.bias"])
        recipe.frozen = [NamePattern("stage9*")]
        #expect(failure { _ = try tried(network, recipe) }.contains("the pattern 'stage9*' freezes nothing"))
        recipe.frozen = [NamePattern("*")]
        #expect(failure { _ = try tried(network, recipe) }.contains("frozen, expected one at least to train"))
    }

    private func tried(_ network: Graph, _ recipe: TrainingRecipe) throws -> Trainer { try trainer(network, recipe, images) }

    @Test func meanSquaredErrorTrains() throws {
        var recipe = quickRecipe(epochs: 6)
        recipe.loss = .meanSquaredError
        let trainer = try trainer(TinyClassifier().graph(), recipe, images)
        try trainer.run()
        let history = trainer.state.history
        #expect(history[5].loss < 0.7 * history[0].loss && history[0].loss < 0.5)
        #expect(try #require(history[5].validation).loss < 0.3)
    }

    /// Weights that hardly change show what the masks do: they are others in every epoch.
    @Test(arguments: 0..<2)
    func dropoutIsAnotherInEveryEpoch(backend: Int) throws {
        func losses(_ dropout: Float?) throws -> [Double] {
            var recipe = quickRecipe(epochs: 4, batchSize: 36)
            (recipe.optimizer, recipe.learningRate, recipe.shuffles) = (.sgd(momentum: 0, nesterov: false), 1e-12, false)
            let trainer = try trainer(TinyClassifier(dropout: dropout).graph(), recipe, images, on: backends[backend])
            try trainer.run()
            return trainer.state.history.map(\.loss).sorted()
        }
        let (plain, dropped) = (try losses(nil), try losses(0.3))
        #expect(plain[3] - plain[0] < 1e-6)
        #expect(zip(dropped, dropped.dropFirst()).allSatisfy { $1 - $0 > 1e-5 }, "\(dropped)")
    }

    @Test(arguments: 0..<2)
    func trainingBeginsWithTheFreshWeights(backend: Int) throws {
        let network = try TinyClassifier().graph()
        var recipe = quickRecipe(epochs: 1)
        recipe.initialization = .he
        let trainer = try trainer(network, recipe, images, on: backends[backend])
        let fresh = constants(try Initialization.he.initialize(network, seed: recipe.seed, isChosen: { _ in true }))
        let began = try trainer.session.tensors().parameters
        #expect(began.count == 6 && began.allSatisfy { fresh[$0.key] == $0.value })
        #expect(constants(network)["conv.weight"] != fresh["conv.weight"])
    }

    @Test func freshWeightsFollowTheSeed() throws {
        let network = try TinyClassifier().graph()
        for (initialization, fanIn) in [(Initialization.glorot, 27.0), (.he, 27)] {
            func fresh(_ seed: UInt64) throws -> [String: Tensor] {
                constants(try initialization.initialize(network, seed: seed, isChosen: { _ in true }))
            }
            let weights = try fresh(1)
            #expect(try fresh(1) == weights)
            #expect(try fresh(2)["conv.weight"] != weights["conv.weight"])
            #expect(weights["norm.variance"]?.doubles() == [1, 1, 1, 1] && weights["dense.bias"]?.doubles() == [0, 0, 0])
            let values = try #require(weights["conv.weight"]?.doubles())
            let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
            // 108 numbers: their variance is within 50 % but once in thousands of seeds.
            let expected = initialization == .he ? 2 / fanIn : 2 / (fanIn + 36)
            #expect(variance > 0.5 * expected && variance < 1.5 * expected, "\(initialization): \(variance), expected \(expected)")
            if initialization == .glorot { #expect(values.allSatisfy { $0.magnitude <= (6 / (fanIn + 36)).squareRoot() }) }
        }
    }
}

struct DistillationTests {
    private func distilled(_ teacher: Graph, normalization: Normalization = .signed) throws -> Trainer {
        var recipe = quickRecipe(epochs: 1)
        recipe.loss = .distillation(temperature: 2, alpha: 1, labelSmoothing: 0)
        recipe.normalization = normalization
        return try trainer(TinyClassifier(seed: 11).graph(), recipe, images, teacher: teacher)
    }

    private func batch(_ trainer: Trainer) throws -> Batch {
        let loader = try BatchLoader(trainer.trainingSplit, for: trainer.input, options: trainer.recipe.loaderOptions, epochs: 1)
        return try #require(try loader.next())
    }

    @Test func lossIsTheDivergenceFromTheTeacher() throws {
        let teacher = try TinyClassifier(seed: 12).graph()
        let trainer = try distilled(teacher)
        let batch = try batch(trainer)
        func scores(_ graph: Graph) throws -> LabelScores {
            let logits = try graph.computing(only: [graph.logits(behind: graph.outputs[0])])
            let plan = try ReferenceBackend().prepare(logits, inputShapes: ["images": batch.images.shape])
            return try LabelScores(#require(try plan.makeSession().run(["images": batch.images])["logits"]), count: 8)
        }
        let given = try trainer.inputs(of: batch, number: 0)["teacher_logits"]
        let taught = try scores(teacher)
        #expect(given?.doubles() == taught.values)

        /// The student as it is trained: its batch norm takes the batch's statistics.
        let results = try trainer.session.accumulate(trainer.inputs(of: batch, number: 0), scale: 1)
        let student = try LabelScores(#require(results[trainer.training.graph[trainer.training.logits].name]), count: 8)
        func logSoftmax(_ scores: ArraySlice<Double>) -> [Double] {
            let sum = log(scores.reduce(0) { $0 + exp($1 / 2) })
            return scores.map { $0 / 2 - sum }
        }
        let divergences = (0..<8).map { image in
            zip(logSoftmax(taught[image]), logSoftmax(student[image])).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        let loss = try #require(results[trainer.training.graph[trainer.training.loss].name]?.doubles()?.first)
        #expect((loss - 4 * divergences.reduce(0, +) / 8).magnitude < 1e-5)
    }

    /// A teacher that was trained with other pixels, channels last and for one image, sees the same pictures.
    @Test func teachersSeeTheirOwnInput() throws {
        var other = try TinyClassifier(batch: .known(1), channelsLast: true, seed: 12).graph()
        Normalization.imagenet.record(in: &other)
        let trainer = try distilled(other, normalization: .unit)
        let batch = try batch(trainer)
        let given = try #require(try trainer.inputs(of: batch, number: 0)["teacher_logits"]?.doubles())
        let input = ImageInput(name: "images", layout: .nhwc, channels: 3, height: 8, width: 8, batch: nil)
        var options = trainer.recipe.loaderOptions
        options.normalization = .imagenet
        let own = try #require(try BatchLoader(trainer.trainingSplit, for: input, options: options, epochs: 1).next())
        let graph = try other.forBatches(of: 8)
        let session = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession()
        let expected = try #require(try session.run(["images": own.images], observing: ["logits"])["logits"]?.doubles())
        #expect(zip(given, expected).allSatisfy { ($0 - $1).magnitude < 1e-5 })
    }

    @Test func teachersHaveToFit() throws {
        #expect(failure { _ = try distilled(TinyClassifier(classes: 4).graph()) }.contains("both have to know the same classes"))
        var recipe = quickRecipe(epochs: 1)
        let network = try TinyClassifier().graph()
        #expect(failure { _ = try trainer(network, recipe, images, teacher: network) }.contains("the loss is not distillation"))
        recipe.loss = .distillation(temperature: 1, alpha: 0.5, labelSmoothing: 0)
        #expect(failure { _ = try trainer(network, recipe, images) }.contains("distillation needs a teacher"))
    }
}

struct DivergenceTests {
    @Test func namesTheFirstTensorAndKeepsTheCheckpoint() throws {
        try withTemporaryFolder { path in
            var recipe = quickRecipe(epochs: 4)
            recipe.optimizer = .sgd(momentum: 0, nesterov: false)
            let network = try TinyClassifier().graph()
            let good = try trainer(network, recipe, images)
            let folder = CheckpointFolder(path, files: someFiles, version: "1")
            try good.run(checkpoints: folder, observer: stopping(after: 3, of: good))
            let before = try Data(contentsOf: URL(fileURLWithPath: path + "/" + Checkpoint.fileName))

            recipe.learningRate = 1e38
            let bad = try trainer(network, recipe, images)
            let text = failure { try bad.run(checkpoints: folder) }
            #expect(text.contains("in epoch 1, at step 2 of 4; the first tensor with such a number is '"), "\(text)")
            #expect(text.contains("node 'conv' (Conv)") || text.contains("node 'logits' (Gemm)"), "\(text)")
            #expect(text.contains("the last good checkpoint is in \(path); lower the learning rate of 1e+38"), "\(text)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path + "/" + Checkpoint.fileName)) == before)
        }
    }

    @Test func namesAnInputThatIsNoNumber() throws {
        var pixels = [Float](repeating: 1, count: 12 * 192)
        pixels[200] = .nan
        var archive = NumpyArchive()
        try archive.append("x", Tensor(pixels, shape: [12, 8, 8, 3]))
        try archive.append("y", Tensor((0..<12).map { Int64($0 % 3) }, shape: [12]))
        var recipe = quickRecipe(epochs: 1, batchSize: 12)
        recipe.normalization = .raw
        let trainer = try Trainer(
            TinyClassifier().graph(), recipe: recipe, training: splits(archive).training, validation: nil, teacher: nil,
            backend: ReferenceBackend())
        let text = failure { try trainer.run() }
        #expect(text.contains("the loss is not a number in epoch 1, at step 1 of 1; "))
        #expect(text.contains("the first tensor with such a number is the input 'images', by the pixels of "), "\(text)")
        #expect(text.contains("image 1; leave such images out"), "\(text)")
    }

    @Test func namesATeacherWithoutScores() throws {
        var teacher = try TinyClassifier(seed: 12).graph()
        let bias = try Tensor([0, .nan, 0] as [Float], shape: [3])
        teacher = try TrainingGraph.updating(teacher, with: ["dense.bias": bias])
        var recipe = quickRecipe(epochs: 1)
        recipe.loss = .distillation(temperature: 2, alpha: 0.5, labelSmoothing: 0)
        let trainer = try trainer(TinyClassifier().graph(), recipe, images, teacher: teacher)
        let text = failure { try trainer.run() }
        #expect(text.contains("the first tensor with such a number is one of the teacher's scores; look at the teacher"), "\(text)")
    }

    /// Weights that became infinite are not written, though no loss has shown them yet.
    @Test func checkpointsHoldNumbersOnly() throws {
        try withTemporaryFolder { path in
            var recipe = quickRecipe(epochs: 1)
            recipe.optimizer = .sgd(momentum: 0, nesterov: false)
            recipe.learningRate = 1e300
            let trainer = try trainer(TinyClassifier().graph(), recipe, QuarterImages(training: 8, test: 0))
            let text = failure { try trainer.run(checkpoints: CheckpointFolder(path, files: someFiles, version: "1")) }
            #expect(text.contains("after update 1, in epoch 2, the parameter '"), "\(text)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
        }
    }
}

struct LabelTests {
    @Test func labelsThatTheNetworkHasNoScoreForAreRefused() throws {
        var archive = NumpyArchive()
        try archive.append("x", Tensor([UInt8](repeating: 9, count: 8 * 192), shape: [8, 8, 8, 3]))
        try archive.append("y", Tensor([0, 1, 2, 0, 1, 3, 2, 1] as [Int64], shape: [8]))
        let split = try splits(archive).training
        let text = failure {
            _ = try Trainer(
                TinyClassifier().graph(), recipe: quickRecipe(epochs: 1), training: split, validation: nil, teacher: nil,
                backend: ReferenceBackend())
        }
        #expect(text.contains("the label is 3, expected 0…2: the network has 3 classes, the data set 4"), "\(text)")
        #expect(
            failure {
                _ = try evaluate(
                    TinyClassifier().graph(), on: split, options: .init(batchSize: 4, normalization: .unit), backend: ReferenceBackend())
            } == text)
    }
}
