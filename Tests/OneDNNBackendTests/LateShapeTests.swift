import Execution
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

/// Operators whose shapes depend on numbers: as many of the rows of x as are positive go through a layer.
struct LateShapeTests {
    private func graph(_ layer: (inout GraphBuilder, ValueID) throws -> ValueID, row: [Int]) throws -> Graph {
        var builder = GraphBuilder()
        let x = try builder.input("x", [12] + row), score = try builder.input("score", [12])
        let positive = try builder.add(
            .binary(.init(function: .greater, broadcastAxis: .numpy)), score, builder.constant(Tensor(scalar: Float(0))))
        let chosen = try builder.add(.compress(.init(axis: 0)), x, positive)
        return try builder.finish(layer(&builder, chosen))
    }

    /// Runs with several numbers of rows, more than are kept, and twice with each.
    private func expectLatePlans(_ graph: Graph, row: [Int], computing operators: [String]) throws {
        let backend = OneDNNBackend(threads: 2)
        let session = try backend.prepare(graph, inputShapes: [:]).makeSession()
        let reference = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession()
        for count in [3, 0, 12, 1, 3, 7, 5, 3, 0] {
            let score = Tensor(vector: (0..<12).map { Float($0 < count ? 1 : -1) })
            let inputs = ["x": try random([12] + row, seed: UInt64(count)), "score": score]
            let expected = try reference.run(inputs)
            for _ in 0..<2 {
                let actual = try session.run(inputs)
                for (name, tensor) in expected { try expectClose(#require(actual[name]), tensor) }
            }
        }
        let inputs = ["x": try random([12] + row, seed: 1), "score": try random([12], seed: 2)]
        let steps = try #require(session as? any ProfilingSession).profile(inputs).profile.steps
        #expect(steps.filter { $0.kernel == "cleave:late" }.map(\.operatorName) == operators)
    }

    @Test func convolutionsAndActivations() throws {
        let graph = try graph({ try $0.relu($0.convolution($1, [8, 4, 3, 3], begin: [1, 1], end: [1, 1], bias: true)) }, row: [4, 10, 10])
        try expectLatePlans(graph, row: [4, 10, 10], computing: ["Conv", "Relu"])
    }

    @Test func linearLayers() throws {
        let graph = try graph(
            {
                let operation = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
                return try $0.add(.gemm(operation), $1, $0.weight([16, 40]), $0.weight([16]))
            }, row: [40])
        try expectLatePlans(graph, row: [40], computing: ["Gemm"])
    }

    @Test(arguments: [RoiAlign.Mode.average, .max], [0, 2])
    func boxes(mode: RoiAlign.Mode, samplingRatio: Int) throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [2, 5, 9, 8]), score = try builder.input("score", [12])
        let positive = try builder.add(
            .binary(.init(function: .greater, broadcastAxis: .numpy)), score, builder.constant(Tensor(scalar: Float(0))))
        // Some reach beyond the image, and one is empty.
        var corners = SeededRandom(seed: 4)
        let boxes = try builder.constant(
            Tensor((0..<48).map { Float(corners.uniform(-6, 24)) * ($0 / 4 == 5 ? 0 : 1) }, shape: [12, 4]))
        let images = try builder.constant(Tensor(vector: (0..<12).map { Int64($0 % 3 - 1) }))
        let align = Operator.roiAlign(
            RoiAlign(mode: mode, outputHeight: 3, outputWidth: 2, samplingRatio: samplingRatio, spatialScale: 0.5, halfPixel: true))
        let graph = try builder.finish(
            builder.add(
                align, x, builder.add(.compress(.init(axis: 0)), boxes, positive),
                builder.add(.compress(.init(axis: 0)), images, positive)))
        for seed in 1...3 as ClosedRange<UInt64> {
            try expectAgreement(graph, ["x": random([2, 5, 9, 8], seed: seed), "score": random([12], seed: seed + 10)])
        }
        // All boxes, of shapes that are known before the run.
        var known = GraphBuilder()
        let y = try known.input("y", [2, 5, 9, 8]), corner = try known.weight([12, 4], scale: 20)
        try expectFast(
            known.finish(known.add(align, y, corner, known.constant(Tensor(vector: (0..<12).map { Int64($0 % 2) })))),
            ["y": random([2, 5, 9, 8], seed: 5)])
        // A number that is none, and one that is infinite, reach the bins that read them.
        var elements = try random([2, 5, 9, 8], seed: 6).elements(as: Float.self)
        (elements[30], elements[100]) = (.nan, .infinity)
        try expectAgreement(
            graph, ["x": Tensor(elements, shape: [2, 5, 9, 8]), "score": Tensor(vector: [Float](repeating: 1, count: 12))])
    }

    @Test func failuresNameTheNodeAsItIs() throws {
        // The weight is for five channels, but what x tells when it is given has four.
        var builder = GraphBuilder()
        let shape = try builder.input("x", [12])
        let lengths = try builder.add(.slice(.init(bounds: .init(starts: [0], ends: [4], axes: [0]))), shape)
        let filled = try builder.add(
            .reshape(.init(shape: nil, allowZero: false)), shape, builder.add(.cast(.init(to: .int64, saturate: true)), lengths))
        let graph = try builder.finish(builder.convolution(filled, [2, 5, 1, 1]))
        let session = try OneDNNBackend(threads: 1).prepare(graph, inputShapes: [:]).makeSession()
        let error = #expect(throws: CleaveError.self) {
            try session.run(["x": Tensor(vector: [1, 4, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0] as [Float])])
        }
        #expect(error?.location.node == graph.nodes.first { $0.operator.name == "Conv" }.map { graph.label(of: $0) })
        #expect(error?.location.operatorName == "Conv")
    }
}
