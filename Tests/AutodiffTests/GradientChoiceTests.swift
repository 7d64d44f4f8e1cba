import GraphIR
import ReferenceBackend
import Tensors
import Testing

@testable import Autodiff

/// Where the derivative is a matter of choice or of bookkeeping.
@Suite struct GradientChoiceTests {
    @Test func equalExtremesShareTheGradient() throws {
        let maximum = Reduction(function: .max, axes: [0], keepDimensions: false, keepsInputWithoutAxes: false)
        #expect(try gradients(.reduction(maximum), [[1, 3, 3, 2]]) == [[0, 0.5, 0.5, 0]])
        #expect(try gradients(.variadic(Variadic(function: .min)), [[1, 2], [1, 3]]) == [[0.5, 1], [0.5, 0]])
    }

    @Test func limitsOfClipBelongToTheInside() throws {
        let clip = Operator.clip(Clip(minimum: 0, maximum: 1))
        #expect(try gradients(clip, [[-1, 0, 0.5, 1, 2]]) == [[0, 1, 1, 1, 0]])
    }

    @Test func cornersAreLikePyTorch() throws {
        #expect(try gradients(.activation(Activation(function: .relu)), [[0]]) == [[0]])
        #expect(try gradients(.activation(Activation(function: .leakyRelu(alpha: 0.25))), [[0]]) == [[0.25]])
        #expect(try gradients(.unary(Unary(function: .abs)), [[0]]) == [[0]])
    }

    @Test func stepsHaveNoGradient() throws {
        #expect(try gradients(.unary(Unary(function: .floor)), [[1.5]]) == [nil])
    }

    @Test func everyUseOfAValueCounts() throws {
        var graph = Graph(name: "uses", opset: 17)
        let (x, y) = try graph.edit { editor -> (ValueID, ValueID) in
            var writer = NodeWriter(editor, prefix: "y")
            let x = try writer.editor.addConstant(Tensor(scalar: 3.0), name: "x")
            let square = try writer.multiply(x, x)
            let y = try writer.add(writer.multiply(square, x), writer.unary(.neg, x))
            editor = writer.editor
            return (x, y)
        }
        let gradient = try #require(graph.addGradients(of: y, withRespectTo: [x])[0])
        let run = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run([:], observing: [graph[gradient].name])
        #expect(run[graph[gradient].name]?.doubles() == [26])
    }

    @Test func onlyScalarsHaveGradients() throws {
        var graph = Graph(name: "vector", opset: 17)
        let x = try graph.edit { try $0.addConstant(Tensor(vector: [1.0, 2]), name: "x") }
        #expect(throws: CleaveError.self) { try graph.addGradients(of: x, withRespectTo: [x]) }
    }

    /// The gradients of the sum of the output's elements with respect to vectors.
    private func gradients(_ operation: Operator, _ operands: [[Double]]) throws -> [[Double]?] {
        var graph = Graph(name: "one node", opset: 17)
        let (values, sum) = try graph.edit { editor -> ([ValueID], ValueID) in
            var writer = NodeWriter(editor, prefix: "y")
            let values = try operands.map { try writer.editor.addConstant(Tensor(vector: $0), name: "x") }
            let sum = try writer.reduce(.sum, writer.emit(operation, values), axes: nil, keepDimensions: false, output: nil)
            editor = writer.editor
            return (values, sum)
        }
        let found = try graph.addGradients(of: sum, withRespectTo: values)
        let names = found.compactMap { $0.map { graph[$0].name } }
        let run = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run([:], observing: names)
        return found.map { $0.flatMap { run[graph[$0].name]?.doubles() } }
    }
}
