import GraphIR
import Tensors
import Testing

@testable import Datasets

/// A graph with the given inputs and an output per name that is the first input.
func interface(inputs: [(String, ElementType, [Dimension]?)], outputs: [String]) throws -> Graph {
    var graph = Graph(name: "interface", opset: 17)
    try graph.edit { editor in
        var ids: [ValueID] = []
        for (name, type, shape) in inputs { ids.append(try editor.addInput(name, type: .tensor(TensorType(type, shape)))) }
        for name in outputs {
            let id = try editor.insertSingle(
                .identity(Identity()), inputs: [ids[0]], output: .new(name: name), name: name, before: nil, origin: nil)
            editor.setOutputs(editor.graph.outputs + [id])
        }
    }
    return graph
}

struct RandomInputTests {
    @Test func dependOnSeedIndexAndPositionOnly() throws {
        let graph = try interface(inputs: [("x", .float32, [.named("N"), 3]), ("z", .float32, [4])], outputs: ["y"])
        let first = try randomInputs(for: graph, shapes: InputShapes(), seed: 1, index: 0)
        #expect(try first == randomInputs(for: graph, shapes: InputShapes(), seed: 1, index: 0))
        #expect(try first["x"] != randomInputs(for: graph, shapes: InputShapes(), seed: 2, index: 0)["x"])
        #expect(try first["x"] != randomInputs(for: graph, shapes: InputShapes(), seed: 1, index: 1)["x"])
        #expect(first["x"]?.shape == [1, 3])
        #expect(first["z"]?.shape == [4])
        let (x, z) = (try #require(first["x"]?.doubles()), try #require(first["z"]?.doubles()))
        #expect(x[0] != z[0], "every input has numbers of its own")
        let other = try interface(inputs: [("q", .float32, [1, 3])], outputs: ["y"])
        #expect(try randomInputs(for: other, shapes: InputShapes(), seed: 1, index: 0)["q"] == first["x"])
    }

    @Test func areStandardNormal() throws {
        let graph = try interface(inputs: [("x", .float32, [10_000])], outputs: ["y"])
        let tensor = try #require(try randomInputs(for: graph, shapes: InputShapes(), seed: 3, index: 0)["x"])
        let values = try #require(tensor.doubles())
        let mean = values.reduce(0, +) / 10_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 10_000
        #expect(abs(mean) < 0.05)
        #expect(abs(variance - 1) < 0.1)
    }

    @Test(arguments: [(ElementType.uint8, 0.0, 255.0), (.int8, -128, 127), (.int64, 0, 9), (.bool, 0, 1), (.int4, -8, 7)])
    func integersCoverTheirRange(type: ElementType, low: Double, high: Double) throws {
        let graph = try interface(inputs: [("x", type, [20_000])], outputs: ["y"])
        let values = try #require(try randomInputs(for: graph, shapes: InputShapes(), seed: 3, index: 0)["x"]?.doubles())
        #expect(values.min() == low)
        #expect(values.max() == high)
    }

    @Test func openDimensionsTakeTheBatchAndGivenShapes() throws {
        let graph = try interface(inputs: [("x", .float32, [.named("N"), 3, .unknown])], outputs: ["y"])
        #expect(try InputShapes(batch: 4).resolved(for: graph).map(\.shape) == [[4, 3, 1]])
        #expect(try InputShapes(batch: 4, shapes: ["x": [2, 3, 8]]).resolved(for: graph).map(\.shape) == [[2, 3, 8]])
        #expect(throws: CleaveError.self) { try InputShapes(shapes: ["x": [2, 4, 8]]).resolved(for: graph) }
        #expect(throws: CleaveError.self) { try InputShapes(shapes: ["x": [2, 3]]).resolved(for: graph) }
        #expect(throws: CleaveError.self) { try InputShapes(shapes: ["q": [2, 3, 8]]).resolved(for: graph) }
        let unranked = try interface(inputs: [("x", .float32, nil)], outputs: ["y"])
        let error = try #require(throws: CleaveError.self) { try InputShapes().resolved(for: unranked) }
        #expect(error.suggestion == "give its shape: --shape x=1x3x224x224")
    }

    @Test func stringsAndAbsurdShapesAreRefused() throws {
        let strings = try interface(inputs: [("x", .string, [1])], outputs: ["y"])
        #expect(throws: CleaveError.self) { try randomInputs(for: strings, shapes: InputShapes(), seed: 1, index: 0) }
        let huge = try interface(inputs: [("x", .float32, [.known(1 << 40)])], outputs: ["y"])
        #expect(throws: CleaveError.self) { try randomInputs(for: huge, shapes: InputShapes(), seed: 1, index: 0) }
    }
}

struct MatchingTests {
    private let one = Tensor(vector: [Float(1), 2, 3, 4])
    private let two = Tensor(vector: [Float(5)])

    private func archive(_ entries: [(String?, Tensor)]) -> TensorFile {
        TensorFile(path: "data.npz", contents: .archive(entries.map { .init(name: $0.0, tensor: $0.1) }))
    }

    @Test func arraysAreMatchedByName() throws {
        let graph = try interface(inputs: [("x", .float32, nil), ("z", .float32, nil)], outputs: ["y"])
        let samples = try archive([("y", two), ("z", two), ("x", one)]).samples(for: graph)
        #expect(samples == [Sample(inputs: ["x": one, "z": two], expected: ["y": two])])
    }

    /// An expected output with a slip in its name would not be compared.
    @Test func arraysForNothingAreRefused() throws {
        let graph = try interface(inputs: [("x", .float32, nil)], outputs: ["predictions"])
        let slip = try #require(throws: CleaveError.self) { try archive([("x", one), ("predictoins", two)]).samples(for: graph) }
        #expect(
            slip.description == "data.npz: tensor 'predictoins': the array is neither an input nor an output of the model")
        #expect(slip.suggestion == "is it 'predictions'?")
        let other = try #require(throws: CleaveError.self) {
            try archive([("x", one), ("predictions", two), ("labels", two)]).samples(for: graph)
        }
        #expect(other.description.contains("'labels'"))
        #expect(other.suggestion == "leave it out; the model has 'x', 'predictions'")
    }

    @Test func theOnlyInputTakesTheOnlyArrayLeft() throws {
        let graph = try interface(inputs: [("input_1", .float32, nil)], outputs: ["y"])
        #expect(try archive([("x", one), ("y", two)]).samples(for: graph) == [Sample(inputs: ["input_1": one], expected: ["y": two])])
        #expect(try archive([(nil, one)]).samples(for: graph) == [Sample(inputs: ["input_1": one])])
        #expect(throws: CleaveError.self) { try archive([("a", one), ("b", two)]).samples(for: graph) }
        #expect(throws: CleaveError.self) { try archive([("y", one)]).samples(for: graph) }
    }

    @Test func aMissingInputIsNamed() throws {
        let graph = try interface(inputs: [("x", .float32, nil), ("z", .float32, nil)], outputs: ["y"])
        let error = try #require(throws: CleaveError.self) { try archive([("x", one)]).samples(for: graph) }
        #expect(error.description == "data.npz: tensor 'z': there is no array for the input, only 'x'")
    }

    @Test func testDataIsMatchedByPosition() throws {
        let graph = try interface(inputs: [("x", .float32, nil), ("z", .float32, nil)], outputs: ["y"])
        let set = (
            inputs: [TensorFile.Entry(name: "odd", tensor: one), .init(name: nil, tensor: two)],
            outputs: [TensorFile.Entry(name: nil, tensor: two)]
        )
        let file = TensorFile(path: "folder", contents: .dataSets([set, set]))
        #expect(try file.samples(for: graph) == Array(repeating: Sample(inputs: ["x": one, "z": two], expected: ["y": two]), count: 2))
        let small = try interface(inputs: [("x", .float32, nil)], outputs: ["y"])
        #expect(throws: CleaveError.self) { try file.samples(for: small) }
    }

    @Test func arraysAreCutIntoBatches() throws {
        let graph = try interface(inputs: [("x", .float32, nil)], outputs: ["y"])
        let wide = try Tensor((0..<10).map { Float($0) }, shape: [5, 2])
        let samples = try archive([("x", wide), ("y", Tensor(vector: [Float(0), 1, 2, 3, 4]))]).samples(for: graph, batch: 2)
        #expect(samples.map { $0.inputs["x"]?.shape } == [[2, 2], [2, 2], [1, 2]])
        #expect(try samples[2].inputs["x"]?.elements(as: Float.self) == [8, 9])
        #expect(try samples[1].expected["y"]?.elements(as: Float.self) == [2, 3])
        #expect(try Tensor.joined(samples.compactMap { $0.inputs["x"] }) == wide)
        #expect(throws: CleaveError.self) { try archive([("x", wide), ("y", two)]).samples(for: graph, batch: 2) }
    }

    @Test func narrowElementsAreCutWhereverTheyStart() throws {
        let codes = try Tensor([Int64](arrayLiteral: 1, -2, 3, -4, 5, -6), shape: [2, 3], as: .int4)
        let parts = try Sample(inputs: ["x": codes]).cut(1)
        #expect(parts[1].inputs["x"]?.int64s() == [-4, 5, -6])
    }

    @Test func resultsThatDoNotFitAreNotJoined() throws {
        #expect(throws: CleaveError.self) { try Tensor.joined([Tensor(scalar: Float(1)), Tensor(scalar: Float(2))]) }
        #expect(throws: CleaveError.self) {
            try Tensor.joined([try Tensor([Float(1)], shape: [1, 1]), try Tensor([Float(1), 2], shape: [1, 2])])
        }
    }
}
