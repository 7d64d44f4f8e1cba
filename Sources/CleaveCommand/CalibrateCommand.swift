import ArgumentParser
import Cleave

struct CalibrateCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Run a model on samples and record the ranges of its values, to quantize it with.",
        discussion: """
            The model is folded and prepared as `cleave quantize` does it. The file has extremes, their means over the samples and a \
            histogram of every value: `cleave quantize --ranges` can choose any --method with it, and takes several files as one \
            calibration on all of their samples.

            EXAMPLES
              cleave calibrate model.onnx --calibration cifar10:DIR --normalize unit --samples 1000 -o ranges.json
              cleave calibrate model.onnx --inputs more.npz -o more.json
              cleave quantize model.onnx --ranges ranges.json --ranges more.json --method entropy -o int8.onnx
            """)

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @OptionGroup(title: "Samples")
    var calibration: CalibrationOptions

    @Option(
        name: [.customShort("o"), .customLong("output")], help: .init("The file to write.", valueName: "ranges.json"),
        transform: filePath)
    var path: String

    @Flag(help: "Equalize layers first, for `cleave quantize --equalize`.")
    var equalize = false

    @OptionGroup
    var backend: BackendOptions

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if !calibration.isGiven { throw ValidationError("Give the samples to calibrate on: --calibration or --inputs.") }
    }

    func run() throws {
        try AtomicFile.checkWritable(path)
        let start = ContinuousClock.now
        let record = try output.withProgress { progress in
            progress(WorkProgress(task: "reading \(model)"))
            var graph = try Graph(onnx: model)
            return try locating(file: model) {
                try graph.apply(.prepareForQuantization, progress: progress)
                if equalize { try graph.apply(.equalize, progress: progress) }
                var record = try calibration.record(
                    graph, detail: [.histogram, .channelMeans], equalized: equalize, backend: backend.backend, progress: progress)
                record.network = graph.calibrationChecksum
                return record
            }
        }
        try record.write(to: path)
        try output.show(
            CalibrationSummary(model: model, output: path, record: record, seconds: (ContinuousClock.now - start) / .seconds(1)))
    }
}
