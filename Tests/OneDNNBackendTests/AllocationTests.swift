import AllocationCounter
import Execution
import GraphIR
import OneDNNBackend
import Tensors
import Testing

/// What a run allocates once a session is warm.
@Suite(.enabled(if: allocations_are_counted(), "malloc cannot be counted here"))
struct AllocationTests {
    /// The allocations of one run on one thread, whose output is dropped before the next one.
    private func tally(_ graph: Graph) throws -> (tally: allocation_tally, profile: ExecutionProfile) {
        let inputs = try randomInputs(graph, seed: 1)
        let session = try OneDNNBackend(threads: 1).prepare(graph, inputShapes: [:]).makeSession()
        var tally = allocation_tally()
        // The first runs also make what the language's runtime keeps from then on.
        for _ in 0..<4 {
            allocations_start()
            let outputs = Result { try session.run(inputs).count }
            tally = allocations_stop()
            #expect(try outputs.get() == 1)
        }
        return (tally, try #require(session as? any ProfilingSession).profile(inputs).profile)
    }

    /// Kernels of our own, one of every kind that binds its operands in another way, `count` times.
    private func chain(_ count: Int, size: Int) throws -> Graph {
        var builder = GraphBuilder()
        var y = try builder.input("x", [1, 16, size, size])
        for _ in 0..<count {
            let z = try builder.relu(builder.batchNorm(y, channels: 16))
            let padded = try builder.add(.pad(.init(mode: .reflect, pads: [0, 0, 1, 1, 0, 0, 1, 1], value: 0)), z)
            let part = try builder.add(.slice(.init(bounds: .init(starts: [1, 1], ends: [-1, -1], axes: [2, 3]))), padded)
            let joined = try builder.add(.concat(.init(axis: 1)), part, builder.sum(y, z))
            y = try builder.add(.gather(.init(axis: 1)), joined, builder.constant(Tensor(vector: (0..<16).map { Int64($0 * 2) })))
            y = try builder.add(.reduction(.init(function: .mean, axes: [1], keepDimensions: true, keepsInputWithoutAxes: false)), y)
            y = try builder.sum(y, builder.weight([1, 16, 1, 1]))
        }
        return try builder.finish(y)
    }

    @Test func stepsOfOurOwnAllocateNothing() throws {
        let short = try tally(chain(2, size: 6)), long = try tally(chain(20, size: 6))
        try #require(long.profile.steps.count >= 8 * short.profile.steps.count)
        let foreign = Set(long.profile.steps.map(\.kernel)).filter { !$0.hasPrefix("cleave:") }
        try #require(foreign.isEmpty, "\(foreign)")
        #expect(short.tally.count == long.tally.count)
        #expect(short.tally.bytes == long.tally.bytes)
    }

    /// oneDNN keeps a list of operands while a primitive runs. Nothing else is made, so that nothing depends on the image's size.
    @Test func bytesDoNotGrowWithTheImage() throws {
        func network(size: Int) throws -> Graph {
            var builder = GraphBuilder()
            let x = try builder.input("x", [1, 3, size, size])
            let a = try builder.relu(builder.convolution(x, [16, 3, 3, 3], begin: [1, 1], end: [1, 1]))
            let b = try builder.convolution(a, [16, 16, 3, 3], begin: [1, 1], end: [1, 1])
            let window = Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .valid)
            let pooled = try builder.add(.maxPool(.init(window: window, ceilMode: false, columnMajorIndices: false)), builder.sum(a, b))
            return try builder.finish(builder.add(.softmax(.init(function: .softmax, axis: 1, flattens: false)), pooled))
        }
        let small = try tally(network(size: 8)), large = try tally(network(size: 48))
        try #require(small.profile.steps.count == large.profile.steps.count)
        #expect(small.tally.count == large.tally.count)
        #expect(small.tally.bytes == large.tally.bytes)
    }
}
