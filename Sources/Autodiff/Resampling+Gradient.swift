import GraphIR
import Tensors

extension Resize: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        // Up to opset 10 the second operand holds the scales.
        let others =
            pass.graph.opset < 11
            ? [nil, pass.node.input(Operand.roi)] : [Operand.roi, .scales, .sizes].map { pass.node.input($0) }
        try pass.give(to: Operand.input) {
            try $0.emit(.resizeGradient(ResizeGradient(forward: self, inputShape: $0.shape(input))), [gradient] + others)
        }
    }
}

extension Upsample: DifferentiableOperator {
    /// As `Resize` of opset 10.
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        let forward = Resize(
            mode: mode, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
        let operand = pass.node.input(Operand.scales)
        try pass.give(to: Operand.input) {
            let scales = try operand ?? $0.editor.addConstant(Tensor(vector: scales ?? []), name: "training.constant")
            return try $0.emit(
                .resizeGradient(ResizeGradient(forward: forward, inputShape: $0.shape(input))), [gradient, nil, scales])
        }
    }
}

extension GridSample: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let operands = [try pass.operand(Operand.input), try pass.operand(Operand.grid), try pass.outputGradient()]
        try pass.giveTogether(.gridSampleGradient(GridSampleGradient(forward: self)), operands, to: [Operand.input, .grid])
    }
}
