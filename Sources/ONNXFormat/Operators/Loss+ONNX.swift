import GraphIR
import Tensors

extension OperatorTable {
    static let losses: [OperatorEntry] = [
        OperatorEntry("NegativeLogLikelihoodLoss", since: 12) {
            .negativeLogLikelihoodLoss(
                NegativeLogLikelihoodLoss(
                    reduction: try $0.choice("reduction", default: .mean), ignoredClass: try $0.int("ignore_index")))
        },
        OperatorEntry("SoftmaxCrossEntropyLoss", since: 12) {
            .softmaxCrossEntropyLoss(
                SoftmaxCrossEntropyLoss(
                    reduction: try $0.choice("reduction", default: .mean), ignoredClass: try $0.int("ignore_index")))
        },
    ]
}

extension NegativeLogLikelihoodLoss {
    func write(to writer: inout AttributeWriter) {
        writer.int("ignore_index", ignoredClass)
        writer.string("reduction", reduction.rawValue, default: LossReduction.mean.rawValue)
    }
}

extension SoftmaxCrossEntropyLoss {
    func write(to writer: inout AttributeWriter) {
        writer.int("ignore_index", ignoredClass)
        writer.string("reduction", reduction.rawValue, default: LossReduction.mean.rawValue)
    }
}
