import Execution
import GraphIR
@testable import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

/// What a plan says it takes, before it takes it.
struct MemoryAccountTests {
    private func expectRefusal(
        _ graph: Graph, memoryLimit: Int = 64 << 20, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: CleaveError.self, sourceLocation: sourceLocation) {
            try OneDNNBackend(threads: 1, memoryLimit: memoryLimit).prepare(graph, inputShapes: [:])
        }
        #expect(error?.problem.contains("but the limit is") == true, "\(error?.problem ?? "")", sourceLocation: sourceLocation)
    }

    /// `x` of one element, expanded to `count` ones.
    private func expanded(_ count: Int, _ type: ElementType, _ builder: inout GraphBuilder) throws -> ValueID {
        let x = try builder.graph.edit { try $0.addInput("x", type: .tensor(TensorType(type, lengths: [1]))) }
        return try builder.add(.expand(.init()), x, builder.constant(Tensor(vector: [Int64(count)])))
    }

    /// A chain of tensors that live in no buffer: each is let go of when the next one is there.
    @Test func tensorsOfOtherTypesCountWhileTheyAreNeeded() throws {
        var builder = GraphBuilder()
        var value = try expanded(1 << 20, .float64, &builder)
        for _ in 0..<10 { value = try builder.add(.unary(.init(function: .sin)), value) }
        let graph = try builder.finish(value)
        // Two of eight MiB each are there at once.
        expectRefusal(graph, memoryLimit: 12 << 20)
        let backend = OneDNNBackend(threads: 1, memoryLimit: 20 << 20)
        let plan = try #require(try backend.prepare(graph, inputShapes: [:]) as? OneDNNPlan)
        #expect(plan.tensorByteCount == 16 << 20)
        let x = try Tensor([0.5], shape: [1])
        let session = try plan.makeSession(), result = try #require(session.run(["x": x]).values.first)
        #expect(try session.run(["x": x]).values.first == result)
        #expect(result.count == 1 << 20)
    }

    /// Values that are read again much later stay.
    @Test func tensorsThatAreReadAgainStay() throws {
        var builder = GraphBuilder()
        let first = try expanded(1 << 10, .float64, &builder)
        var values = [first]
        for _ in 0..<6 { values.append(try builder.add(.unary(.init(function: .sin)), #require(values.last))) }
        let sum = try builder.graph.edit {
            try $0.insertSingle(
                .variadic(.init(function: .sum)), inputs: values, output: .new(name: "sum"), name: "", before: nil, origin: nil)
        }
        let graph = try builder.finish(sum, values[2])
        let plan = try #require(try OneDNNBackend(threads: 1).prepare(graph, inputShapes: [:]) as? OneDNNPlan)
        #expect(plan.tensorByteCount == 8 << 13)
        try expectAgreement(graph, ["x": Tensor([0.5], shape: [1])])
    }

    /// What is moved at even distances needs no lists of places.
    @Test func evenMovementNeedsNoTables() throws {
        var builder = GraphBuilder()
        var value = try expanded(1 << 20, .float32, &builder)
        value = try builder.add(.slice(.init(bounds: .init(starts: [1], ends: [1 << 20], axes: [0]))), value)
        value = try builder.add(.tile(.init()), value, builder.constant(Tensor(vector: [Int64(2)])))
        let graph = try builder.finish(builder.relu(value))
        let plan = try #require(try OneDNNBackend(threads: 1).prepare(graph, inputShapes: [:]) as? OneDNNPlan)
        #expect(plan.weightByteCount < 1024)
        try expectAgreement(graph, ["x": random([1], seed: 1)])
    }

    @Test func tablesAreRefusedBeforeTheyAreMade() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [1, 1, 1, 2])
        let scales = try builder.constant(Tensor([Float(1), 1, 1, 4_194_304], shape: [4]))
        let resize = Resize(
            mode: .linear, coordinates: .halfPixel, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
        expectRefusal(try builder.finish(builder.add(.resize(resize), x, nil, scales)))
        var other = GraphBuilder()
        let y = try other.input("x", [4])
        expectRefusal(try other.finish(other.add(.pad(.init(mode: .constant, pads: [1 << 22, 0], value: 0)), y)))
    }

    /// Every constant has room, all of them have not.
    @Test func constantsCountTogether() throws {
        var builder = GraphBuilder()
        let lengths = try builder.constant(Tensor(vector: [Int64(1 << 20)]))
        var value = try builder.input("x", [1])
        for _ in 0..<24 { value = try builder.sum(value, builder.add(.constantOfShape(.init(value: nil)), lengths)) }
        let graph = try builder.finish(value)
        let plan = try #require(
            try OneDNNBackend(threads: 1, memoryLimit: 64 << 20).prepare(graph, inputShapes: [:]) as? OneDNNPlan)
        #expect(plan.weightByteCount <= 40 << 20)
        expectRefusal(graph, memoryLimit: 8 << 20)
        try expectAgreement(graph, ["x": random([1], seed: 1)], backend: OneDNNBackend(threads: 1, memoryLimit: 64 << 20))
    }
}
