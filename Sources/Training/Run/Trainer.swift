import Autodiff
import Datasets
import Execution
import Foundation
import GraphIR
import Quantization
import Tensors

/// Trains a network on labelled images by a recipe.
///
///     let trainer = try Trainer(network, recipe: recipe, training: data.loadTraining(), validation: data.loadEvaluation(),
///                               teacher: nil, backend: OneDNNBackend())
///     try trainer.run()
///     let trained = try trainer.result()
///
/// A trainer is used by one thread at a time.
public final class Trainer {
    public enum Outcome: Hashable, Sendable {
        case ended(TrainingState.End)
        /// The observer, or the task's cancellation, stopped the run.
        case interrupted
    }

    public let recipe: TrainingRecipe
    /// The network for inference, with the weights that training began with; one trained for 8 bits rounds as the int8 network will.
    public let network: Graph
    public let training: TrainingGraph
    public let trainingSplit: DatasetSplit
    public let validationSplit: DatasetSplit?
    public internal(set) var state = TrainingState()
    /// Images that could not be read since this trainer began.
    public internal(set) var unreadable: [UnreadableImage] = []
    public let batchesPerEpoch: Int

    let backend: any Backend
    let session: any TrainingSession
    let input: ImageInput
    let target: LabelTarget
    let teacher: Teacher?
    /// What an int8 network is made of.
    let fakeQuantized: FakeQuantizedNetwork?
    /// The ranges that training for 8 bits began with, by value.
    let ranges: [String: ValueRange]?
    let fingerprints: (network: NetworkFingerprint, teacher: NetworkFingerprint?, data: DataFingerprint)
    /// Weights and running statistics after the best epoch.
    var best: [String: Tensor] = [:]
    let stopwatch = StepStopwatch()

    /// Makes everything ready for the first step.
    /// - Parameters:
    ///   - network: takes one float32 image input of four dimensions; the loss is about its first output.
    ///   - validation: the images that every epoch is followed by an evaluation on.
    ///   - teacher: for distillation, and only then.
    ///   - ranges: for a recipe that trains for 8 bits, and then `network` is prepared for quantization: `CalibrationRecord.ranges`.
    /// - Throws: `CleaveError` for a network that cannot be trained so, images or labels that do not fit it, a pattern that
    ///   freezes nothing, or numbers out of range.
    public init(
        _ network: Graph, recipe: TrainingRecipe, training split: DatasetSplit, validation: DatasetSplit?, teacher: Graph?,
        ranges: [String: ValueRange]? = nil, backend: any Backend
    ) throws {
        try recipe.check()
        self.recipe = recipe
        self.backend = backend
        trainingSplit = split
        validationSplit = validation
        fingerprints = (NetworkFingerprint(network), teacher.map { NetworkFingerprint($0) }, DataFingerprint(split))
        input = try ImageInput(of: network)
        try network.checkPatterns(recipe.frozen)
        self.ranges = ranges
        let plain = try network.forInference()
        let fakeQuantized = try recipe.awareness.map { try FakeQuantizedNetwork(plain, ranges: ranges ?? [:], awareness: $0) }
        self.fakeQuantized = fakeQuantized
        let network = fakeQuantized?.graph ?? plain
        func graph(of network: Graph) throws -> TrainingGraph {
            try TrainingGraph(
                of: network, output: nil, loss: recipe.loss, batchSize: recipe.batchSize, seed: Int(truncatingIfNeeded: recipe.seed),
                movingRanges: fakeQuantized?.averages ?? [],
                isFrozen: { name in
                    // The scales of a frozen weight are frozen, too.
                    let names = [name] + (fakeQuantized?.owners[name] ?? [])
                    return recipe.frozen.contains { pattern in names.contains { pattern.matches($0) } }
                })
        }
        var training = try graph(of: network)
        self.network = try recipe.initialization.map {
            let names = Set(training.parameters.filter(\.isTrainable).map(\.name) + training.stateUpdates.map(\.name))
            return try $0.initialize(network, seed: recipe.seed, isChosen: names.contains)
        } ?? network
        if recipe.initialization != nil { training = try graph(of: self.network) }
        self.training = training
        target = try LabelTarget(training)
        let classCount = training.graph[training.logits].tensorType?.knownShape?.dropFirst().first ?? 0
        for split in [split, validation].compactMap({ $0 }) { try split.checkLabels(classCount: classCount) }
        if recipe.patience != nil, validation == nil {
            throw CleaveError(
                .invalidRequest, "there are no validation images, which early stopping goes by", suggestion: "leave early stopping out")
        }
        let loader = try BatchLoader(split, for: input, options: recipe.loaderOptions, epochs: 0)
        batchesPerEpoch = loader.batchesPerEpoch
        self.teacher = try Self.teacher(teacher?.forInference(), of: training, recipe, input, loader.shape, backend)
        session = try backend.prepareTraining(
            TrainingProgram(training, optimizer: recipe.optimizer, keepsAverage: recipe.averageDecay != nil))
    }

    private static func teacher(
        _ teacher: Graph?, of training: TrainingGraph, _ recipe: TrainingRecipe, _ input: ImageInput, _ shape: ImageShape,
        _ backend: any Backend
    ) throws -> Teacher? {
        guard training.inputs.teacherLogits != nil else {
            guard teacher == nil else { throw CleaveError(.invalidRequest, "a teacher is given, but the loss is not distillation") }
            return nil
        }
        guard let teacher, let type = training.graph[training.logits].tensorType else {
            throw CleaveError(.invalidRequest, "distillation needs a teacher")
        }
        let own = try Normalization(recordedIn: teacher) ?? recipe.normalization
        return try Teacher(
            teacher, student: input, shape: shape, normalization: (recipe.normalization, own), logits: type,
            batchSize: recipe.batchSize, backend: backend)
    }

    public var updatesPerEpoch: Int { (batchesPerEpoch + recipe.accumulation - 1) / recipe.accumulation }

    /// Parameters that training changes, and those that it keeps.
    public var parameterCounts: (trained: Int, frozen: Int) {
        training.parameters.reduce(into: (0, 0)) { counts, parameter in
            let count = training.graph.constant(parameter.value)?.count ?? 0
            if parameter.isTrainable { counts.0 += count } else { counts.1 += count }
        }
    }

    // MARK: Results

    /// The network for inference as it is trained now, an int8 one if the recipe trains for that: with the weights of the best epoch,
    /// their moving average, or the last ones, whichever the recipe asks for; how images are normalized is in its metadata.
    public func result() throws -> Graph {
        var graph = try TrainingGraph.updating(network, with: best.isEmpty ? currentTensors() : best)
        if let fakeQuantized { graph = try fakeQuantized.quantized(graph) }
        recipe.normalization.record(in: &graph)
        return graph
    }

    /// What an epoch is evaluated with.
    func currentTensors() throws -> [String: Tensor] {
        let tensors = try session.tensors()
        return tensors.parameters.merging(tensors.averages) { _, average in average }.merging(tensors.states) { first, _ in first }
    }

    // MARK: Checkpoints

    /// - Throws: `CleaveError` when a number is not finite.
    func checkpoint(_ folder: CheckpointFolder) throws -> Checkpoint {
        let tensors = try session.tensors()
        if let name = tensors.firstNotFinite {
            throw CleaveError(
                .invalidNumbers, "after update \(state.updates), in epoch \(state.epoch + 1), \(name) holds numbers that are not finite",
                suggestion: Self.advice(recipe, folder: folder.path))
        }
        return Checkpoint(
            description: .init(
                version: folder.version, recipe: recipe, files: folder.files, network: fingerprints.network,
                teacher: fingerprints.teacher, data: fingerprints.data, ranges: ranges, state: state),
            tensors: tensors, best: best)
    }

    /// Goes on where the checkpoint was written, to the same bits.
    /// - Parameter version: of Cleave.
    /// - Throws: `CleaveError` that says what is different, for a checkpoint of another version, network, teacher or data set.
    public func restore(_ checkpoint: Checkpoint, version: String) throws {
        let description = checkpoint.description
        func refuse(_ what: String, _ difference: String?) throws {
            guard let difference else { return }
            throw CleaveError(
                .invalidRequest, "the checkpoint is of another \(what): \(difference)",
                suggestion: "give what the run began with, or begin a new one")
        }
        try refuse(
            "version", description.version == version ? nil : "it was written by Cleave \(description.version), and this is \(version)")
        try refuse("recipe", description.recipe == recipe ? nil : "the numbers of the recipe are not the same")
        try refuse("network", description.network.difference(in: fingerprints.network))
        if let (old, new) = description.teacher.flatMap({ old in fingerprints.teacher.map { (old, $0) } }) {
            try refuse("teacher", old.difference(in: new))
        }
        try refuse("data set", description.data.difference(in: fingerprints.data))
        let state = description.state
        guard (0...recipe.epochs).contains(state.epoch), (0...batchesPerEpoch).contains(state.batch), state.updates >= 0,
            state.history.count == state.epoch, state.bestEpoch.map({ (1...max(state.epoch, 1)).contains($0) }) ?? true
        else {
            throw CleaveError(
                .malformedFile, "the position in the checkpoint is epoch \(state.epoch), batch \(state.batch), which makes no sense")
        }
        try session.restore(checkpoint.tensors)
        self.state = state
        best = checkpoint.best
    }

    static func advice(_ recipe: TrainingRecipe, folder: String?) -> String {
        let kept = folder.map { "the last good checkpoint is in \($0); " } ?? ""
        return kept + "lower the learning rate of \(recipe.learningRate)"
            + (recipe.maximalGradientNorm == nil ? ", or limit the gradients (--clip 1)" : "")
    }
}

extension FakeQuantizedNetwork {
    fileprivate var averages: [TrainingGraph.MovingAverage] {
        movingRanges.map { .init(value: $0.value, low: $0.low, high: $0.high, momentum: $0.momentum) }
    }
}

extension TrainingRecipe {
    var loaderOptions: BatchLoader.Options {
        .init(
            batchSize: batchSize, shuffles: shuffles, seed: seed, normalization: normalization, augmentation: augmentation,
            remainder: .dropped, skipsUnreadable: skipsUnreadable)
    }
}

extension Graph {
    /// - Throws: `CleaveError` for a pattern that matches neither a node nor a constant.
    fileprivate func checkPatterns(_ patterns: [NamePattern]) throws {
        for pattern in patterns {
            let isFound = nodes.contains { pattern.matches(label(of: $0)) }
                || values.contains { constant($0.id) != nil && pattern.matches($0.name) }
            guard !isFound else { continue }
            throw CleaveError(
                .invalidRequest, "the pattern '\(pattern)' freezes nothing: no node and no parameter has such a name",
                suggestion: "`cleave inspect --layers` lists the names")
        }
    }
}
