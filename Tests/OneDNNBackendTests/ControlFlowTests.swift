import Execution
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

/// Branches and loops with graphs that read values around them, on both backends.
struct ControlFlowTests {
    private let backends: [any Backend] = [ReferenceBackend(), OneDNNBackend(threads: 1)]

    /// A subgraph that reads `captured` and gives what `build` makes of inputs and captured values.
    private func subgraph(
        inputs: [(name: String, type: TensorType)] = [], captured: [String],
        _ build: (inout GraphEditor, [ValueID], [ValueID]) throws -> [ValueID]
    ) throws -> Subgraph {
        var graph = Graph(name: "body", opset: 17)
        try graph.edit { editor in
            let inputs = try inputs.map { try editor.addInput($0.name, type: .tensor($0.type)) }
            let captured = try captured.map { try editor.addValue(named: $0, source: .external, type: nil) }
            editor.setOutputs(try build(&editor, inputs, captured))
        }
        return Subgraph(graph)
    }

    private func add(_ editor: inout GraphEditor, _ operation: Operator, _ inputs: ValueID..., captures: [ValueID] = []) throws -> ValueID {
        let node = try editor.insert(
            operation, inputs: inputs, outputs: [.new(name: "value")], name: "", before: nil, origin: nil, captures: captures)
        return try #require(editor.graph[node].outputs[0])
    }

    private func binary(_ function: Binary.Function) -> Operator { .binary(Binary(function: function, broadcastAxis: .numpy)) }
    private let relu = Operator.activation(Activation(function: .relu))
    private let sum = Operator.reduction(
        Reduction(function: .sum, axes: nil, keepDimensions: false, keepsInputWithoutAxes: false))

    /// y = conv(x) > 0 in sum ? (relu(conv(x)) > 9 in sum ? conv(x) : conv(x) + x) : x, a branch in a branch, where the convolution's
    /// result is read by the activation and by the inner branches only.
    private func nested() throws -> Graph {
        let keep = try subgraph(captured: ["conv"]) { editor, _, captured in
            [try add(&editor, .identity(Identity()), captured[0])]
        }
        let both = try subgraph(captured: ["conv", "x"]) { editor, _, captured in
            [try add(&editor, binary(.add), captured[0], captured[1])]
        }
        let inner = try subgraph(captured: ["large", "conv", "x"]) { editor, _, captured in
            let node = try editor.insert(
                .branch(If(thenBranch: keep, elseBranch: both)), inputs: [captured[0]], outputs: [.new(name: "inner result")],
                name: "inner", before: nil, origin: nil, captures: [captured[1], captured[2]])
            return editor.graph[node].outputs.compactMap { $0 }
        }
        let outer = try subgraph(captured: ["x"]) { _, _, captured in captured }
        var graph = Graph(name: "nested", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [1, 1, 2, 2])))
            let weight = try editor.addConstant(Tensor([Float(2)], shape: [1, 1, 1, 1]), name: "w")
            let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
            let conv = try editor.insertSingle(
                .convolution(Convolution(window: window, groups: 1)), inputs: [x, weight], output: .new(name: "conv"), name: "conv",
                before: nil, origin: nil)
            let total = try add(&editor, sum, try add(&editor, relu, conv))
            let positive = try add(&editor, binary(.greater), total, try editor.addConstant(Tensor(scalar: Float(0)), name: "zero"))
            let large = try editor.insertSingle(
                binary(.greater), inputs: [total, try editor.addConstant(Tensor(scalar: Float(9)), name: "nine")],
                output: .new(name: "large"), name: "", before: nil, origin: nil)
            let node = try editor.insert(
                .branch(If(thenBranch: inner, elseBranch: outer)), inputs: [positive], outputs: [.new(name: "y")], name: "outer",
                before: nil, origin: nil, captures: [large, conv, x])
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        try graph.verify()
        return graph
    }

    @Test(arguments: [
        ([1, 2, 3, 4], [2, 4, 6, 8]), ([1, -1, 1, 1], [3, -3, 3, 3]), ([-1, -2, 0, -3], [-1, -2, 0, -3]),
    ] as [([Float], [Float])])
    func branchesReadWhatIsAroundThem(input: [Float], expected: [Float]) throws {
        let graph = try nested()
        #expect(graph.value(named: "y")?.tensorType?.knownShape == [1, 1, 2, 2])
        for backend in backends {
            let session = try backend.prepare(graph, inputShapes: [:]).makeSession()
            let result = try session.run(["x": Tensor(input, shape: [1, 1, 2, 2])])
            #expect(try result["y"]?.elements(as: Float.self) == expected, "\(backend.name)")
        }
    }

    @Test func observedValuesAreThoseAroundTheBranch() throws {
        for backend in backends {
            let session = try backend.prepare(nested(), inputShapes: [:]).makeSession()
            let result = try session.run(["x": Tensor([Float(1), 2, 3, 4], shape: [1, 1, 2, 2])], observing: ["conv"])
            #expect(try result["conv"]?.elements(as: Float.self) == [2, 4, 6, 8], "\(backend.name)")
        }
    }

    /// y[n + 1] = y[n] · factor for as many iterations as an input says, each stacked; the factor is a value of the graph around.
    @Test func loopsReadWhatIsAroundThem() throws {
        let types: [(name: String, type: TensorType)] = [
            ("i", TensorType(.int64, [])), ("goes on", TensorType(.bool, [])), ("y", TensorType(.float32, [2])),
        ]
        let body = try subgraph(inputs: types, captured: ["factor"]) { editor, inputs, captured in
            let product = try add(&editor, binary(.mul), inputs[2], captured[0])
            return [inputs[1], product, try add(&editor, .identity(Identity()), product)]
        }
        var graph = Graph(name: "loop", opset: 17)
        try graph.edit { editor in
            let count = try editor.addInput("count", type: .tensor(TensorType(.int64, lengths: [])))
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [2])))
            let factor = try editor.insertSingle(relu, inputs: [x], output: .new(name: "factor"), name: "", before: nil, origin: nil)
            let node = try editor.insert(
                .loop(Loop(body: body)), inputs: [count, nil, x], outputs: [.new(name: "last"), .new(name: "all")], name: "loop",
                before: nil, origin: nil, captures: [factor])
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        try graph.verify()
        #expect(graph.value(named: "all")?.tensorType?.description == "float32[?, 2]")
        for backend in backends {
            let session = try backend.prepare(graph, inputShapes: [:]).makeSession()
            for count in [3, 0, 1] {
                let result = try session.run(["count": Tensor(scalar: Int64(count)), "x": Tensor(vector: [Float(2), -1])])
                var steps: [Float] = []
                for step in 0..<count { steps += [Float(4 << step), -0.0] }
                #expect(try result["all"] == Tensor(steps, shape: [count, 2]), "\(backend.name), \(count)")
                #expect(try result["last"]?.elements(as: Float.self)[0] == Float(1 << (count + 1)), "\(backend.name), \(count)")
            }
        }
    }

    @Test func refusalsNameTheNodeInside() throws {
        let unknown = try subgraph(captured: ["x"]) { editor, _, captured in
            let node = try editor.insert(
                .opaque(OpaqueOperator(domain: "", name: "LSTM", overload: "")), inputs: [captured[0]], outputs: [.new(name: "h")],
                name: "cell", before: nil, origin: nil)
            return editor.graph[node].outputs.compactMap { $0 }
        }
        var graph = Graph(name: "refused", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.bool, lengths: [])))
            let node = try editor.insert(
                .branch(If(thenBranch: unknown, elseBranch: unknown)), inputs: [x], outputs: [.new(name: "y")], name: "choice",
                before: nil, origin: nil, captures: [x])
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        for backend in backends {
            let error = #expect(throws: CleaveError.self) { _ = try backend.prepare(graph, inputShapes: [:]) }
            #expect(error?.description == "node 'choice/cell' (LSTM): the \(backend.name) backend does not run recurrent cells")
        }
    }

    @Test func failuresNameTheNodeInside() throws {
        let misfit = try subgraph(captured: ["x", "indices"]) { editor, _, captured in
            let node = try editor.insert(
                .gather(Gather(axis: 0)), inputs: [captured[0], captured[1]], outputs: [.new(name: "picked")], name: "pick", before: nil,
                origin: nil)
            return editor.graph[node].outputs.compactMap { $0 }
        }
        var graph = Graph(name: "failing", opset: 17)
        try graph.edit { editor in
            let condition = try editor.addInput("condition", type: .tensor(TensorType(.bool, lengths: [])))
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [2])))
            let indices = try editor.addInput("indices", type: .tensor(TensorType(.int64, lengths: [1])))
            let node = try editor.insert(
                .branch(If(thenBranch: misfit, elseBranch: misfit)), inputs: [condition], outputs: [.new(name: "y")], name: "choice",
                before: nil, origin: nil, captures: [x, indices])
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        for backend in backends {
            let session = try backend.prepare(graph, inputShapes: [:]).makeSession()
            let error = #expect(throws: CleaveError.self) {
                try session.run([
                    "condition": Tensor(scalar: true), "x": Tensor(vector: [Float(1), 2]), "indices": Tensor(vector: [Int64(7)]),
                ])
            }
            #expect(error?.location.node == "choice/pick", "\(backend.name)")
        }
    }

    /// A loop that gives a copy of x in each of `count` iterations, as a Loop, or as a Scan over as many numbers.
    private func copying(_ count: Int, asScan: Bool) throws -> Graph {
        let around = ["x"]
        let iteration = (name: "i", type: TensorType(.int64, [])), goesOn = (name: "goes on", type: TensorType(.bool, []))
        let body = try subgraph(inputs: asScan ? [iteration] : [iteration, goesOn], captured: around) { editor, inputs, captured in
            (asScan ? [] : [inputs[1]]) + [try add(&editor, .identity(Identity()), captured[0])]
        }
        var graph = Graph(name: "copies", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [256])))
            let iterations = try editor.addConstant(
                asScan ? Tensor([Int64](repeating: 0, count: count), shape: [count]) : Tensor(scalar: Int64(count)), name: "iterations")
            let loop: Operator = asScan
                ? .scan(
                    Scan(
                        body: body, scanInputCount: 1, inputAxes: [], inputsReversed: [], outputAxes: [], outputsReversed: [],
                        isBatched: false))
                : .loop(Loop(body: body))
            let node = try editor.insert(
                loop, inputs: asScan ? [iterations] : [iterations, nil], outputs: [.new(name: "copies")], name: "loop", before: nil,
                origin: nil, captures: [x])
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        return graph
    }

    @Test(arguments: [false, true])
    func outputsOfLoopsStayBelowTheMemoryLimit(asScan: Bool) throws {
        let backend = OneDNNBackend(threads: 1, memoryLimit: 8 << 20)
        let inputs = ["x": try random([256], seed: 1)]
        let few = try backend.prepare(copying(1000, asScan: asScan), inputShapes: [:]).makeSession().run(inputs)
        #expect(few["copies"]?.shape == [1000, 256])
        let session = try backend.prepare(copying(4000, asScan: asScan), inputShapes: [:]).makeSession()
        let error = #expect(throws: CleaveError.self) { try session.run(inputs) }
        // The number of a Scan's iterations is known at its first one.
        let description = asScan ? "collecting the outputs of 4,000 iterations takes 9.22 MB" : "iterations takes 8.39 MB"
        #expect(error?.description.contains(description) == true, "\(String(describing: error))")
        #expect(error?.description.hasSuffix("but the limit is 8.39 MB") == true)
        #expect(error?.location.node == "loop")
    }

    /// x[n + 1] = relu(conv(x[n])), with the weight a constant outside or inside, stacked.
    private func convolving(weightIsOutside: Bool) throws -> Graph {
        let weight = try random([4, 4, 3, 3], seed: 2)
        let types: [(name: String, type: TensorType)] = [
            ("i", TensorType(.int64, [])), ("goes on", TensorType(.bool, [])), ("x", TensorType(.float32, nil)),
        ]
        let body = try subgraph(inputs: types, captured: weightIsOutside ? ["w"] : []) { editor, inputs, captured in
            let weight = try weightIsOutside ? captured[0] : editor.addConstant(weight, name: "w")
            let window = Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padding: .explicit(begin: [1, 1], end: [1, 1]))
            let next = try add(&editor, relu, add(&editor, .convolution(Convolution(window: window, groups: 1)), inputs[2], weight))
            return [inputs[1], next, next]
        }
        var graph = Graph(name: "convolving", opset: 17)
        try graph.edit { editor in
            let count = try editor.addInput("count", type: .tensor(TensorType(.int64, lengths: [])))
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [1, 4, 9, 7])))
            let captures = weightIsOutside ? [try editor.addConstant(weight, name: "w")] : []
            let node = try editor.insert(
                .loop(Loop(body: body)), inputs: [count, nil, x], outputs: [.new(name: "last"), .new(name: "all")], name: "loop",
                before: nil, origin: nil, captures: captures)
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        return graph
    }

    @Test(arguments: [false, true])
    func bodiesWithConvolutionsAreCompiled(weightIsOutside: Bool) throws {
        let graph = try convolving(weightIsOutside: weightIsOutside)
        for count in [0, 1, 5] {
            try expectAgreement(graph, ["count": Tensor(scalar: Int64(count)), "x": random([1, 4, 9, 7], seed: 3)])
        }
        let session = try OneDNNBackend(threads: 1).prepare(graph, inputShapes: [:]).makeSession()
        let inputs = ["count": Tensor(scalar: Int64(2)), "x": try random([1, 4, 9, 7], seed: 3)]
        let profile = try #require(session as? any ProfilingSession).profile(inputs).profile
        #expect(profile.steps.map(\.kernel) == ["cleave:late"])
    }
}
