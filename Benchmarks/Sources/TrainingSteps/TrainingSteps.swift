import ArgumentParser
import Cleave
import Foundation

/// Trains a network of the zoo on random images, and prints how long a step takes.
@main
struct TrainingSteps: ParsableCommand {
    @Argument(help: "A network of the zoo: resnet50v2, resnet20 …") var model = "resnet50v2"
    @Option(help: "standard, spatial or depthwise") var form = "standard"
    @Option(help: "Images per step") var batch = 32
    @Option(help: "adam or sgd") var optimizer = "adam"
    @Option(help: "Of the computation") var threads = 2
    @Option(help: "Steps that are timed") var steps = 20
    @Flag(help: "Print what every node takes") var profile = false
    @Flag(help: "On the reference backend") var reference = false
    @Flag(help: "Print one object and nothing else") var json = false
    @Option(help: "Train as the command does, on images of a data set (folder:DIR …), or 'random' ones, loaded and augmented meanwhile")
    var data: String?

    func run() throws {
        guard let zoo = ZooModel(rawValue: model), let form = NetworkForm(rawValue: form), batch > 0, steps > 0 else {
            throw ValidationError("there is no such network or form")
        }
        let network = try zoo.graph(classes: 10, input: [3, 32, 32], form: form, seed: 1, softmax: false)
        let backend: any Backend = reference ? ReferenceBackend() : OneDNNBackend(threads: threads)
        let before = cpuSeconds()
        let times = try data.map { try trainerSteps(network, backend, data: $0) } ?? sessionSteps(network, backend)
        let (elapsed, loss) = (times.seconds.sorted(), times.loss)
        let median = elapsed[elapsed.count / 2]
        if json {
            var usage = rusage()
            // RUSAGE_SELF, which Glibc declares as another type.
            getrusage(0, &usage)
            return print(String(format: "{\"milliseconds\": %.3f, \"megabytes\": %.1f}", median * 1e3, Double(usage.ru_maxrss) / 1024))
        }
        print(
            String(
                format: "%.1f ms per step (best %.1f, processor %.1f), %.1f images/s, loss %.4f", median * 1e3, elapsed[0] * 1e3,
                (cpuSeconds() - before) / Double(steps) * 1e3, Double(batch) / median, loss))
    }

    private var method: Optimizer {
        optimizer == "sgd" ? .sgd(momentum: 0.9, nesterov: true) : .adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7))
    }

    /// The trainer's steps, from one report of progress to the next.
    private func trainerSteps(_ network: Graph, _ backend: any Backend, data: String) throws -> (seconds: [Double], loss: Double) {
        let archive = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-steps-\(getpid()).npz").path
        defer { try? FileManager.default.removeItem(atPath: archive) }
        if data == "random" { try randomImages().write(to: archive) }
        let split = try Dataset(DatasetSpecification(parsing: data == "random" ? "npz:" + archive : data)).loadTraining()
        let recipe = TrainingRecipe(
            epochs: 1 + (steps + 4) * batch / split.count, batchSize: batch, optimizer: method, learningRate: 1e-3, seed: 7,
            augmentation: try Augmentation(parsing: "flip,rotate=15,crop=4"), normalization: .signed)
        let trainer = try Trainer(network, recipe: recipe, training: split, validation: nil, teacher: nil, backend: backend)
        var ends: [ContinuousClock.Instant] = []
        var loss = Double.nan
        try trainer.run(
            observer: TrainingObserver(
                progress: { progress in
                    ends.append(.now)
                    loss = progress.loss
                },
                isStopping: { ends.count > steps + 3 }))
        return (zip(ends.dropFirst(4), ends.dropFirst(3)).map { ($0 - $1) / .seconds(1) }, loss)
    }

    private func randomImages() throws -> NumpyArchive {
        var random = SeededRandom(seed: 7)
        let images = (0..<2048 * 32 * 32 * 3).map { _ in UInt8(truncatingIfNeeded: Int(random.uniform(0, 256))) }
        return try NumpyArchive([
            .init(name: "x", tensor: Tensor(images, shape: [2048, 32, 32, 3])),
            .init(name: "y", tensor: Tensor((0..<2048).map { Int32($0 % 10) }, shape: [2048])),
        ])
    }

    /// The steps of a backend's training session alone.
    private func sessionSteps(_ network: Graph, _ backend: any Backend) throws -> (seconds: [Double], loss: Double) {
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: batch, seed: 0, isFrozen: { _ in false })
        let program = TrainingProgram(training, optimizer: method, keepsAverage: false)
        let session = try backend.prepareTraining(program)
        var random = SeededRandom(seed: 7)
        let images = try Tensor(shape: [batch, 3, 32, 32], of: Float.self) { elements in
            for index in elements.indices { elements[index] = Float(random.uniform(-1, 1)) }
        }
        let labels = try Tensor((0..<batch).map { Int64($0 % 10) }, shape: [batch])
        let inputs = [training.inputs.data[0]: images, training.inputs.target: labels]
        var number = 0
        func update() -> ParameterUpdate {
            number += 1
            let step = OptimizerStep(optimizer: method, learningRate: 1e-3, weightDecay: 0, number: number)
            return ParameterUpdate(step: step, maximalGradientNorm: nil, averageDecay: 0)
        }
        var loss = Double.nan
        func step() throws {
            let results = try session.accumulate(inputs, scale: 1)
            _ = try session.update(update())
            loss = results[training.graph[training.loss].name]?.doubles()?.first ?? .nan
        }
        for _ in 0..<3 {
            try step()
            if !json { print("loss \(loss)") }
        }
        if profile, let session = session as? any ProfilingTrainingSession {
            try show(session, inputs, update)
        }
        let seconds = try (0..<steps).map { _ in try ContinuousClock().measure { try step() } / .seconds(1) }
        return (seconds, loss)
    }

    private func show(_ session: any ProfilingTrainingSession, _ inputs: [String: Tensor], _ update: () -> ParameterUpdate) throws {
        var runs: [[ExecutionProfile.Step]] = []
        var updates: [Double] = []
        for _ in 0..<20 {
            runs.append(try session.profileAccumulation(inputs, scale: 1).profile.steps)
            updates.append(try ContinuousClock().measure { _ = try session.update(update()) } / .seconds(1))
        }
        for isBackward in [false, true] {
            var kinds: [String: (seconds: Double, count: Int)] = [:]
            var total = 0.0
            for index in runs[0].indices where runs[0][index].isBackward == isBackward {
                let seconds = runs.map { $0[index].seconds }.min() ?? 0, step = runs[0][index]
                total += seconds
                let key = "\(step.operatorName) \(step.kernel)\(step.isFallback ? " (reference)" : "")"
                kinds[key, default: (0, 0)].seconds += seconds
                kinds[key, default: (0, 0)].count += 1
                let numbers = String(
                    format: "  %8.3f ms %6.1f GFLOP/s %6.1f GB/s  ", seconds * 1e3, 2 * Double(step.multiplyAccumulates) / seconds / 1e9,
                    Double(step.byteCount) / seconds / 1e9)
                print(numbers + "\(step.operatorName)  \(step.kernel)  \(step.nodes.joined(separator: " + "))")
            }
            print("\(isBackward ? "backward" : "forward") \(String(format: "%.2f ms", total * 1e3))")
            for (key, value) in kinds.sorted(by: { ($0.value.seconds, $0.key) > ($1.value.seconds, $1.key) }) {
                print(String(format: "  %8.3f ms %4d  ", value.seconds * 1e3, value.count) + key)
            }
        }
        print(String(format: "optimizer %.2f ms", (updates.min() ?? 0) * 1e3))
    }

    private func cpuSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }
}
