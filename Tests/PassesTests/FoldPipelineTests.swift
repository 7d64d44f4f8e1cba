import GraphIR
import Passes
import Synchronization
import Tensors
import Testing

@Suite struct FoldPipelineTests {
    private func identities() throws -> Graph {
        try makeGraph {
            let a = try $0.identity(try $0.relu(try $0.input("x", [2]), name: "a"), name: "b")
            $0.output(try $0.node(.activation(Activation(function: .tanh)), [a], name: "y"))
        }
    }

    private func pipeline() -> Pipeline {
        Pipeline(
            name: "test",
            steps: [.untilStable([RemoveDeadCode(), RewritePass(RemoveIdentities())], rounds: 5), .once(RemoveDeadCode())])
    }

    @Test func eventsAndRounds() throws {
        let events = Mutex<[String]>([])
        let checks = Mutex(0)
        let options = Pipeline.Options(
            verify: { _ in checks.withLock { $0 += 1 } },
            observe: { event, graph in events.withLock { $0.append("\(event.index) \(event.moment) \(event.pass) \(graph.nodeCount)") } },
            passLimit: nil)
        var graph = try identities()
        let reports = try pipeline().run(on: &graph, options: options)
        #expect(graph.operatorNames == ["Relu", "Tanh"])
        #expect(events.withLock { $0 } == [
            "1 before remove-dead-code 3", "1 after remove-dead-code 3", "2 before remove-identities 3", "2 after remove-identities 2",
            "3 before remove-dead-code 2", "3 after remove-dead-code 2", "4 before remove-identities 2", "4 after remove-identities 2",
            "5 before remove-dead-code 2", "5 after remove-dead-code 2",
        ])
        #expect(checks.withLock { $0 } == 2, "once before, once after the pass that changed something")
        #expect(reports.map(\.pass) == ["remove-dead-code", "remove-identities"])
        #expect(reports.map(\.rewrites.count) == [0, 1])
    }

    @Test func passesWithNothingToDoWaitForAChange() throws {
        let passes = Mutex<[String]>([])
        let options = Pipeline.Options(
            verify: nil, observe: { event, _ in if event.moment == .before { passes.withLock { $0.append(event.pass) } } }, passLimit: nil)
        var graph = try identities()
        let steps: [Pipeline.Step] = [.untilStable([RewritePass(RemoveIdentities()), RemoveDeadCode()], rounds: 5)]
        try Pipeline(name: "test", steps: steps).run(on: &graph, options: options)
        #expect(passes.withLock { $0 } == ["remove-identities", "remove-dead-code", "remove-identities"])
    }

    @Test func stopsAfterSomePasses() throws {
        for (limit, count) in [(0, 3), (1, 3), (2, 2)] {
            var graph = try identities()
            let reports = try pipeline().run(on: &graph, options: .init(verify: nil, observe: nil, passLimit: limit))
            #expect(graph.nodeCount == count)
            #expect(reports.count == limit)
        }
    }

    @Test func failuresNameThePassAndLeaveTheGraph() throws {
        var graph = try identities()
        let options = Pipeline.Options(
            verify: { if $0.nodeCount < 3 { throw CleaveError(.invalidGraph, "too small") } }, observe: nil, passLimit: nil)
        let error = #expect(throws: CleaveError.self) { try pipeline().run(on: &graph, options: options) }
        #expect(error?.problem == "pass 'remove-identities': too small")
        #expect(graph.nodeCount == 3)
    }

    @Test func mergedReports() {
        func report(_ pass: String, _ rewrites: [String], _ skips: [String]) -> PassReport {
            PassReport(
                pass: pass, fidelity: .exact, rewrites: rewrites.map { .init(node: $0, detail: "") },
                skips: skips.map { .init(node: $0, reason: SkipReason("why")) })
        }
        let merged = PassReport.merged([report("a", ["1"], ["2", "3"]), report("b", [], []), report("a", ["2"], ["3", "4"])])
        #expect(merged == [report("a", ["1", "2"], ["3", "4"]), report("b", [], [])])
        #expect(merged[0].skipCounts.map(\.count) == [2])
    }

    /// Origins accumulate over passes, down to what was imported.
    @Test func originsAccumulate() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 2, 5, 5])
            let padded = try $0.pad(x, [0, 0, 1, 1, 0, 0, 1, 1], name: "pad")
            let y = try $0.batchNorm(try $0.conv(padded, [4, 2, 3, 3], name: "conv"), 4, name: "norm")
            let scaled = try $0.binary(.mul, y, try $0.weights("s", [4, 1, 1]), name: "scaled")
            $0.output(try $0.identity(scaled, name: "y"))
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Conv"])
        #expect(Set(result.producer(ofValue: "y")?.origin?.nodes ?? []) == ["pad", "conv", "norm", "scaled", "y"])
        #expect(result.producer(ofValue: "y")?.origin?.nodes.last == "y")
    }

    /// The same pattern very often, and constants, inputs and values with very many readers: nothing may be quadratic in that.
    @Test func largeGraphs() throws {
        let count = 2000
        var graph = Graph(name: "large", opset: 17)
        try graph.edit { editor in
            var value = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [1, 1, 2, 2])))
            let weight = try editor.addConstant(Tensor([Float(0.5)], shape: [1, 1, 1, 1]), name: "w")
            let scale = try editor.addConstant(Tensor([Float(2)], shape: [1]), name: "scale")
            let shape = try editor.addConstant(Tensor(vector: [Int64(1), 1, 2, 2]), name: "shape")
            let window = Window(kernel: [], strides: [], dilations: [], padding: .valid)
            for index in 0..<count {
                func add(_ operation: Operator, _ inputs: [ValueID], _ name: String) throws {
                    value = try editor.insertSingle(
                        operation, inputs: inputs, output: .new(name: "\(name)\(index)"), name: "", before: nil, origin: nil)
                }
                try add(.convolution(Convolution(window: window, groups: 1)), [value, weight], "conv")
                try add(.binary(Binary(function: .mul, broadcastAxis: .numpy)), [value, scale], "mul")
                try add(.reshape(Reshape(shape: nil, allowZero: false)), [value, shape], "reshape")
                try add(.identity(Identity()), [value], "identity")
                try add(.activation(Activation(function: .relu)), [value], "relu")
            }
            editor.setOutputs([value])
        }
        try graph.fold(evaluate: referenceEvaluator)
        #expect(graph.nodeCount == 2 * count)
    }
}
