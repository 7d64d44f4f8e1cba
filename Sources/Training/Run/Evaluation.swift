import Autodiff
import Datasets
import Execution
import Foundation
import GraphIR
import Tensors

/// How well a network classifies labelled images.
public struct Evaluation: Sendable {
    public var split: String
    /// Names of the classes: the data set's, and numbers for those that only the network has.
    public var classes: [String]
    public var confusion: ConfusionMatrix
    /// The mean over the images.
    public var loss: Double
    /// Images whose class is among the five highest scores.
    public var top5Count: Int
    /// Images without a score that is a number.
    public var unscoredCount: Int
    /// From the first batch to the last; compiling the network is not counted.
    public var seconds: Double
    public var unreadable: [UnreadableImage]

    public var count: Int { confusion.count + unscoredCount }
    public var top1: Double { count > 0 ? Double(confusion.correctCount) / Double(count) : 0 }
    public var top5: Double { count > 0 ? Double(top5Count) / Double(count) : 0 }
    public var imagesPerSecond: Double { seconds > 0 ? Double(count) / seconds : 0 }
}

/// How many images of each class are taken for which.
public struct ConfusionMatrix: Hashable, Sendable {
    /// By class, what its images are taken for, and how many are.
    private var rows: [[Int: Int]]

    init(classCount: Int) { rows = Array(repeating: [:], count: classCount) }

    public internal(set) subscript(label: Int, answer: Int) -> Int {
        get { rows[label][answer] ?? 0 }
        set { rows[label][answer] = newValue }
    }

    public var count: Int { rows.reduce(0) { $0 + $1.values.reduce(0, +) } }
    public var correctCount: Int { rows.indices.reduce(0) { $0 + self[$1, $1] } }

    /// Images of each class.
    public var labelCounts: [Int] { rows.map { $0.values.reduce(0, +) } }

    /// Images taken for each class.
    public var answerCounts: [Int] {
        var counts = [Int](repeating: 0, count: rows.count)
        for row in rows { for (answer, count) in row { counts[answer] += count } }
        return counts
    }

    /// What is mistaken most often, first: at most `limit` pairs of different classes.
    public func mistakes(limit: Int) -> [(label: Int, answer: Int, count: Int)] {
        let all = rows.enumerated().flatMap { label, row in
            row.filter { $0.key != label && $0.value > 0 }.map { (label: label, answer: $0.key, count: $0.value) }
        }
        return Array(all.sorted { ($1.count, $0.label, $0.answer) < ($0.count, $1.label, $1.answer) }.prefix(limit))
    }
}

/// How images are evaluated.
public struct EvaluationOptions: Sendable {
    public enum Measure: String, CaseIterable, Hashable, Sendable {
        /// Of the softmax of the scores.
        case crossEntropy = "cross-entropy"
        /// Of the output and 1 for the class that is right, 0 for the others.
        case meanSquaredError = "mean-squared-error"
    }

    /// Images per step where the network leaves it open or takes one; else the network's own number.
    public var batchSize: Int
    public var normalization: Normalization
    public var measure: Measure
    public var skipsUnreadable: Bool

    public init(
        batchSize: Int, normalization: Normalization, measure: Measure = .crossEntropy, skipsUnreadable: Bool = false
    ) {
        self.batchSize = batchSize
        self.normalization = normalization
        self.measure = measure
        self.skipsUnreadable = skipsUnreadable
    }
}

/// Runs a network on all images of a split.
///
/// The first output is scores of classes, [N, classes]; the loss is computed from what its final softmax reads.
/// - Parameters:
///   - progress: called after every batch.
///   - isStopping: asked before every batch.
/// - Throws: `CleaveError` for images or labels that do not fit the network, an image that cannot be read, or when stopped.
public func evaluate(
    _ network: Graph, on split: DatasetSplit, options: EvaluationOptions, backend: any Backend,
    progress: ((WorkProgress) -> Void)? = nil, isStopping: () -> Bool = { false }
) throws -> Evaluation {
    var evaluator = try Evaluator(network, split, options, backend)
    return try evaluator.run(progress: progress, isStopping: isStopping)
}

private struct Evaluator {
    private let split: DatasetSplit
    private let options: EvaluationOptions
    private let loader: BatchLoader
    private let session: any Session
    private let input: String
    private let output: String
    private let batchSize: Int
    private let classCount: Int
    private var confusion: ConfusionMatrix
    private var (loss, top5Count, unscoredCount) = (0.0, 0, 0)

    init(_ network: Graph, _ split: DatasetSplit, _ options: EvaluationOptions, _ backend: any Backend) throws {
        self.split = split
        self.options = options
        let imageInput = try ImageInput(of: network)
        var batchSize = min(options.batchSize, split.count)
        var network = network
        if let fixed = imageInput.batch {
            if fixed == 1, let open = try? network.forBatches(of: batchSize), open.hasBatches(of: batchSize) {
                network = open
            } else {
                batchSize = fixed
            }
        }
        guard let first = network.outputs.first else {
            throw CleaveError(.invalidRequest, "the network has no output, expected scores of classes")
        }
        let scores = options.measure == .crossEntropy ? network.logits(behind: first) : first
        let graph = try network.computing(only: [scores])
        loader = try BatchLoader(
            split, for: imageInput,
            options: .init(
                batchSize: batchSize, shuffles: false, seed: 0, normalization: options.normalization,
                skipsUnreadable: options.skipsUnreadable),
            epochs: 1)
        let shape = loader.shape
        let lengths = imageInput.layout == .nchw ? [shape.channels, shape.height, shape.width] : [shape.height, shape.width, shape.channels]
        let plan = try backend.prepare(graph, inputShapes: [imageInput.name: [batchSize] + lengths])
        session = try plan.makeSession()
        input = imageInput.name
        output = graph[scores].name
        self.batchSize = batchSize
        let type = try graph.specialized(inputShapes: [imageInput.name: [batchSize] + lengths])[scores].tensorType
        guard let scoreShape = type?.knownShape, scoreShape.count >= 2, scoreShape[0] == batchSize, scoreShape[2...].allSatisfy({ $0 == 1 })
        else {
            throw CleaveError(
                .shapeMismatch, "the output is \(type?.description ?? "of unknown type"), expected scores [\(batchSize), classes]",
                at: .init(tensor: output), suggestion: "labelled images are for networks that classify whole images")
        }
        classCount = scoreShape[1]
        try split.checkLabels(classCount: classCount)
        confusion = ConfusionMatrix(classCount: classCount)
    }

    mutating func run(progress: ((WorkProgress) -> Void)?, isStopping: () -> Bool) throws -> Evaluation {
        let start = ContinuousClock.now
        var done = 0
        while let batch = try next(isStopping) {
            try add(LabelScores(scores(of: batch), count: batchSize), batch.labels)
            done += batch.count
            progress?(WorkProgress(task: "evaluating", completed: done, total: split.count, unit: "images"))
        }
        guard done > 0 else { throw CleaveError(.invalidRequest, "none of the \(split.count) images can be read") }
        let names = split.classes + (split.classes.count..<max(classCount, split.classes.count)).map { "\($0)" }
        return Evaluation(
            split: split.name, classes: Array(names.prefix(classCount)), confusion: confusion, loss: loss / Double(done),
            top5Count: top5Count, unscoredCount: unscoredCount, seconds: (ContinuousClock.now - start) / .seconds(1),
            unreadable: loader.unreadable)
    }

    private func next(_ isStopping: () -> Bool) throws -> Batch? {
        guard !isStopping() else {
            loader.cancel()
            throw CleaveError(.cancelled, "the evaluation was stopped")
        }
        do {
            return try loader.next()
        } catch let error as CleaveError {
            throw error.suggestingToSkip
        }
    }

    /// The network runs on full batches: a smaller one is filled up with its first image.
    private func scores(of batch: Batch) throws -> Tensor {
        var images = batch.images
        if batch.count < batchSize {
            let values = try images.elements(as: Float.self)
            let first = values.prefix(values.count / batch.count)
            images = try Tensor(
                values + (batch.count..<batchSize).flatMap { _ in first }, shape: [batchSize] + images.shape.dropFirst())
        }
        guard let scores = try session.run([input: images])[output] else {
            throw CleaveError(.unsupported, "the backend returned no such output", at: .init(tensor: output))
        }
        return scores
    }

    private mutating func add(_ scores: LabelScores, _ labels: [Int32]) {
        for (image, label) in labels.enumerated() {
            let label = Int(label)
            switch options.measure {
            case .crossEntropy: loss += scores.crossEntropy(label, image)
            case .meanSquaredError: loss += scores.squaredError(label, image)
            }
            if scores.rank(of: label, image) < 5 { top5Count += 1 }
            if let best = scores.best(image) { confusion[label, best] += 1 } else { unscoredCount += 1 }
        }
    }
}

extension CleaveError {
    /// The error of an image that cannot be read, with what to do about it.
    var suggestingToSkip: CleaveError {
        var error = self
        if suggestion == nil, location.file != nil {
            error.suggestion = "leave it out: --skip-bad, or skip-bad: true in the recipe of a study"
        }
        return error
    }
}

extension Graph {
    /// Whether every output's first dimension is the batch's.
    fileprivate func hasBatches(of size: Int) -> Bool { outputs.allSatisfy { self[$0].tensorType?.shape?.first?.known == size } }
}
