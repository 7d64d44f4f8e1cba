import GraphIR
import ReferenceBackend
import Tensors
import Testing

@testable import Autodiff

/// The gradients of rounding: against finite differences where the function is smooth, else against those of the function that the
/// straight-through rule puts in its place: what rounding adds to a number stays what it is.
@Suite struct FakeQuantizationTests {
    private static let weights = [0.5, -1, 2, 1.5, -0.75, 1, 3, -2]

    /// The operands' gradients of Σ weights·y.
    private func gradients(_ operation: FakeQuantize, _ operands: [[Double]]) throws -> [[Double]?] {
        var graph = Graph(name: "one node", opset: 17)
        let (values, sum) = try graph.edit { editor -> ([ValueID], ValueID) in
            var writer = NodeWriter(editor, prefix: "y")
            let values = try operands.enumerated().map { index, elements in
                try writer.editor.addConstant(
                    index == 0 || elements.count > 1 ? Tensor(vector: elements) : Tensor(scalar: elements[0]), name: "x\(index)")
            }
            let y = try writer.emit(.fakeQuantize(operation), values)
            let factors = try writer.editor.addConstant(Tensor(vector: Array(Self.weights.prefix(operands[0].count))), name: "weights")
            let sum = try writer.reduce(.sum, writer.multiply(y, factors), axes: nil, keepDimensions: false, output: nil)
            editor = writer.editor
            return (values, sum)
        }
        let found = try graph.addGradients(of: sum, withRespectTo: values)
        let names = found.compactMap { $0.map { graph[$0].name } }
        let results = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run([:], observing: names)
        return found.map { $0.flatMap { results[graph[$0].name]?.doubles() } }
    }

    private func value(_ operation: FakeQuantize, _ operands: [[Double]]) throws -> Double {
        let tensors = try operands.enumerated().map { index, elements in
            try Tensor(elements, shape: index == 0 || elements.count > 1 ? [elements.count] : [], as: .float64)
        }
        let y = try #require(
            try evaluate(.fakeQuantize(operation), operands: tensors, outputCount: 1, opset: 17).first??.doubles())
        return zip(y, Self.weights).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// (f(x + h) − f(x − h)) / 2h for every element of an operand.
    private func slopes(_ operands: [[Double]], _ index: Int, _ function: ([[Double]]) throws -> Double) rethrows -> [Double] {
        let step = 1e-6
        return try operands[index].indices.map { element in
            var (above, below) = (operands, operands)
            above[index][element] += step
            below[index][element] -= step
            return (try function(above) - function(below)) / (2 * step)
        }
    }

    private func expect(_ actual: [Double]?, _ expected: [Double], _ what: String) throws {
        let actual = try #require(actual, "\(what) has no gradient")
        try #require(actual.count == expected.count)
        for (left, right) in zip(actual, expected) {
            #expect((left - right).magnitude <= 1e-6 * max(1, right.magnitude), "\(what): \(actual), expected \(expected)")
        }
    }

    @Test func beyondTheLimitsItIsSmooth() throws {
        let operation = FakeQuantize(minimum: -4, maximum: 3, axis: 0, unit: 0.5, gradient: .learned)
        let operands: [[Double]] = [[9, -8.5, 4.2, -12], [1.1]]
        let found = try gradients(operation, operands)
        for index in operands.indices {
            try expect(found[index], slopes(operands, index) { try value(operation, $0) }, "operand \(index)")
        }
        // Neither of them is 0 throughout.
        #expect(found[1]?.first?.magnitude ?? 0 > 1)
    }

    /// Straight-through, with a low or without: y = s·(x/s + what rounding added) inside, s·(low/s + what rounding added) at the ends.
    @Test(arguments: [-2.3, nil], [1.0, 0.25])
    func insideItIsAsIfRoundingWereAConstant(low: Double?, unit: Double) throws {
        let operation = FakeQuantize(
            minimum: low == nil ? -3 : 0, maximum: low == nil ? 12 : 15, axis: 0, unit: Float(unit), gradient: .learned)
        let operands: [[Double]] = [[-3, 0.37, 9, 2.2, -1.13, 0.01, 5.55, -20], [0.55 / unit]] + (low.map { [[$0 / unit]] } ?? [])
        let (x, s) = (operands[0], 0.55)
        let start = low.map { ($0 / s).rounded(.toNearestOrEven) } ?? -3
        let added = x.map { ($0 / s).rounded(.toNearestOrEven) - $0 / s }
        let addedToLow = start - (low ?? 0) / s
        func surrogate(_ operands: [[Double]]) -> Double {
            let s = unit * operands[1][0], low = operands.count > 2 ? unit * operands[2][0] : 0
            return x.indices.reduce(0) { sum, index in
                let whole = x[index] / 0.55 + added[index]
                let steps: Double
                switch whole {
                case ..<start: steps = low / s + addedToLow
                case (start + 15.5)...: steps = low / s + addedToLow + 15
                default: steps = operands[0][index] / s + added[index]
                }
                return sum + Self.weights[index] * s * steps
            }
        }
        #expect((try value(operation, operands) - surrogate(operands)).magnitude < 1e-9)
        let found = try gradients(operation, operands)
        for index in operands.indices { try expect(found[index], slopes(operands, index, surrogate), "operand \(index)") }
    }

    @Test func everyChannelHasTheGradientOfItsScale() throws {
        let operation = FakeQuantize(minimum: -2, maximum: 2, axis: 0, unit: 1, gradient: .learned)
        let together = try gradients(operation, [[0.7, -3.1, 1.4], [0.5, 1, 0.25]])
        let single = FakeQuantize(minimum: -2, maximum: 2, axis: 0, unit: 1, gradient: .learned)
        for (index, pair) in [(0.7, 0.5), (-3.1, 1), (1.4, 0.25)].enumerated() {
            let alone = try gradients(single, [[pair.0], [pair.1]])
            let factor = Self.weights[index] / Self.weights[0]
            #expect(abs((together[1]?[index] ?? .nan) - (alone[1]?[0] ?? .nan) * factor) < 1e-12)
        }
    }

    @Test func constantScalesHaveNoGradient() throws {
        let operands: [[Double]] = [[9, 0.3, -9], [1]]
        let clipped = try gradients(FakeQuantize(minimum: -4, maximum: 3, axis: 0, unit: 1, gradient: .clipped), operands)
        #expect(clipped == [[0, -1, 0], nil])
        let passing = try gradients(FakeQuantize(minimum: -4, maximum: 3, axis: 0, unit: 1, gradient: .passing), operands)
        #expect(passing == [[0.5, -1, 2], nil])
    }

    /// A weight is a parameter although it is rounded before it is used, its scale is one that does not decay, and the average of the
    /// activation's range is a state.
    @Test func trainingGraphsFindWhatChanges() throws {
        var network = Graph(name: "network", opset: 17)
        try network.edit { editor in
            var writer = NodeWriter(editor, prefix: "y")
            let x = try writer.addInput("x", TensorType(.float32, lengths: [2, 3]))
            func constant(_ name: String, _ tensor: Tensor) throws -> ValueID { try writer.editor.addConstant(tensor, name: name) }
            let (low, high) = (try constant("x_low", Tensor(scalar: Float(-1))), try constant("x_high", Tensor(scalar: Float(3))))
            let step = try writer.divide(writer.subtract(high, low), constant("steps", Tensor(scalar: Float(255))))
            let rounded = try writer.emit(
                .fakeQuantize(FakeQuantize(minimum: 0, maximum: 255, axis: 0, unit: 1, gradient: .clipped)), [x, step, low])
            let weight = try constant("w", Tensor([Float(1), 2, 3, 4, 5, 6], shape: [3, 2]))
            let scale = try constant("w_scale", Tensor(vector: [Float(0.1), 0.2]))
            let roundedWeight = try writer.emit(
                .fakeQuantize(FakeQuantize(minimum: -127, maximum: 127, axis: 1, unit: 1, gradient: .learned)), [weight, scale])
            writer.editor.setOutputs([try writer.emit(.matMul(MatMul()), [rounded, roundedWeight], output: "scores")])
            editor = writer.editor
        }
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 2, seed: 0,
            movingRanges: [.init(value: "x", low: "x_low", high: "x_high", momentum: 0.5)], isFrozen: { $0 == "nothing" })
        #expect(Set(training.parameters.map(\.name)) == ["w", "w_scale"])
        #expect(training.parameters.filter(\.decays).map(\.name) == ["w"])
        #expect(training.parameters.filter(\.isTrainable).count == 2)
        #expect(training.stateUpdates.map(\.name) == ["x_low", "x_high"])
    }
}
