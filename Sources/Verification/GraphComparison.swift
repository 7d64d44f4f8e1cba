import Datasets
import Execution
import GraphIR
import Tensors

/// Gathers, sample after sample, how far the values of two graphs are apart.
struct GraphComparison {
    private(set) var report: VerificationReport
    /// Names of the original's values that are wanted besides its outputs.
    let observedOfOriginal: [String]
    /// Names of the candidate's values that are wanted besides its outputs.
    let observedOfCandidate: [String]

    /// Of the original's values; `nil` when the tolerance does not depend on types.
    private let precisions: Precisions?

    init(candidate: Graph, original: Graph, tolerance: Tolerance, layers: Bool, leastSignalToNoise: Double?) {
        let precisions = tolerance.relative == nil ? Precisions(original) : nil
        self.precisions = precisions
        let names = original.outputs.map { original[$0].name }
        let candidateNames = candidate.outputs.map { candidate[$0].name }
        let all = names + candidateNames.filter { !names.contains($0) }
        let rows = layers ? LayerAlignment(candidate: candidate, original: original).pairs.map { pair in
            VerificationReport.Layer(
                node: original.label(of: pair.node), operatorName: pair.node.operator.name, value: pair.value,
                candidateValue: pair.candidateValue, origin: pair.origin,
                coarserType: precisions?[pair.value], comparison: TensorComparison(tolerance: .none))
        } : nil
        report = VerificationReport(
            sampleCount: 0, inputs: [], tolerance: tolerance,
            outputs: all.map { .init(name: $0, coarserType: precisions?[$0]) }, layers: rows,
            originalAgainstExpected: [], candidateAgainstExpected: [], leastSignalToNoise: leastSignalToNoise)
        observedOfOriginal = (rows ?? []).map(\.value).filter { !names.contains($0) }
        observedOfCandidate = (rows ?? []).map(\.candidateValue).filter { !candidateNames.contains($0) }
    }

    mutating func add(_ sample: Sample, actual: [String: Tensor], original: [String: Tensor]) {
        if report.sampleCount == 0 {
            report.inputs = sample.inputs.sorted { $0.key < $1.key }.map {
                .init(name: $0.key, elementType: $0.value.elementType, shape: $0.value.shape)
            }
        }
        report.sampleCount += 1
        report.addAccuracy(of: sample.labels, actual: actual, original: original)
        for index in report.outputs.indices {
            let name = report.outputs[index].name
            report.outputs[index].comparison.add(
                actual[name], expected: original[name], coarser: precisions?[name], tolerance: report.tolerance)
        }
        for index in (report.layers ?? []).indices {
            guard let layer = report.layers?[index] else { continue }
            report.layers?[index].comparison.add(
                actual[layer.candidateValue], expected: original[layer.value], coarser: layer.coarserType, tolerance: report.tolerance)
        }
        for (name, tensor) in sample.expected.sorted(by: { $0.key < $1.key }) {
            report.originalAgainstExpected.add(
                original[name], expected: tensor, name: name, coarser: precisions?[name], tolerance: report.tolerance)
            report.candidateAgainstExpected.add(
                actual[name], expected: tensor, name: name, coarser: precisions?[name], tolerance: report.tolerance)
        }
    }
}

extension VerificationReport {
    /// Counts whose largest element is at the place that the labels say.
    fileprivate mutating func addAccuracy(of labels: [Int32], actual: [String: Tensor], original: [String: Tensor]) {
        guard !labels.isEmpty else { return }
        func choices(_ tensor: Tensor?) -> [Int]? {
            guard let tensor, tensor.rank >= 2, tensor.shape[0] == labels.count, tensor.shape[1] > 1,
                tensor.shape[2...].allSatisfy({ $0 == 1 }), let numbers = tensor.doubles()
            else { return nil }
            let classes = tensor.shape[1]
            return (0..<labels.count).map { row in
                (1..<classes).reduce(0) { numbers[row * classes + $1] > numbers[row * classes + $0] ? $1 : $0 }
            }
        }
        let name = accuracy?.output ?? outputs.first { choices(original[$0.name]) != nil && choices(actual[$0.name]) != nil }?.name
        guard let name, let wanted = choices(original[name]), let chosen = choices(actual[name]) else { return }
        var accuracy = accuracy ?? Accuracy(output: name, imageCount: 0, originalCount: 0, candidateCount: 0)
        accuracy.imageCount += labels.count
        accuracy.originalCount += zip(wanted, labels).count { $0 == Int($1) }
        accuracy.candidateCount += zip(chosen, labels).count { $0 == Int($1) }
        self.accuracy = accuracy
    }
}

extension [VerificationReport.Output] {
    /// Takes the tensors of one more sample into the entry called `name`, which is made when it is not there.
    mutating func add(_ tensor: Tensor?, expected: Tensor, name: String, coarser: ElementType?, tolerance: Tolerance) {
        if !contains(where: { $0.name == name }) { append(.init(name: name, coarserType: coarser)) }
        for index in indices where self[index].name == name {
            self[index].comparison.add(tensor, expected: expected, coarser: coarser, tolerance: tolerance)
        }
    }
}

extension TensorComparison {
    /// Takes in one more pair; the first one settles the tolerance, which depends on the element types.
    fileprivate mutating func add(
        _ actual: Tensor?, expected: Tensor?, coarser: ElementType?, tolerance: Verification.Tolerance
    ) {
        if pairCount == 0, let type = (expected ?? actual)?.elementType {
            self = TensorComparison(tolerance: tolerance.resolved(for: type, computedFrom: coarser))
        }
        add(actual, expected: expected)
    }
}
