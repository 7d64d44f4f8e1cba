import Execution
import Foundation
import GraphIR
import ModelZoo
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

struct SessionTests {
    private func network(_ form: NetworkForm = .standard) throws -> Graph {
        try ZooModel.resnet14v2.graph(classes: 10, input: [3, 32, 32], form: form, seed: 1, softmax: true)
    }

    @Test(arguments: NetworkForm.allCases)
    func wholeNetworks(_ form: NetworkForm) throws {
        try expectAgreement(network(form), ["input": random([5, 3, 32, 32], seed: 2)])
    }

    @Test func everyRunGivesTheSameBits() throws {
        let plan = try OneDNNBackend(threads: 2).prepare(network(), inputShapes: ["input": [3, 3, 32, 32]])
        let x = try random([3, 3, 32, 32], seed: 2)
        let first = try plan.makeSession().run(["input": x])
        let again = try OneDNNBackend(threads: 2).prepare(network(), inputShapes: ["input": [3, 3, 32, 32]]).makeSession()
        for _ in 0..<5 { #expect(try again.run(["input": x]) == first) }
    }

    @Test func sessionsOfOnePlanRunAtTheSameTime() async throws {
        let plan = try OneDNNBackend(threads: 1).prepare(network(), inputShapes: ["input": [2, 3, 32, 32]])
        let expected = try (0..<4).map { try plan.makeSession().run(["input": random([2, 3, 32, 32], seed: UInt64($0))]) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<4 {
                group.addTask {
                    let session = try plan.makeSession()
                    let x = try random([2, 3, 32, 32], seed: UInt64(index))
                    for _ in 0..<3 { #expect(try session.run(["input": x]) == expected[index]) }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func aKeptOutputIsNotOverwritten() throws {
        let session = try OneDNNBackend(threads: 2).prepare(network(), inputShapes: ["input": [1, 3, 32, 32]]).makeSession()
        let x = try random([1, 3, 32, 32], seed: 1), y = try random([1, 3, 32, 32], seed: 2)
        let kept = try session.run(["input": x])
        let copy = try #require(kept["predictions"]).elements(as: Float.self)
        let other = try session.run(["input": y])
        #expect(try #require(kept["predictions"]).elements(as: Float.self) == copy)
        #expect(other != kept)
    }

    @Test func inputsAreLeftAlone() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [2, 16, 4, 4])
        let graph = try builder.finish(builder.relu(x), builder.sum(x, builder.relu(x)))
        let tensor = try random([2, 16, 4, 4], seed: 1), before = try tensor.elements(as: Float.self)
        try expectAgreement(graph, ["x": tensor])
        #expect(try tensor.elements(as: Float.self) == before)
    }

    @Test func unalignedInputs() throws {
        var builder = GraphBuilder()
        let graph = try builder.finish(builder.relu(builder.input("x", [3, 5])))
        let values = try random([3, 5], seed: 1)
        let shifted = values.withUnsafeBytes { bytes in TensorStorage(byteCount: bytes.count + 1) { target in
            UnsafeMutableRawBufferPointer(rebasing: target[1...]).copyMemory(from: bytes)
        } }
        let tensor = try Tensor(shape: [3, 5], elementType: .float32, storage: shifted, offset: 1)
        #expect(tensor.isIdentical(to: values))
        try expectAgreement(graph, ["x": tensor])
    }

    @Test func outputsThatAreInputsConstantsOrEachOther() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [2, 3])
        let w = try builder.weight([2])
        let y = try builder.relu(x)
        let view = try builder.add(.flatten(.init(axis: 0)), y)
        let copy = try builder.add(.identity(.init()), x)
        let graph = try builder.finish(x, w, y, view, copy)
        try expectAgreement(graph, randomInputs(graph, seed: 1))
    }

    @Test func observedValues() throws {
        let graph = try network()
        let names = graph.values.filter { if case .node = $0.source { true } else { false } }.map(\.name)
        let x = try random([2, 3, 32, 32], seed: 9)
        let session = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: ["input": [2, 3, 32, 32]]).makeSession()
        let reference = try ReferenceBackend().prepare(graph, inputShapes: ["input": [2, 3, 32, 32]]).makeSession()
        let actual = try session.run(["input": x], observing: names), expected = try reference.run(["input": x], observing: names)
        #expect(actual.count == expected.count)
        for (name, tensor) in expected { try expectClose(#require(actual[name]), tensor) }
        #expect(throws: CleaveError.self) { try session.run(["input": x], observing: ["no such value"]) }
    }

    @Test func wrongInputs() throws {
        let session = try OneDNNBackend(threads: 1).prepare(network(), inputShapes: ["input": [1, 3, 32, 32]]).makeSession()
        let x = try random([1, 3, 32, 32], seed: 1), two = try random([2, 3, 32, 32], seed: 1)
        let double = try Tensor([Double](repeating: 0, count: 3 * 32 * 32), shape: [1, 3, 32, 32])
        for (inputs, kind, tensor) in [
            ([:], .invalidRequest, "input"), (["input": x, "other": x], .invalidRequest, "other"),
            (["other": x], .invalidRequest, "other"), (["input": two], .shapeMismatch, "input"),
            (["input": double], .typeMismatch, "input"),
        ] as [([String: Tensor], CleaveError.Kind, String)] {
            let error = #expect(throws: CleaveError.self) { try session.run(inputs) }
            #expect(error?.kind == kind)
            #expect(error?.description.contains("'\(tensor)'") == true)
        }
        #expect(throws: Never.self) { try session.run(["input": x]) }
    }

    /// Nothing runs, and nothing is allocated, before every node is known to fit the inputs' shapes.
    @Test func shapesThatDoNotFitAreNamedBeforeTheRun() throws {
        var builder = GraphBuilder()
        let lengths: [GraphIR.Dimension] = [.known(1), .unknown, .known(6), .known(6)]
        let x = try builder.graph.edit { try $0.addInput("x", type: .tensor(TensorType(.float32, lengths))) }
        let graph = try builder.finish(builder.convolution(builder.relu(x), [8, 16, 3, 3]))
        for backend in [OneDNNBackend(threads: 1), ReferenceBackend()] as [any Backend] {
            #expect(throws: Never.self) { try backend.prepare(graph, inputShapes: ["x": [1, 16, 6, 6]]) }
            let error = #expect(throws: CleaveError.self) { try backend.prepare(graph, inputShapes: ["x": [1, 12, 6, 6]]) }
            #expect(error?.kind == .shapeMismatch)
            #expect(error?.description.contains("(Conv)") == true, "\(error?.description ?? "")")
        }
    }

    @Test func tooMuchMemoryIsRefusedBeforeItIsAllocated() throws {
        let error = #expect(throws: CleaveError.self) {
            try OneDNNBackend(threads: 1).prepare(network(), inputShapes: ["input": [4_000_000, 3, 32, 32]])
        }
        #expect(error?.problem.contains(/[0-9.]+ [GT]B .*, but the limit is [0-9.]+ [MG]B/) == true, "\(error?.problem ?? "")")
        #expect(throws: CleaveError.self) {
            try OneDNNBackend(threads: 1, memoryLimit: 1000).prepare(network(), inputShapes: ["input": [1, 3, 32, 32]])
        }
    }

    @Test func anUnknownOperatorIsNamedBeforeTheRun() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [2, 3])
        let y = try builder.add(.opaque(.init(domain: "org.example", name: "Mystery", overload: "")), builder.relu(x))
        let graph = try builder.finish(y)
        let error = #expect(throws: CleaveError.self) { try OneDNNBackend().prepare(graph, inputShapes: [:]) }
        #expect(error?.description.contains("Mystery") == true)
    }

    @Test func shapesThatTheDataDecides() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [4, 6])
        let y = try builder.relu(x)
        let places = try builder.add(.nonZero(.init()), y)
        let last = try builder.add(
            .reduction(.init(function: .max, axes: [0], keepDimensions: false, keepsInputWithoutAxes: false)), places)
        let graph = try builder.finish(builder.relu(builder.add(.gather(.init(axis: 1)), y, last)))
        for seed in 1...3 { try expectAgreement(graph, randomInputs(graph, seed: UInt64(seed))) }
    }

    /// A size that arithmetic on floating-point numbers finds is known all the same, and what comes after it runs on fast kernels.
    @Test func shapesThatArithmeticDecides() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [1, 16, 6, 6])
        let y = try builder.convolution(x, [16, 16, 1, 1])
        let shape = try builder.add(.shapeOf(.init(start: 0, end: nil)), y)
        let float = try builder.add(.cast(.init(to: .float32, saturate: true)), shape)
        let factor = try builder.constant(Tensor([Float(1), 1, 0.5, 0.5], shape: [4]))
        let product = try builder.add(.binary(.init(function: .mul, broadcastAxis: .numpy)), float, factor)
        let lengths = try builder.add(.cast(.init(to: .int64, saturate: true)), builder.add(.unary(.init(function: .ceil)), product))
        let starts = try builder.constant(Tensor([Int64](repeating: 0, count: 4), shape: [4]))
        let part = try builder.add(.slice(.init(bounds: nil)), y, starts, lengths)
        let graph = try builder.finish(builder.convolution(part, [8, 16, 3, 3]))
        try expectAgreement(graph, randomInputs(graph, seed: 3))
        let session = try OneDNNBackend(threads: 1).prepare(graph, inputShapes: [:]).makeSession()
        let profile = try #require(session as? any ProfilingSession).profile(randomInputs(graph, seed: 3)).profile
        #expect(profile.fallbackCount == 0)
    }

    /// From the first convolution to the last pool nothing changes its layout.
    @Test func layoutsAreKept() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [1, 3, 12, 12])
        let a = try builder.relu(builder.convolution(x, [24, 3, 3, 3], begin: [1, 1], end: [1, 1]))
        let depthwise = try builder.convolution(a, [24, 1, 3, 3], begin: [1, 1], end: [1, 1], groups: 24)
        let b = try builder.relu(builder.batchNorm(depthwise, channels: 24))
        let c = try builder.sum(builder.convolution(b, [32, 24, 1, 1]), builder.convolution(a, [32, 24, 1, 1]))
        let window = Window(kernel: [2, 2], strides: [2, 2], dilations: [1, 1], padding: .explicit(begin: [0, 0], end: [0, 0]))
        let pooled = try builder.add(.maxPool(.init(window: window, ceilMode: false, columnMajorIndices: false)), builder.relu(c))
        let joined = try builder.add(.concat(.init(axis: 1)), pooled, builder.convolution(pooled, [16, 32, 1, 1]))
        let graph = try builder.finish(builder.add(.globalPool(.init(function: .average)), builder.convolution(joined, [48, 48, 3, 3])))
        try expectAgreement(graph, randomInputs(graph, seed: 5))
        let session = try OneDNNBackend(threads: 1).prepare(graph, inputShapes: [:]).makeSession()
        let profile = try #require(session as? any ProfilingSession).profile(randomInputs(graph, seed: 5)).profile
        #expect(profile.fallbackCount == 0)
        #expect(profile.reorderCount == 0)
    }

    /// The output lies where it lay before, once the caller has let go of it.
    @Test func outputMemoryIsUsedAgain() throws {
        let session = try OneDNNBackend(threads: 2).prepare(network(), inputShapes: ["input": [1, 3, 32, 32]]).makeSession()
        let x = try random([1, 3, 32, 32], seed: 1)
        func address() throws -> UnsafeRawPointer? {
            try #require(session.run(["input": x])["predictions"]).withUnsafeBytes { $0.baseAddress }
        }
        let first = try address()
        for _ in 0..<5 { #expect(try address() == first) }
    }

    @Test func theProfileNamesEveryNodeOnce() throws {
        let graph = try network()
        let session = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: ["input": [1, 3, 32, 32]]).makeSession()
        let profiling = try #require(session as? any ProfilingSession)
        let x = try random([1, 3, 32, 32], seed: 1)
        let (outputs, profile) = try profiling.profile(["input": x])
        #expect(try session.run(["input": x]) == outputs)
        #expect(profile.fallbackCount == 0)
        let named = profile.steps.flatMap(\.nodes)
        #expect(Set(named).count == named.count)
        let work = graph.nodes.reduce(0) { $0 + ($1.operator.payload.multiplyAccumulates(graph.costContext(of: $1)) ?? 0) }
        #expect(profile.steps.reduce(0) { $0 + $1.multiplyAccumulates } == work || work == 0)
    }
}
