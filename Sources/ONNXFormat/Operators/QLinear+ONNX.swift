import GraphIR
import Tensors

extension OperatorTable {
    /// Operators of the domain `com.microsoft`, by name.
    static let qLinear: [String: OperatorEntry] = {
        let entries = [
            OperatorEntry("QLinearAdd", since: 1) { _ in .qLinear(QLinear(function: .add)) },
            OperatorEntry("QLinearMul", since: 1) { _ in .qLinear(QLinear(function: .mul)) },
            OperatorEntry("QLinearAveragePool", since: 1) { reader in
                if try reader.bool("channels_last", default: false) { throw NotModelled() }
                let pool = AveragePool(
                    window: try Window(onnx: &reader, hasDilations: false, requiresKernel: true),
                    ceilMode: try reader.bool("ceil_mode", default: false),
                    countIncludePad: try reader.bool("count_include_pad", default: false))
                return .qLinear(QLinear(function: .averagePool(pool)))
            },
            OperatorEntry("QLinearGlobalAveragePool", since: 1) { reader in
                if try reader.bool("channels_last", default: false) { throw NotModelled() }
                return .qLinear(QLinear(function: .globalAveragePool))
            },
            OperatorEntry("QLinearConcat", since: 1) { .qLinear(QLinear(function: .concat(axis: try $0.requiredInt("axis")))) },
            OperatorEntry("QGemm", since: 1) {
                .qLinear(
                    QLinear(
                        function: .gemm(
                            alpha: try $0.float("alpha", default: 1), transposeA: try $0.bool("transA", default: false),
                            transposeB: try $0.bool("transB", default: false))))
            },
        ]
        return Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })
    }()
}

extension QLinear {
    func write(to writer: inout AttributeWriter) throws {
        switch function {
        case .add, .mul, .globalAveragePool: break
        case .averagePool(let pool): try pool.write(to: &writer)
        case .concat(let axis): writer.int("axis", axis)
        case .gemm(let alpha, let transposeA, let transposeB):
            writer.float("alpha", alpha, default: 1)
            writer.bool("transA", transposeA, default: false)
            writer.bool("transB", transposeB, default: false)
        }
    }
}
