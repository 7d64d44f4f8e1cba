import GraphIR
import Passes
import Tensors

extension Pipeline {
    /// Brings a folded network into the form that is calibrated and quantized: at an opset with scales per channel, and with the batch
    /// norms that no layer could take as depthwise 1×1 convolutions, which runtimes have in integers.
    ///
    /// The function stays the same, and so do names, types and shapes of inputs and outputs. Values keep their names: what one
    /// calibration saw of them holds for every later quantization of the same model.
    public static let prepareForQuantization = Pipeline(
        name: "prepare-for-quantization",
        steps: [
            .once(RaiseOpset(to: QuantizeGraph.firstOpset)),
            .once(RewritePass(MaterializeFills())),
            .once(RewritePass(SumToAdd())),
            .once(RewritePass(MeanToGlobalPool())),
            .once(RewritePass(BatchNormToConvolution())),
            .once(RemoveDeadCode()),
        ])
}
