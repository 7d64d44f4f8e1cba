import Foundation
import GraphIR
import Passes
import ReferenceBackend
import Tensors
import Testing

@testable import Quantization

struct BatchNormMeansTests {
    /// β and γ of three channels: wide, far on one side, and constant.
    private static let shift: [Float] = [0.4, -1.5, 2]
    private static let scale: [Float] = [1.2, -0.9, 0]

    private func normalized(
        _ input: ValueID, in builder: inout NetworkBuilder, _ name: String, scale: [Float] = Self.scale
    ) throws -> ValueID {
        let operands = [
            input, try builder.constant(name + ".scale", scale, [3]), try builder.constant(name + ".bias", Self.shift, [3]),
            try builder.constant(name + ".mean", [0.1, 0, -0.2], [3]), try builder.constant(name + ".variance", [1, 2, 0.5], [3]),
        ]
        return try builder.node(.batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false)), operands, name)
    }

    /// The mean of f of normally distributed numbers, integrated.
    private func mean(_ channel: Int, deviation: Double? = nil, _ function: (Double) -> Double) -> Double {
        let (mean, deviation) = (Double(Self.shift[channel]), deviation ?? abs(Double(Self.scale[channel])))
        guard deviation > 0 else { return function(mean) }
        var (sum, weights) = (0.0, 0.0)
        for step in -9000...9000 {
            let z = Double(step) / 1000, weight = exp(-z * z / 2)
            sum += weight * function(mean + deviation * z)
            weights += weight
        }
        return sum / weights
    }

    private func expectClose(_ actual: [Double]?, _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(actual?.count == expected.count, sourceLocation: sourceLocation)
        for (a, b) in zip(actual ?? [], expected) { #expect(abs(a - b) < 1e-5, sourceLocation: sourceLocation) }
    }

    @Test func limitsCutTheDistribution() throws {
        let graph = try network {
            let norm = try normalized(try $0.input("x", [.named("N"), 3, 4, 4]), in: &$0, "norm")
            let relu = try $0.relu(norm, "relu")
            let clip = try $0.node(.clip(Clip(minimum: -0.7, maximum: 1.1)), [norm], "clip")
            let average = try $0.node(.globalPool(GlobalPool(function: .average)), [relu], "average")
            let flat = try $0.node(.flatten(Flatten(axis: 1)), [average], "flat")
            let largest = try $0.node(.globalPool(GlobalPool(function: .max)), [relu], "largest")
            return [clip, flat, largest]
        }
        let means = graph.batchNormMeans
        expectClose(means["norm"], Self.shift.map(Double.init))
        let relu = (0..<3).map { mean($0) { max($0, 0) } }
        expectClose(means["relu"], relu)
        expectClose(means["clip"], (0..<3).map { mean($0) { min(max($0, -0.7), 1.1) } })
        expectClose(means["average"], relu)
        expectClose(means["flat"], relu)
        #expect(means["largest"] == nil && means["x"] == nil)
    }

    @Test func sumsAndLayersPassMeansOn() throws {
        let graph = try network {
            let x = try $0.input("x", [.named("N"), 3, 4, 4])
            let first = try normalized(x, in: &$0, "first"), second = try normalized(x, in: &$0, "second")
            let relu = try $0.relu(try $0.add(first, second, "sum"), "relu")
            let depthwise = try $0.conv(relu, [6, 1, 1, 1], "depthwise", groups: 3)
            return [try $0.relu(try $0.conv(depthwise, [4, 6, 1, 1], "pointwise"), "last")]
        }
        let means = graph.batchNormMeans
        expectClose(means["sum"], Self.shift.map { 2 * Double($0) })
        let relu = (0..<3).map { channel in
            let deviation = abs(Double(Self.scale[channel])) * 2.0.squareRoot(), shift = Double(Self.shift[channel])
            return mean(channel, deviation: deviation) { max($0 + shift, 0) }
        }
        expectClose(means["relu"], relu)
        func layer(_ name: String, _ input: [Double], perGroup: Int) throws -> [Double] {
            let weight = try #require(graph.value(named: name + ".weight")?.constant?.doubles())
            let bias = try #require(graph.value(named: name + ".bias")?.constant?.doubles())
            let inputs = weight.count / bias.count
            return bias.indices.map { output in
                (0..<inputs).reduce(bias[output]) { $0 + weight[output * inputs + $1] * input[output / perGroup * inputs + $1] }
            }
        }
        let depthwise = try layer("depthwise", relu, perGroup: 2)
        expectClose(means["depthwise"], depthwise)
        expectClose(means["pointwise"], try layer("pointwise", depthwise, perGroup: 4))
        // Only the mean of what goes into the last ReLU is known.
        #expect(means["last"] == nil)
    }

    /// Where numbers are distributed as batch norms say, biases are corrected without data as well as with them.
    @Test(arguments: [false, true]) func theyCorrectBiases(equalizes: Bool) throws {
        let original = try network {
            // Without a constant channel, whose rounding no mean makes up for.
            let norm = try normalized(try $0.input("x", [.named("N"), 3, 16, 16]), in: &$0, "norm", scale: [1.2, -0.9, 0.5])
            let first = try $0.conv(try $0.relu(norm, "r"), [8, 3, 1, 1], "a")
            return [try $0.conv(first, [6, 8, 1, 1], "y")]
        }
        var random = SeededRandom(seed: 3)
        let (centers, variances) = ([0.1, 0, -0.2], [1, 2, 0.5])
        let numbers = (0..<16 * 3 * 256).map { index -> Float in
            let channel = index / 256 % 3
            let z = (-2 * log(random.uniform(1e-12, 1))).squareRoot() * cos(2 * Double.pi * random.uniform(0, 1))
            return Float(centers[channel] + variances[channel].squareRoot() * z)
        }
        let inputs = ["x": try Tensor(numbers, shape: [16, 3, 16, 16])]
        var graph = original
        var options = QuantizationOptions(reducesRange: true, correctsBias: true)
        options.channelMeans = graph.batchNormMeans
        if equalizes {
            let divisors = try EqualizeLayers().equalize(&graph).divisors
            #expect(divisors.keys.sorted() == ["a"])
            for (name, divisors) in divisors { options.channelMeans[name] = options.channelMeans[name].map { zip($0, divisors).map(/) } }
            let measured = try #require(run(graph, inputs, observing: ["a"])["a"]).elements(as: Float.self)
            for channel in 0..<8 {
                let values = measured.indices.filter { $0 / 256 % 8 == channel }.map { Double(measured[$0]) }
                let mean = values.reduce(0, +) / Double(values.count)
                #expect(abs(mean - (options.channelMeans["a"]?[channel] ?? .infinity)) < 0.05)
            }
        }
        let calibrator = try Calibrator(graph, backend: ReferenceBackend(), detail: options.neededDetail)
        try calibrator.add(.init(inputs: inputs, sampleNames: (0..<16).map { "\($0)" }))
        let record = try calibrator.record(equalized: equalizes)
        let expected: [Float] = try #require(run(graph, inputs)["y"]).elements()
        func meanError(_ options: QuantizationOptions) throws -> Double {
            var integers = graph
            _ = try QuantizeGraph(record, options: options).run(on: &integers)
            let values: [Float] = try #require(run(integers, inputs)["y"]).elements()
            var sums = [Double](repeating: 0, count: 6)
            for index in values.indices { sums[index / 256 % 6] += Double(values[index] - expected[index]) }
            return sums.reduce(0) { $0 + abs($1) }
        }
        let plain = try meanError(.init(reducesRange: true))
        #expect(try meanError(options) < plain / 2)
    }

    /// As other tools write sums and means over pixels.
    @Test func otherOperatorsOfTheSameFunction() throws {
        let graph = try network {
            let x = try $0.input("x", [.named("N"), 3, 4, 4])
            let first = try normalized(x, in: &$0, "first"), second = try normalized(x, in: &$0, "second")
            let sum = try $0.node(.variadic(Variadic(function: .sum)), [first, second, first], "sum")
            let mean = Reduction(function: .mean, axes: [2, 3], keepDimensions: false, keepsInputWithoutAxes: false)
            let other = Reduction(function: .mean, axes: [1], keepDimensions: true, keepsInputWithoutAxes: false)
            return [try $0.node(.reduction(mean), [sum], "mean"), try $0.node(.reduction(other), [sum], "other")]
        }
        let means = graph.batchNormMeans
        expectClose(means["sum"], Self.shift.map { 3 * Double($0) })
        expectClose(means["mean"], Self.shift.map { 3 * Double($0) })
        #expect(means["other"] == nil)
    }

    /// A layer of which nothing is known stays as it is, by itself in integers as well.
    @Test func layersWithoutMeansStay() throws {
        let graph = try network { [try $0.conv(try $0.input("x", [.named("N"), 3, 8, 8]), [6, 3, 1, 1], "y")] }
        #expect(graph.batchNormMeans.isEmpty)
        var options = QuantizationOptions(correctsBias: true)
        options.channelMeans = ["elsewhere": [1]]
        #expect(!graph.hasLayers(withInputsIn: options.channelMeans) && graph.hasLayers(withInputsIn: ["x": [0, 0, 0]]))
        var (corrected, plain) = (graph, graph)
        let record = try calibrated(graph)
        _ = try QuantizeGraph(record, options: options).run(on: &corrected)
        _ = try QuantizeGraph(record, options: .init()).run(on: &plain)
        let inputs = ["x": try samples([4, 3, 8, 8])]
        #expect(try run(corrected, inputs)["y"] == run(plain, inputs)["y"])
        let batch = CalibrationBatch(inputs: inputs, sampleNames: (0..<4).map { "\($0)" })
        #expect(try sensitivities(of: graph, record, options: options, samples: [batch], backend: ReferenceBackend()).count == 1)
    }
}
