import GraphIR
import Tensors

extension FakeQuantize: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let slope = try pass.outputGradient()
        guard gradient != .passing else {
            try pass.give(to: Operand.input) { _ in slope }
            return
        }
        let operands: [Operand] = [.input, .scale, .low]
        let wanted = operands.map { pass.needs($0) }
        guard wanted.contains(true) else { return }
        let inputs = [try pass.operand(Operand.input), slope, try pass.operand(Operand.scale), pass.node.input(Operand.low)]
        let gradients = try pass.writer.emit(.fakeQuantizeGradient(FakeQuantizeGradient(forward: self)), inputs, wanted: wanted)
        for (operand, value) in zip(operands, gradients) {
            if let value { try pass.give(to: operand) { _ in value } }
        }
    }
}
