import ArgumentParser
import Cleave

/// The samples that a model is calibrated on.
struct CalibrationOptions: ParsableArguments {
    @Option(
        help: .init(
            "The images to calibrate on: cifar10:DIR, cifar100:DIR, idx:DIR, folder:DIR or npz:FILE.", valueName: "format:path"),
        transform: { text in try asArgument { try DatasetSpecification(parsing: text) } })
    var calibration: DatasetSpecification?

    @Option(help: .init("The split of the images. (default: train, or all of a data set that is not split)", valueName: "name"))
    var split: String?

    @Option(
        help: .init(
            "What pixels of 0…255 become: raw, unit, signed, imagenet, cifar10 or MEAN/STD. (default: what the model's metadata says)",
            valueName: "name"),
        transform: { text in try asArgument { try Normalization(parsing: text) } })
    var normalize: Normalization?

    @Option(
        help: .init(
            "Instead of images, arrays named after the model's inputs: an npz archive, a .npy or .pb file, or a folder of test data.",
            valueName: "file"),
        transform: filePath)
    var inputs: String?

    @Option(parsing: .unconditional, help: .init("Number of samples at most. (default: 1000)", valueName: "count"))
    var samples: Int?

    @Option(parsing: .unconditional, help: .init("Seed of the order in which images are taken. (default: 1)", valueName: "seed"))
    var seed: UInt64?

    @Option(
        parsing: .unconditional,
        help: .init("Samples that are run together, where the model leaves it open. (default: as many as are fast)", valueName: "count"))
    var batch: Int?

    func validate() throws {
        if calibration != nil, inputs != nil { throw ValidationError("--calibration and --inputs exclude each other.") }
        if let samples, samples < 1 { throw ValidationError("--samples is \(samples), expected at least 1.") }
        if let batch, batch < 1 { throw ValidationError("--batch is \(batch), expected at least 1.") }
        for (name, isGiven) in [("--split", split != nil), ("--normalize", normalize != nil), ("--seed", seed != nil)]
        where isGiven && calibration == nil {
            throw ValidationError("\(name) is for images, which --calibration gives.")
        }
        if samples != nil || batch != nil, !isGiven {
            throw ValidationError("--samples and --batch are for --calibration and --inputs.")
        }
    }

    var isGiven: Bool { calibration != nil || inputs != nil }

    /// Runs the model on the samples.
    /// - Parameter graph: prepared for quantization.
    func record(
        _ graph: Graph, detail: ValueStatistics.Detail, equalized: Bool, backend: any Backend,
        progress: @escaping @Sendable (WorkProgress) -> Void
    ) throws -> CalibrationRecord {
        try calibrate(
            graph, on: try source(for: graph), samples: samples ?? 1000, detail: detail, equalized: equalized,
            backend: backend, batch: batch, progress: progress)
    }

    /// Samples to measure layers on, in memory.
    func batches(_ graph: Graph, count: Int) throws -> [CalibrationBatch] { try source(for: graph).batches(for: graph, count: count) }

    private func source(for graph: Graph) throws -> CalibrationSource {
        if let inputs {
            // A length that the model fixes is the one that it runs with.
            let fixed = graph.inputs.first.flatMap { graph[$0].tensorType?.shape?.first?.known }
            let samples = try TensorFile(reading: inputs).samples(for: graph, batch: fixed ?? batch ?? graph.calibrationBatch)
            // A model of a fixed batch takes whole ones.
            let whole = samples.filter { sample in fixed == nil || sample.inputs.values.allSatisfy { $0.shape.first == fixed } }
            return .samples(whole.isEmpty ? samples : whole, name: inputs)
        }
        guard let calibration else { throw ValidationError("Give the samples to calibrate on: --calibration or --inputs.") }
        let dataset = try Dataset(calibration)
        let images = try split.map { try dataset.load($0) } ?? dataset.loadTraining()
        return .images(images, normalization: try normalization(of: graph, images), seed: seed ?? 1)
    }

    /// What was given, or what the model records; floats are taken as they are.
    func normalization(of graph: Graph, _ images: DatasetSplit) throws -> Normalization {
        if let known = try normalize ?? Normalization(recordedIn: graph) { return known }
        guard images.isFloatingPoint else {
            throw CleaveError(
                .invalidRequest, "the model does not record how pixels become its inputs",
                suggestion: "say it: --normalize raw, unit, signed, imagenet, cifar10, or MEAN/STD")
        }
        return .raw
    }
}
