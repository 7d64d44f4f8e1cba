import ArgumentParser
import Cleave

extension QuantizationTarget: ExpressibleByArgument {}
extension QuantizationFormat: ExpressibleByArgument {}

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

    @Flag(help: "Let biases make up for what rounding the weights adds on average.")
    var correctBias = false

    @Flag(help: "Weights of 7 bits, for processors without VNNI, whose 16-bit sums would overflow.")
    var reduceRange = false

    @Flag(help: "Make inputs and outputs integers, too.")
    var integerIo = false

    @OptionGroup
    var file: ModelOutput

    @OptionGroup
    var backend: BackendOptions

    @Flag(help: "Show every node that was rewritten.")
    var layers = false

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if calibration.isGiven == !ranges.isEmpty {
            throw ValidationError("Give samples to calibrate on (--calibration or --inputs), or ranges that were recorded (--ranges).")
        }
        if format == .qoperator, target != .onnxruntime {
            throw ValidationError("--format qoperator is for --target onnxruntime, whose operators these are.")
        }
    }

    private var options: QuantizationOptions {
        QuantizationOptions(
            target: target, format: format, method: method, excluded: exclude, reducesRange: reduceRange, hasIntegerInterface: integerIo,
            correctsBias: correctBias)
    }

    func run() throws {
        let records = try ranges.map { try CalibrationRecord(reading: $0) }
        let summary = try output.withProgress { progress in
            try rewrite(model, to: file, task: "quantizing", showingLayers: layers, progress: progress) { graph in
                var prepared = try graph.apply(.prepareForQuantization, progress: progress)
                if equalize { prepared += try graph.apply(.equalize, progress: progress) }
                let record = records.isEmpty
                    ? try calibration.record(
                        graph, detail: options.neededDetail, equalized: equalize, backend: backend.backend, progress: progress)
                    : try CalibrationRecord.merged(records)
                guard record.equalized == equalize else {
                    throw CleaveError(
                        .invalidRequest,
                        "the ranges are of the model \(record.equalized ? "with" : "without") equalized layers",
                        suggestion: "give --equalize to both commands or to none")
                }
                progress(WorkProgress(task: "quantizing"))
                // What folding left alone is nothing that quantization has to say.
                let silent = prepared.map { PassReport(pass: $0.pass, fidelity: $0.fidelity, rewrites: $0.rewrites, skips: []) }
                return (silent + (try graph.apply(.quantize(ranges: record, options: options), progress: progress)), nil)
            }
        }
        try output.show(summary)
    }
}
