import GraphIR
import OneDNNBackend
import Tensors
import Testing

/// Sums and variances of numbers that lose their digits in a single float32.
struct AccuracyTests {
    /// Level and deviation of what is normalized.
    static let signals: [(level: Float, deviation: Float)] = [
        (0, 1), (10, 1), (1000, 1), (10_000, 1), (-100, 0.01), (0.1, 0), (100.1, 0), (1, 0),
    ]

    private func signal(_ shape: [Int], _ level: Float, _ deviation: Float) throws -> Tensor {
        try Tensor(random(shape, seed: 8).elements(as: Float.self).map { level + deviation * $0 }, shape: shape)
    }

    /// Normalizes `x` as ONNX defines it, in Double, over stretches of `count` elements.
    private func normalized(_ x: Tensor, _ count: Int, epsilon: Double) throws -> [Double] {
        let elements = try x.elements(as: Float.self).map { Double($0) }
        return stride(from: 0, to: elements.count, by: count).flatMap { first -> [Double] in
            let part = elements[first..<(first + count)], mean = part.reduce(0, +) / Double(count)
            let variance = part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
            return part.map { ($0 - mean) / (variance + epsilon).squareRoot() }
        }
    }

    private func expectNormalized(
        _ operation: Operator, _ shape: [Int], over count: Int, vector: Int, blocked: Bool = false, _ signal: Tensor
    ) throws {
        var builder = GraphBuilder()
        var x = try builder.input("x", shape)
        let channels = shape[1]
        if blocked {
            let ones = try builder.constant(Tensor([Float](repeating: 1, count: channels), shape: [channels, 1, 1, 1]))
            let window = Window(kernel: [1, 1], strides: [], dilations: [], padding: .explicit(begin: [0, 0], end: [0, 0]))
            x = try builder.add(.convolution(.init(window: window, groups: channels)), x, ones)
        }
        let (scale, shift) = (Float(0.75), Float(0.5))
        let y = try builder.add(
            operation, x, builder.constant(Tensor([Float](repeating: scale, count: vector), shape: [vector])),
            builder.constant(Tensor([Float](repeating: shift, count: vector), shape: [vector])))
        let graph = try builder.finish(y)
        let outputs = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: [:]).makeSession().run(["x": signal])
        let actual = try #require(outputs.values.first).elements(as: Float.self)
        let expected = try normalized(signal, count, epsilon: 1e-5).map { $0 * Double(scale) + Double(shift) }
        let error = zip(actual, expected).map { (Double($0) - $1).magnitude }.max() ?? .infinity
        let largest = expected.map(\.magnitude).max() ?? 1
        #expect(error < 1e-5 * max(1, largest), "\(operation.name) \(error)")
    }

    @Test(arguments: signals.indices, [3, 16, 24])
    func normalizations(_ index: Int, _ channels: Int) throws {
        let (level, deviation) = Self.signals[index], shape = [2, channels, 24, 30], plane = 24 * 30
        let x = try signal(shape, level, deviation)
        for blocked in [false, true] {
            try expectNormalized(.instanceNorm(.init(epsilon: 1e-5)), shape, over: plane, vector: channels, blocked: blocked, x)
            for groups in [1, channels == 3 ? 3 : 4] {
                let norm = GroupNorm(groups: groups, epsilon: 1e-5, stashType: 1, affinePerGroup: false)
                try expectNormalized(.groupNorm(norm), shape, over: plane * channels / groups, vector: channels, blocked: blocked, x)
            }
        }
        try expectNormalized(.layerNorm(.init(axis: -1, epsilon: 1e-5, stashType: 1)), shape, over: 30, vector: 30, x)
        let wide = [2, 1027]
        try expectNormalized(
            .layerNorm(.init(axis: -1, epsilon: 1e-5, stashType: 1)), wide, over: 1027, vector: 1027, signal(wide, level, deviation))
    }

    /// A first element far from all others is no good centre for the sums.
    @Test(arguments: [false, true])
    func outliersInFront(_ blocked: Bool) throws {
        let shape = [1, 16, 40, 50]
        var elements = try random(shape, seed: 4).elements(as: Float.self)
        for channel in 0..<16 { elements[channel * 2000] = 1e6 }
        let x = try Tensor(elements, shape: shape)
        try expectNormalized(.instanceNorm(.init(epsilon: 1e-5)), shape, over: 2000, vector: 16, blocked: blocked, x)
        try expectNormalized(.layerNorm(.init(axis: -1, epsilon: 1e-5, stashType: 1)), shape, over: 50, vector: 50, x)
    }

    /// Means and sums of many numbers of one sign, along rows, along columns and over blocked channels.
    @Test func longReductions() throws {
        let count = 400_000
        let positive = try random([count], seed: 2).elements(as: Float.self).map { ($0 + 1) / 2 }
        let sum = positive.reduce(0) { $0 + Double($1) }, squares = positive.reduce(0) { $0 + Double($1) * Double($1) }
        let columns = try Tensor(positive.flatMap { [$0, $0, $0] }, shape: [1, count, 3])
        let rows = try Tensor(positive + positive, shape: [1, 2, 625, 640])
        for (x, axes, isImage) in [(columns, [1], false), (rows, [2, 3], true)] {
            var builder = GraphBuilder()
            let input = try builder.input("x", x.shape)
            var outputs: [(ValueID, Double)] = []
            for (function, value) in [
                (Reduction.Function.sum, sum), (.mean, sum / Double(count)), (.l1, sum), (.l2, squares.squareRoot()), (.sumSquare, squares),
            ] {
                let reduction = Reduction(function: function, axes: axes, keepDimensions: false, keepsInputWithoutAxes: false)
                outputs.append((try builder.add(.reduction(reduction), input), value))
            }
            if isImage {
                outputs.append((try builder.add(.globalPool(.init(function: .average)), input), sum / Double(count)))
                let ones = try builder.constant(Tensor([Float](repeating: 1, count: 2), shape: [2, 1, 1, 1]))
                let window = Window(kernel: [1, 1], strides: [], dilations: [], padding: .explicit(begin: [0, 0], end: [0, 0]))
                let blocked = try builder.add(.convolution(.init(window: window, groups: 2)), input, ones)
                outputs.append((try builder.add(.globalPool(.init(function: .average)), blocked), sum / Double(count)))
            }
            try builder.graph.edit { $0.setOutputs(outputs.map(\.0)) }
            let results = try OneDNNBackend(threads: 2).prepare(builder.graph, inputShapes: [:]).makeSession().run(["x": x])
            for (id, expected) in outputs {
                let actual = try #require(results[builder.graph[id].name]).elements(as: Float.self)
                let error = actual.map { (Double($0) / expected - 1).magnitude }.max() ?? .infinity
                #expect(error < 1e-6, "\(builder.graph[id].name) \(error)")
            }
        }
    }
}

