import Compilation
import Datasets
import Execution
import Foundation
import GraphIR
import ModelZoo
import ONNXFormat
import Passes
import Tensors
import Training

/// How much of a study is done in one sitting.
public struct StudyOptions: Sendable {
    /// Names of rows; all of them where there are none.
    public var rows: [String] = []
    /// Every network is trained no further than to this epoch for now.
    public var lastEpoch: Int?
    /// When to stop, at a checkpoint.
    public var deadline: ContinuousClock.Instant?
    /// Trains nothing: measures every network as far as it is trained.
    public var reportsNow = false
    /// Updates between two checkpoints, beside the one after every epoch.
    public var checkpointInterval: Int?

    public init() {}
}

/// What runs a study's networks.
public struct StudyMeans: Sendable {
    public var backend: any Backend
    /// Its name on the command line.
    public var backendName: String
    public var threads: Int
    /// Of Cleave.
    public var version: String

    public init(backend: any Backend, backendName: String, threads: Int, version: String) {
        self.backend = backend
        self.backendName = backendName
        self.threads = threads
        self.version = version
    }
}

/// What a study tells, and is asked, while it is under way.
public struct StudyObserver {
    public var work: @Sendable (WorkProgress) -> Void
    public var training: (StudyRun, TrainingProgress) -> Void
    /// A line that stays.
    public var note: (String) -> Void
    /// Called after every epoch with the folder of the run's checkpoint.
    public var epoch: (StudyRun, _ folder: String, TrainingState) throws -> Void
    /// Asked before every update and between measurements: `true` makes the study stop with everything kept.
    public var isStopping: () -> Bool

    public init(
        work: @escaping @Sendable (WorkProgress) -> Void = { _ in }, training: @escaping (StudyRun, TrainingProgress) -> Void = { _, _ in },
        note: @escaping (String) -> Void = { _ in }, epoch: @escaping (StudyRun, String, TrainingState) throws -> Void = { _, _, _ in },
        isStopping: @escaping () -> Bool = { false }
    ) {
        self.work = work
        self.training = training
        self.note = note
        self.epoch = epoch
        self.isStopping = isStopping
    }
}

/// Runs a study: trains its networks one after the other, quantizes them, and measures every row.
///
/// Everything is in the results folder as soon as it is done: after whatever interruption, another run goes on from there.
public final class StudyRunner {
    public enum Outcome: Hashable, Sendable {
        /// All that was asked for is measured.
        case complete
        /// The observer, or the task's cancellation, stopped it.
        case interrupted
        case outOfTime
        /// The networks named are trained to the epoch that was asked for, or not at all, and not to their end.
        case unfinished([String])
    }

    let study: StudyDescription
    let folder: StudyFolder
    let data: DatasetSpecification
    let means: StudyMeans
    let options: StudyOptions
    let observer: StudyObserver
    let state: StudyState
    private var loaded: StudyImages?

    /// - Parameter data: with an absolute path.
    public init(
        _ study: StudyDescription, folder: StudyFolder, data: DatasetSpecification, means: StudyMeans, options: StudyOptions,
        observer: StudyObserver = StudyObserver()
    ) {
        self.study = study
        self.folder = folder
        self.data = data
        self.means = means
        self.options = options
        self.observer = observer
        state = StudyState(study: study, folder: folder)
    }

    /// Does what is to be done, from where the results are.
    /// - Throws: `CleaveError` when the folder is another study's or another process works in it, when images are missing, or when
    ///   something cannot be trained, quantized, measured or written.
    public func run() throws -> Outcome {
        let rows = try study.rows(named: options.rows)
        let manifest = StudyManifest(study)
        try folder.check(manifest)
        // A folder is begun when there is something to train on.
        if !options.reportsNow, !folder.isBegun, needsImages(rows) { _ = try images() }
        let lock = options.reportsNow ? nil : try folder.lock()
        return try withExtendedLifetime(lock) {
            try folder.begin(manifest)
            var unfinished: [String] = []
            for run in state.runs(for: rows) {
                switch try train(run) {
                case .stopped: return stopped
                case .unfinished: unfinished.append(run.id)
                case .written(let progress):
                    if !progress.isComplete { unfinished.append(run.id) }
                    for row in rows where row.run == run.id {
                        guard try measure(row, run, progress) else { return stopped }
                    }
                }
            }
            return unfinished.isEmpty ? .complete : .unfinished(unfinished)
        }
    }

    private func needsImages(_ rows: [StudyRow]) -> Bool {
        let isMeasured = !study.measures.allSatisfy { [.size, .parameters, .macs, .latency].contains($0) }
        return isMeasured || state.runs(for: rows).contains { $0.recipe != nil || !$0.quantizations.isEmpty }
    }

    private var stopped: Outcome { isOutOfTime ? .outOfTime : .interrupted }
    private var isOutOfTime: Bool { options.deadline.map { $0 <= .now } ?? false }
    var isStopping: Bool { observer.isStopping() || Task.isCancelled || isOutOfTime }

    /// Read when a folder is begun, or when they are needed for the first time: a study that is done needs none.
    func images() throws -> StudyImages {
        if let loaded { return loaded }
        observer.work(WorkProgress(task: "reading \(data)"))
        let images = try StudyImages(data, study.data)
        loaded = images
        return images
    }

    // MARK: The network before training

    /// - Returns: `nil` while what it begins from is not trained.
    func initialNetwork(_ run: StudyRun) throws -> StudyFolder.Receipt? {
        guard let source = try state.initialSource(of: run) else { return nil }
        let path = folder.initialPath(run.id)
        if let receipt = folder.receipt(of: path, source: source) { return receipt }
        observer.work(WorkProgress(task: "making \(path)"))
        let graph: Graph
        switch run.origin {
        case .zoo(let model, let form):
            graph = try model.graph(classes: study.data.classes, input: study.data.image, form: form, seed: run.seed, softmax: true)
        case .file(let file): graph = try Graph(onnx: file)
        case .continuation(let source): graph = try Graph(onnx: folder.trainedPath(source))
        case .conversion(let source, let form, let rank, let scope):
            var network = try Graph(onnx: folder.trainedPath(source))
            let pass = SeparateConvolutions(form, scope: scope, initialize: .decompose(rank))
            _ = try locating(file: folder.trainedPath(source)) { try network.separate(with: pass, progress: observer.work) }
            graph = network
        }
        let receipt = try folder.write(graph, to: path, source: source)
        observer.note("\(run.id): \(path) written, \(NumberFormat.bytes(receipt.file.byteCount))")
        return receipt
    }
}
