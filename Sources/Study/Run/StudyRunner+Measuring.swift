import Benchmarking
import Compilation
import Datasets
import Execution
import GraphIR
import ONNXFormat
import Quantization
import Tensors
import Training

extension StudyRunner {
    /// Images that layers are compared on.
    private static let layerSamples = 128
    private static let evaluationBatch = 100
    private static let calibrationSeed: UInt64 = 1

    /// Measures what is missing of a row, and writes every part down as soon as it is known.
    /// - Parameter progress: of the weights in the trained network; a process that trains on may be further by now.
    /// - Returns: whether it was not stopped.
    func measure(_ row: StudyRow, _ run: StudyRun, _ progress: RunProgress) throws -> Bool {
        guard let trainedSource = state.trainedSource(of: run, progress),
            let trained = folder.receipt(of: folder.trainedPath(run.id), source: trainedSource)
        else { throw CleaveError(.invalidRequest, "the trained network is gone", at: .init(file: folder.trainedPath(run.id))) }
        guard !isStopping else { return false }
        let model = try quantized(row, trained) ?? trained
        let known = state.record(of: row, model: model)
        var record = known ?? RowRecord(
            row: row.id, version: means.version, machine: .current, data: data.description,
            training: .init(
                epochs: progress.epochs, plannedEpochs: run.recipe?.epochs ?? 0, updates: progress.updates,
                isComplete: progress.isComplete, seconds: progress.seconds, seed: "\(run.seed)"),
            model: model.file)
        let missing = state.missing(record)
        // A record without any part says at least what size the model has.
        if missing.isEmpty, known == nil { try write(record) }
        if missing.contains(where: { $0 == .parameters || $0 == .macs }) {
            record.cost = try cost(row)
            try write(record)
        }
        for (measure, part) in [
            (StudyMeasure.loss, { record.evaluation = try self.evaluation(row) }), (.layers, { record.layers = try self.layers(row) }),
        ] as [(StudyMeasure, () throws -> Void)] {
            let isMissing = measure == .loss ? missing.contains(where: StudyMeasure.evaluated.contains) : missing.contains(measure)
            guard isMissing else { continue }
            guard !isStopping else { return false }
            do {
                try part()
            } catch let error as CleaveError where error.kind == .cancelled {
                return false
            }
            try write(record)
        }
        guard missing.contains(.latency) else { return true }
        for batch in study.latency.batches where !record.latencies.contains(where: { $0.batch == batch }) {
            guard !isStopping else { return false }
            record.latencies.append(try latency(row, batch: batch))
            try write(record)
        }
        return true
    }

    private func write(_ record: RowRecord) throws {
        try folder.makeFolder(folder.path + "/rows")
        try ResultsFile.write(record, to: folder.recordPath(record.row))
        guard state.missing(record).isEmpty else { return }
        let accuracy = record.evaluation.map { ", accuracy \(NumberFormat.accuracy($0.top1))" } ?? ""
        observer.note("\(record.row): measured\(accuracy), \(NumberFormat.bytes(record.model.byteCount))")
    }

    // MARK: Integers

    /// The network prepared for quantization, with the ranges of its values.
    private func calibrated(_ row: StudyRow, _ quantization: StudyQuantization) throws -> (graph: Graph, record: CalibrationRecord) {
        let path = folder.trainedPath(row.run)
        var graph = try Graph(onnx: path)
        return try locating(file: path) {
            try graph.apply(.prepareForQuantization, progress: observer.work)
            if quantization.equalizes { try graph.apply(.equalize, progress: observer.work) }
            let record = try calibrate(
                graph, on: try source(for: graph), samples: quantization.samples, detail: quantization.options.neededDetail,
                equalized: quantization.equalizes, backend: means.backend, progress: observer.work)
            return (graph, record)
        }
    }

    /// Images of the training set, in an order of their own.
    private func source(for graph: Graph) throws -> CalibrationSource {
        let images = try images().training
        return .images(images, normalization: try Normalization(recordedIn: graph, for: images), seed: Self.calibrationSeed)
    }

    /// - Returns: `nil` for a row in float.
    private func quantized(_ row: StudyRow, _ trained: StudyFolder.Receipt) throws -> StudyFolder.Receipt? {
        guard let quantization = row.quantization, let source = state.quantizedSource(of: row, trained: trained) else { return nil }
        let path = folder.modelPath(row)
        if let receipt = folder.receipt(of: path, source: source) { return receipt }
        var (graph, record) = try calibrated(row, quantization)
        try locating(file: folder.trainedPath(row.run)) {
            _ = try graph.apply(.quantize(ranges: record, options: quantization.options), progress: observer.work)
        }
        let receipt = try folder.write(graph, to: path, source: source)
        observer.note("\(row.id): \(path) written, \(NumberFormat.bytes(receipt.file.byteCount))")
        return receipt
    }

    // MARK: Parts of a record

    private func cost(_ row: StudyRow) throws -> RowRecord.Cost {
        let path = folder.modelPath(row)
        let cost = try Graph(onnx: path).lowered().cost(assuming: [:])
        return .init(
            parameters: cost.parameters, trainableParameters: cost.trainableParameters, multiplyAccumulates: cost.multiplyAccumulates)
    }

    private func evaluation(_ row: StudyRow) throws -> RowRecord.Evaluation {
        let path = folder.modelPath(row)
        let images = try images().evaluation
        let graph = try Graph(onnx: path)
        return try locating(file: path) {
            let options = EvaluationOptions(
                batchSize: Self.evaluationBatch, normalization: try Normalization(recordedIn: graph, for: images))
            let observer = observer
            let result = try evaluate(
                graph.lowered(), on: images, options: options, backend: means.backend,
                progress: { progress in
                    var progress = progress
                    progress.task = "evaluating \(row.id)"
                    observer.work(progress)
                }, isStopping: { self.isStopping })
            return .init(
                split: result.split, images: result.count, loss: result.loss, top1: result.top1, top5: result.top5, seconds: result.seconds)
        }
    }

    private func latency(_ row: StudyRow, batch: Int) throws -> RowRecord.Latency {
        let options = BenchmarkOptions(batch: batch, shapes: [:], threads: means.threads, peer: nil, seconds: study.latency.seconds)
        let result = try benchmark(
            folder.modelPath(row), version: means.version, backend: means.backend, options: options, progress: observer.work)
        let times = result.ours.latency
        return .init(
            batch: batch, median: times.median, p10: times.p10, p90: times.p90, runs: times.values.count, threads: result.threads,
            backend: result.backend, warnings: result.warnings)
    }

    private func layers(_ row: StudyRow) throws -> [RowRecord.Layer] {
        guard let quantization = row.quantization else {
            return Self.layers(of: try Graph(onnx: folder.trainedPath(row.run)).lowered(), [:])
        }
        let (graph, record) = try calibrated(row, quantization)
        let samples = try source(for: graph).batches(for: graph, count: Self.layerSamples)
        let losses = try sensitivities(
            of: graph, record, options: quantization.options, samples: samples, backend: means.backend, progress: observer.work)
        return Self.layers(of: graph, Dictionary(losses.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first }))
    }

    /// The layers that have parameters, multiply, or lose something in integers.
    private static func layers(of graph: Graph, _ losses: [String: LayerSensitivity]) -> [RowRecord.Layer] {
        let layers = (try? graph.cost(assuming: [:]).layers) ?? []
        return layers.filter { $0.parameters > 0 || ($0.multiplyAccumulates ?? 0) > 0 || losses[$0.name] != nil }.map { layer in
            .init(
                name: layer.name, operatorName: layer.operatorName, parameters: layer.parameters,
                multiplyAccumulates: layer.multiplyAccumulates, signalToNoise: losses[layer.name]?.signalToNoise,
                agreement: losses[layer.name]?.agreement)
        }
    }
}
