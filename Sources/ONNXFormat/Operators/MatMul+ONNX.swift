import GraphIR
import Tensors

extension OperatorTable {
    static let matMuls: [OperatorEntry] = [
        OperatorEntry("Gemm", since: 6) { .gemm(try Gemm(onnx: &$0)) },
        OperatorEntry("MatMul", since: 1) { _ in .matMul(MatMul()) },
        OperatorEntry("Einsum", since: 12) { .einsum(Einsum(equation: try $0.required($0.string("equation"), "equation"))) },
        OperatorEntry("MatMulInteger", since: 10) { _ in .matMulInteger(MatMulInteger()) },
        OperatorEntry("QLinearMatMul", since: 10) { _ in .qLinearMatMul(QLinearMatMul()) },
    ]
}

extension Gemm {
    init(onnx reader: inout AttributeReader) throws {
        self.init(
            alpha: try reader.float("alpha", default: 1), beta: try reader.float("beta", default: 1),
            transposeA: try reader.bool("transA", default: false), transposeB: try reader.bool("transB", default: false),
            broadcastsLegacy: reader.opset < 7 ? try reader.bool("broadcast", default: false) : false)
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.require(writer.operandCount > 2 || writer.opset >= 11, "Gemm has no operand C", since: 11)
        writer.float("alpha", alpha, default: 1)
        writer.float("beta", beta, default: 1)
        writer.bool("transA", transposeA, default: false)
        writer.bool("transB", transposeB, default: false)
        if writer.opset < 7 { writer.bool("broadcast", broadcastsLegacy, default: false) }
    }
}

extension Einsum {
    func write(to writer: inout AttributeWriter) { writer.string("equation", equation) }
}
