import Datasets
import Execution
import Foundation
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing
import TrainingCases

@testable import Training

struct EvaluationTests {
    /// A network whose scores are the means of the three channels, and images of which these are known.
    private func channelMeans(batch: GraphIR.Dimension, softmax: Bool) throws -> Graph {
        var graph = Graph(name: "means", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, [batch, 3, 2, 2])))
            let pool = try editor.insertSingle(
                .globalPool(GlobalPool(function: .average)), inputs: [x], output: .new(name: "mean"), name: "mean", before: nil,
                origin: nil)
            var y = try editor.insertSingle(
                .flatten(Flatten(axis: 1)), inputs: [pool], output: .new(name: "scores"), name: "scores", before: nil, origin: nil)
            if softmax {
                y = try editor.insertSingle(
                    .softmax(Softmax(function: .softmax, axis: 1, flattens: false)), inputs: [y], output: .new(name: "p"), name: "p",
                    before: nil, origin: nil)
            }
            editor.setOutputs([y])
        }
        return graph
    }

    private static let scores: [[Float]] = [[1, 0, 0], [0, 2, 0], [0, 0, 1], [3, 0, 1], [0.5, 0.5, 0]]
    private static let labels: [Int64] = [0, 1, 1, 2, 1]

    private func split() throws -> DatasetSplit {
        var archive = NumpyArchive()
        let pixels = Self.scores.flatMap { scores in scores.flatMap { [Float](repeating: $0, count: 4) } }
        try archive.append("x", Tensor(pixels, shape: [5, 3, 2, 2]))
        try archive.append("y", Tensor(Self.labels, shape: [5]))
        return try splits(archive).training
    }

    /// Scores [3, 0, 1] and [0, 0, 1] and [½, ½, 0] are wrong: of equal scores the first counts.
    @Test(arguments: [1, 2, 3, 5, 100], [true, false])
    func numbersAreThoseByHand(batchSize: Int, softmax: Bool) throws {
        for (batch, backend) in [(GraphIR.Dimension.named("N"), 0), (.known(1), 0), (.known(2), 0), (.named("N"), 1)] {
            let result = try evaluate(
                channelMeans(batch: batch, softmax: softmax), on: split(), options: .init(batchSize: batchSize, normalization: .raw),
                backend: backends[backend])
            let losses = zip(Self.scores, Self.labels).map { scores, label in
                log(scores.reduce(0) { $0 + exp(Double($1)) }) - Double(scores[Int(label)])
            }
            #expect((result.loss - losses.reduce(0, +) / 5).magnitude < 1e-6)
            #expect(result.count == 5 && result.top1 == 0.4 && result.top5 == 1 && result.unscoredCount == 0)
            let rows = (0..<3).map { label in (0..<3).map { result.confusion[label, $0] } }
            #expect(rows == [[1, 0, 0], [1, 1, 1], [1, 0, 0]])
            #expect(result.confusion.labelCounts == [1, 3, 1] && result.confusion.answerCounts == [3, 1, 1])
            #expect(result.confusion.mistakes(limit: 2).map { [$0.label, $0.answer, $0.count] } == [[1, 0, 1], [1, 2, 1]])
        }
    }

    /// The scores of a quantized network are those before its softmax, and the numbers between are the integers' own.
    @Test(arguments: 0..<2)
    func quantizedNetworksAreEvaluated(backend: Int) throws {
        var graph = try channelMeans(batch: .named("N"), softmax: false)
        try graph.edit { editor in
            func apply(_ operation: Operator, _ inputs: [ValueID], _ name: String) throws -> ValueID {
                try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
            }
            let scale = try editor.addConstant(Tensor(scalar: 0.5 as Float), name: "scale")
            let zero = try editor.addConstant(Tensor(scalar: 10 as UInt8), name: "zero")
            func rounded(_ value: ValueID, _ name: String) throws -> ValueID {
                let integers = try apply(
                    .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)), [value, scale, zero], name)
                return try apply(.dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)), [integers, scale, zero], name + ".real")
            }
            let scores = try rounded(editor.graph.outputs[0], "rounded")
            let softmax = try apply(.softmax(Softmax(function: .softmax, axis: 1, flattens: false)), [scores], "p")
            editor.setOutputs([try rounded(softmax, "p.rounded")])
        }
        let plain = try channelMeans(batch: .named("N"), softmax: false)
        let options = EvaluationOptions(batchSize: 3, normalization: .raw)
        let result = try evaluate(graph, on: split(), options: options, backend: backends[backend])
        let expected = try evaluate(plain, on: split(), options: options, backend: ReferenceBackend())
        #expect((result.loss - expected.loss).magnitude < 1e-6 && result.confusion == expected.confusion)
    }

    @Test func squaredErrorIsOfTheOutput() throws {
        let result = try evaluate(
            channelMeans(batch: .named("N"), softmax: false), on: split(),
            options: .init(batchSize: 2, normalization: .raw, measure: .meanSquaredError), backend: ReferenceBackend())
        let errors: [Double] = [0, 1, 2, 9, 0.5]
        #expect((result.loss - errors.reduce(0, +) / 15).magnitude < 1e-6)
    }

    @Test func scoresThatAreNoNumbersAreCounted() throws {
        let scores = try LabelScores(Tensor([1, .nan, 2, .nan, .nan, .nan] as [Float], shape: [2, 3]), count: 2)
        #expect(scores.best(0) == 2 && scores.best(1) == nil)
        #expect(scores.rank(of: 1, 0) == 3 && scores.rank(of: 0, 0) == 1)
    }

    @Test func topFiveIsOfTheFiveHighest() throws {
        let scores = try LabelScores(Tensor((0..<7).map { Float($0) }, shape: [1, 7]), count: 1)
        #expect((0..<7).map { scores.rank(of: $0, 0) } == [6, 5, 4, 3, 2, 1, 0])
    }

    @Test func otherOutputsAreRefused() throws {
        var graph = try channelMeans(batch: .named("N"), softmax: false)
        try graph.edit { editor in editor.setOutputs([editor.graph.inputs[0]]) }
        let images = try split()
        let text = failure {
            _ = try evaluate(graph, on: images, options: .init(batchSize: 2, normalization: .raw), backend: ReferenceBackend())
        }
        #expect(text.contains("expected scores [2, classes]"), "\(text)")
    }
}
