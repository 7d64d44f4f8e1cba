import ArgumentParser
import Cleave

extension QuantizationTarget: ExpressibleByArgument {}
extension QuantizationFormat: ExpressibleByArgument {}

/// How biases are corrected.
enum BiasCorrectionName: String, ExpressibleByArgument, CaseIterable {
    case analytic
    case batchNorm = "batch-norm"
    case empirical
}

struct QuantizeCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Make a model compute with 8-bit integers.",
        discussion: """
            The model is folded, run on the calibration samples, and written with int8 weights, a scale per output channel, and \
            activations of 8 bits, a scale per tensor, in the form that the target's integer kernels take. What has no integer form \
            stays in float and is listed. Inputs and outputs stay float unless --integer-io is given.

            EXAMPLES
              cleave quantize model.onnx --calibration cifar10:DIR --normalize unit --samples 1000 -o int8.onnx
              cleave quantize model.onnx --calibration folder:photos --method entropy --exclude 'head/*' -o int8.onnx
              cleave quantize model.onnx --ranges ranges.json --target tensorrt -o int8.onnx
              cleave quantize model.onnx --sensitivity --calibration cifar10:DIR
              cleave quantize model.onnx --keep-accuracy 0.5 --evaluate cifar10:DIR --calibration cifar10:DIR -o int8.onnx
            """)

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @OptionGroup(title: "Samples")
    var calibration: CalibrationOptions

    @Option(
        help: .init("Ranges that `cleave calibrate` wrote, instead of samples; several files are merged.", valueName: "ranges.json"),
        transform: filePath)
    var ranges: [String] = []

    @Option(
        help: .init(
            "How ranges are chosen: minmax, moving-average, percentile=P, entropy or mse.", valueName: "method"),
        transform: { text in try asArgument { try RangeMethod(parsing: text) } })
    var method: RangeMethod = .minMax

    @Option(help: "The runtime that the model is for.")
    var target: QuantizationTarget = .onnxruntime

    @Option(help: "Float operators between Q and DQ, or integer operators.")
    var format: QuantizationFormat = .qdq

    @Option(help: .init("Nodes that stay in float, by name; * stands for anything. May be repeated.", valueName: "pattern"))
    var exclude: [String] = []

    @Flag(help: "Scale the channels between layers so that both use 8 bits alike (cross-layer equalization).")
    var equalize = false

    @Option(
        help: .init(
            "Let biases make up for what a layer is off by on average: for what rounding its weights adds, by means that calibration "
                + "measured (analytic) or that follow from batch norms (batch-norm), or for what is measured on samples, layer after layer "
                + "(empirical)."))
    var correctBias: BiasCorrectionName?

    @Flag(help: "Weights of 7 bits, for processors without VNNI, whose 16-bit sums would overflow.")
    var reduceRange = false

    @Flag(help: "Make inputs and outputs integers, too.")
    var integerIo = false

    @Flag(help: "Quantize each layer by itself and list what it costs on up to 128 samples, worst first; writes no model.")
    var sensitivity = false

    @Option(
        parsing: .unconditional,
        help: .init(
            "Leave the fewest layers in float with which --evaluate loses at most so many points of accuracy.", valueName: "points"))
    var keepAccuracy: Double?

    @Option(
        help: .init("The labelled images whose accuracy is to be kept; their test split.", valueName: "format:path"),
        transform: { text in try asArgument { try DatasetSpecification(parsing: text) } })
    var evaluate: DatasetSpecification?

    @Option(
        name: [.customShort("o"), .customLong("output")], help: .init("The model to write.", valueName: "file"), transform: filePath)
    var path: String?

    @Option(help: "Whether weights go to a file beside the model; automatic: where the model would be over 2 GB.")
    var externalData: ONNXWriteOptions.ExternalData = .automatic

    @OptionGroup
    var backend: BackendOptions

    @Flag(help: "Show every node that was rewritten.")
    var layers = false

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if calibration.isGiven, !ranges.isEmpty { throw ValidationError("--ranges are instead of samples: --calibration or --inputs.") }
        if correctBias == .empirical, sensitivity { throw ValidationError("--correct-bias empirical is not for --sensitivity.") }
        if !calibration.isGiven, correctBias == .empirical {
            throw ValidationError(
                "--correct-bias empirical measures layers on samples: give --calibration or --inputs"
                    + (ranges.isEmpty ? "." : " instead of --ranges."))
        }
        if !calibration.isGiven, ranges.isEmpty || sensitivity || keepAccuracy != nil {
            throw ValidationError(
                sensitivity || keepAccuracy != nil
                    ? "Layers are measured on samples: give --calibration or --inputs."
                    : "Give samples to calibrate on (--calibration or --inputs), or ranges that were recorded (--ranges).")
        }
        if format == .qoperator, target != .onnxruntime {
            throw ValidationError("--format qoperator is for --target onnxruntime, whose operators these are.")
        }
        if sensitivity == (path != nil) {
            throw ValidationError(
                sensitivity ? "--sensitivity writes no model; leave out --output." : "Missing expected argument '-o <file>'.")
        }
        if sensitivity, keepAccuracy != nil { throw ValidationError("--sensitivity and --keep-accuracy exclude each other.") }
        if (keepAccuracy == nil) != (evaluate == nil) {
            throw ValidationError("--keep-accuracy says how many points may be lost, and --evaluate on what: give both or none.")
        }
        if let keepAccuracy, !(0...100).contains(keepAccuracy) {
            throw ValidationError("--keep-accuracy is \(keepAccuracy), expected points from 0 to 100.")
        }
    }

    private var options: QuantizationOptions {
        QuantizationOptions(
            target: target, format: format, method: method, excluded: exclude, reducesRange: reduceRange, hasIntegerInterface: integerIo,
            correctsBias: correctBias == .analytic || correctBias == .batchNorm)
    }

    func run() throws {
        let records = try ranges.map { try CalibrationRecord(reading: $0) }
        if sensitivity { return try showSensitivity() }
        var file = ModelOutput()
        file.path = path ?? ""
        file.externalData = externalData
        var budget: AccuracyBudget?
        var remark: String?
        var samples = 0
        var summary = try output.withProgress { progress in
            try rewrite(model, to: file, task: "quantizing", showingLayers: layers, progress: progress) { graph in
                var options = options
                let reports = try prepare(&graph, &options, progress)
                let record = try record(of: graph, records, options, progress)
                remark = record.constantRemark
                if let keepAccuracy {
                    let found = try keep(keepAccuracy, graph, record, options, progress)
                    // Names are taken as they are.
                    options.floatLayers = found.floatLayers
                    budget = found
                }
                if correctBias == .empirical {
                    options.biasShifts = try biasShifts(
                        of: graph, record, options: options, samples: calibration.batches(graph, count: Self.measuredSamples),
                        backend: backend.backend, progress: progress)
                }
                progress(WorkProgress(task: "quantizing"))
                let written = try graph.apply(.quantize(ranges: record, options: options), progress: progress)
                calibration.normalize?.record(in: &graph)
                samples = record.sampleCount
                return (reports + written, nil)
            }
        }
        summary.remarks += [remark].compactMap { $0 }
        try output.show(
            QuantizationSummary(
                rewrite: summary, target: target, format: format, method: method, samples: samples, budget: budget))
    }

    /// - Returns: what was done; what folding left alone is nothing that quantization has to say.
    private func prepare(
        _ graph: inout Graph, _ options: inout QuantizationOptions, _ progress: @escaping @Sendable (WorkProgress) -> Void
    ) throws -> [PassReport] {
        if correctBias == .batchNorm {
            options.channelMeans = try graph.lowered().batchNormMeans
            guard !options.channelMeans.isEmpty else {
                throw CleaveError(
                    .invalidRequest, "the model has no batch norms, by which biases could be corrected",
                    suggestion: "export it with its batch norms, or take the means that calibration measures: --correct-bias analytic")
            }
        }
        var reports = try graph.apply(.prepareForQuantization, progress: progress)
        if equalize {
            let equalized = try EqualizeLayers().equalize(&graph)
            reports.append(equalized.report)
            for (name, divisors) in equalized.divisors {
                options.channelMeans[name] = options.channelMeans[name].map { zip($0, divisors).map(/) }
            }
        }
        guard options.channelMeans.isEmpty || graph.hasLayers(withInputsIn: options.channelMeans) else {
            throw CleaveError(
                .invalidRequest, "no layer has an input whose means follow from batch norms",
                suggestion: "take the means that calibration measures: --correct-bias analytic")
        }
        return reports.map { PassReport(pass: $0.pass, fidelity: $0.fidelity, rewrites: $0.rewrites, skips: []) }
    }

    private func record(
        of graph: Graph, _ records: [CalibrationRecord], _ options: QuantizationOptions,
        _ progress: @escaping @Sendable (WorkProgress) -> Void
    ) throws -> CalibrationRecord {
        guard !records.isEmpty else {
            return try calibration.record(
                graph, detail: options.neededDetail, equalized: equalize, backend: backend.backend, progress: progress)
        }
        let record = try CalibrationRecord.merged(records)
        guard record.equalized == equalize else {
            throw CleaveError(
                .invalidRequest, "the ranges are of the model \(record.equalized ? "with" : "without") equalized layers",
                suggestion: "give --equalize to both commands or to none")
        }
        try record.check(isOf: graph)
        return record
    }

    // MARK: Accuracy

    private func showSensitivity() throws {
        let start = ContinuousClock.now
        let layers = try output.withProgress { progress in
            progress(WorkProgress(task: "reading \(model)"))
            var graph = try Graph(onnx: model)
            return try locating(file: model) {
                var options = options
                _ = try prepare(&graph, &options, progress)
                return try ranking(graph, record(of: graph, [], options, progress), options, progress)
            }
        }
        try output.show(
            SensitivitySummary(model: model, target: target, layers: layers, seconds: (ContinuousClock.now - start) / .seconds(1)))
    }

    private func ranking(
        _ graph: Graph, _ record: CalibrationRecord, _ options: QuantizationOptions,
        _ progress: @escaping @Sendable (WorkProgress) -> Void
    ) throws -> [LayerSensitivity] {
        try sensitivities(
            of: graph, record, options: options, samples: calibration.batches(graph, count: Self.measuredSamples),
            backend: backend.backend, progress: progress)
    }

    /// Samples on which layers are compared and biases corrected.
    private static let measuredSamples = 128

    private func keep(
        _ points: Double, _ graph: Graph, _ record: CalibrationRecord, _ options: QuantizationOptions,
        _ progress: @escaping @Sendable (WorkProgress) -> Void
    ) throws -> AccuracyBudget {
        guard let evaluate else { throw ValidationError("--keep-accuracy needs --evaluate.") }
        let images = try Dataset(evaluate).loadEvaluation()
        let evaluation = EvaluationOptions(batchSize: 100, normalization: try calibration.normalization(of: graph, images))
        func accuracy(_ graph: Graph) throws -> Double {
            try Cleave.evaluate(graph, on: images, options: evaluation, backend: backend.backend, progress: progress).top1
        }
        let layers = try ranking(graph, record, options, progress)
        return try AccuracyBudget(ranking: layers.map(\.node), floatAccuracy: accuracy(graph), loss: points / 100) { layers in
            try accuracy(graph.simulated(record, options: options, floatLayers: layers))
        }
    }
}
