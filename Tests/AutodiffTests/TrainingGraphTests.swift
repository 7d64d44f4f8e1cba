import Execution
import GraphIR
import ReferenceBackend
import Tensors
import Testing

@testable import Autodiff

@Suite struct TrainingGraphTests {
    // MARK: What the graph is made of

    @Test func parametersComeInOrderWithGradients() throws {
        let training = try train(convolutional())
        #expect(training.parameters.map(\.name) == ["conv1.w", "conv1.b", "bn.scale", "bn.bias", "dense.w", "dense.b"])
        #expect(training.parameters.map(\.decays) == [true, false, false, false, true, false])
        #expect(!training.parameters.contains { !$0.isTrainable })
        for parameter in training.parameters {
            let gradient = try #require(parameter.gradient)
            #expect(training.graph[gradient].type == training.graph[parameter.value].type)
            #expect(training.graph.isOutput(gradient))
        }
        #expect(training.graph[training.loss].tensorType == TensorType(.float64, []))
        #expect(training.inputs == .init(data: ["x"], target: "target", teacherLogits: nil, counter: nil))
        try training.graph.verify()
    }

    @Test func trainsOnTheLogitsBeforeSoftmax() throws {
        let training = try train(convolutional())
        #expect(training.graph[training.logits].name == "logits")
        #expect(!training.graph.nodes.contains { $0.operator.name == "Softmax" })
        let squared = try train(convolutional(), loss: .meanSquaredError)
        #expect(squared.graph[squared.logits].name == "probabilities")
    }

    @Test func batchNormUpdatesItsStatistics() throws {
        let training = try train(convolutional())
        #expect(training.stateUpdates.map(\.name) == ["bn.mean", "bn.variance"])
        let run = try results(training)
        let conv = try #require(run["conv1"]).elements(as: Double.self)
        let channel = Array(conv.enumerated().filter { $0.offset / 16 % 3 == 1 }.map(\.element))
        let mean = channel.reduce(0, +) / Double(channel.count)
        let variance = channel.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channel.count)
        let means = try #require(run[training.graph[training.stateUpdates[0].newValue].name]).elements(as: Double.self)
        let variances = try #require(run[training.graph[training.stateUpdates[1].newValue].name]).elements(as: Double.self)
        let old = Double(Float(0.75))
        #expect((means[1] - (0.5 * old + mean * (1 - old))).magnitude < 1e-12)
        #expect((variances[1] - (2 * old + variance * (1 - old))).magnitude < 1e-12)
    }

    @Test func nothingIsComputedForTheInput() throws {
        let training = try train(convolutional())
        #expect(!training.graph.nodes.contains { $0.operator.name == "ConvInputGradient" })
    }

    @Test func frozenPartsHaveNoGradientNodes() throws {
        let training = try train(convolutional(), isFrozen: { $0.hasPrefix("conv1") || $0.hasPrefix("bn") })
        #expect(training.parameters.map(\.isTrainable) == [false, false, false, false, true, true])
        #expect(training.stateUpdates.isEmpty)
        let gradients = training.graph.nodes.map(\.operator.name).filter { $0.hasSuffix("Gradient") }
        #expect(gradients == [])
        let norm = try #require(training.graph.nodes.first { $0.operator.name == "BatchNormalization" })
        guard case .batchNorm(let payload) = norm.operator else { return }
        #expect(!payload.trainingMode)
    }

    @Test func aNodeIsFrozenByTheNameOfItsConstant() throws {
        let training = try train(convolutional(), isFrozen: { $0 == "bn.scale" })
        #expect(training.stateUpdates.isEmpty)
        #expect(training.parameters.filter { !$0.isTrainable }.map(\.name) == ["bn.scale"])
    }

    @Test func updatingPutsTensorsBackByName() throws {
        let network = try convolutional()
        let tensor = try Tensor(repeating: 2, shape: [4], as: .float64)
        let updated = try TrainingGraph.updating(network, with: ["dense.b": tensor])
        #expect(updated.value(named: "dense.b")?.constant == tensor)
        #expect(updated.nodeCount == network.nodeCount)
        #expect(throws: CleaveError.self) { try TrainingGraph.updating(network, with: ["nobody": tensor]) }
        #expect(throws: CleaveError.self) { try TrainingGraph.updating(network, with: ["dense.w": tensor]) }
    }

    @Test func parametersInConstantNodesTrain() throws {
        var network = try convolutional()
        let id = try #require(network.value(named: "dense.b")?.id)
        let tensor = try #require(network.constant(id))
        try network.edit { editor in
            let dense = try #require(editor.graph.consumers(of: id).first)
            try editor.insert(
                .constant(Constant(value: .init(tensor: tensor, form: .tensor))), inputs: [], outputs: [.existing(id)], name: "c",
                before: dense.id, origin: nil)
        }
        let training = try train(network)
        #expect(training.parameters.last?.name == "dense.b")
        let ones = try Tensor(repeating: 1, shape: [4], as: .float64)
        let updated = try TrainingGraph.updating(network, with: ["dense.b": ones])
        #expect(updated.constant(id) == ones)
    }

    @Test func batchNormExportedForTrainingIsTheSame() throws {
        var network = try convolutional()
        try network.edit { editor in
            let norm = try #require(editor.graph.nodes.first { $0.operator.name == "BatchNormalization" })
            editor.setOperator(norm.id, to: .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.75, trainingMode: true)))
        }
        let (plain, exported) = (try train(convolutional()), try train(network))
        #expect(exported.stateUpdates.map(\.name) == plain.stateUpdates.map(\.name))
        #expect(try loss(exported, exported.graph) == loss(plain, plain.graph))
        let frozen = try train(network, isFrozen: { $0 == "bn" })
        #expect(frozen.stateUpdates.isEmpty)
        #expect(try loss(frozen, frozen.graph) == loss(train(convolutional(), isFrozen: { $0 == "bn" }), nil))
    }

    // MARK: Gradients of whole networks

    @Test(arguments: [
        Loss.softmaxCrossEntropy(labelSmoothing: 0), .softmaxCrossEntropy(labelSmoothing: 0.2), .meanSquaredError,
        .distillation(temperature: 3, alpha: 0.7, labelSmoothing: 0.1),
    ])
    func lossesAgreeWithFiniteDifferences(_ loss: Loss) throws {
        let training = try train(convolutional(), loss: loss)
        let run = try results(training)
        for parameter in training.parameters {
            let tensor = try #require(training.graph.constant(parameter.value))
            let id = try #require(parameter.gradient)
            let gradient = try #require(run[training.graph[id].name]).elements(as: Double.self)
            let values = try tensor.elements(as: Double.self)
            for element in [0, values.count - 1] {
                let expected = try Slopes(step: 1e-4) { step in
                    var moved = values
                    moved[element] += step
                    let graph = try TrainingGraph.updating(training.graph, with: [parameter.name: Tensor(moved, shape: tensor.shape)])
                    return try self.loss(training, graph)
                }
                #expect((gradient[element] - expected.central).magnitude < 1e-7, "\(parameter.name)[\(element)]")
            }
        }
    }

    @Test func crossEntropyIsThatOfItsDefinition() throws {
        let training = try train(convolutional(), loss: .softmaxCrossEntropy(labelSmoothing: 0.2))
        let run = try results(training)
        let logits = try #require(run["logits"]).elements(as: Double.self)
        var total = 0.0
        for (row, label) in [1, 3].enumerated() {
            let line = logits[row * 4..<row * 4 + 4].map { $0 }
            let shift = logSumExp(line)
            total -= 0.8 * (line[label] - shift) + line.reduce(0) { $0 + 0.05 * ($1 - shift) }
        }
        #expect(try (loss(training, training.graph) - total / 2).magnitude < 1e-12)
    }

    @Test func dropoutDependsOnTheCounterOnly() throws {
        let training = try train(convolutional(dropout: true))
        #expect(training.inputs.counter == "counter")
        let first = try results(training, counter: 1), again = try results(training, counter: 1)
        let second = try results(training, counter: 2)
        let loss = training.graph[training.loss].name
        #expect(first[loss] == again[loss] && first[loss] != second[loss])
    }

    // MARK: What cannot be trained

    @Test func whatIsNotDifferentiableIsNamed() throws {
        var network = try convolutional()
        try network.edit { editor in
            let logits = try #require(editor.graph.value(named: "logits")?.id)
            let rounded = try editor.insertSingle(
                .opaque(OpaqueOperator(domain: "com.example", name: "Quantize", overload: "")), inputs: [logits],
                output: .new(name: "rounded"), name: "fake", before: nil, origin: nil)
            editor.setType(rounded, to: .tensor(TensorType(.float64, [2, 4])))
            editor.setEncoding(rounded, to: ValueEncoding(
                declaration: nil, declaredType: .tensor(TensorType(.float64, [2, 4])), initializer: nil))
            editor.setOutputs([rounded])
        }
        let error = #expect(throws: CleaveError.self) { try train(network) }
        #expect(error?.location.node == "fake" && error?.problem.contains("Cleave does not know what it computes") == true)
    }

    @Test func badRequestsAreRefused() throws {
        #expect(throws: CleaveError.self) { try train(convolutional(), loss: .softmaxCrossEntropy(labelSmoothing: 1)) }
        #expect(throws: CleaveError.self) {
            try TrainingGraph(
                of: convolutional(), output: "nothing", loss: .meanSquaredError, batchSize: 2, seed: 0, isFrozen: { _ in false })
        }
        #expect(throws: CleaveError.self) {
            try TrainingGraph(of: convolutional(), output: nil, loss: .meanSquaredError, batchSize: 0, seed: 0, isFrozen: { _ in false })
        }
    }

    @Test func nothingToTrainIsRefused() throws {
        let error = #expect(throws: CleaveError.self) { try train(convolutional(), isFrozen: { _ in true }) }
        #expect(error?.problem.contains("all 6 parameters are frozen") == true)
    }

    @Test func aNetworkForOneImageTrainsOnABatch() throws {
        var network = try convolutional()
        try network.edit { editor in
            let (input, logits) = (try #require(editor.graph.value(named: "x")?.id), try #require(editor.graph.value(named: "flat")?.id))
            let flatten = try #require(editor.graph.producer(of: logits))
            editor.setType(input, to: .tensor(TensorType(.float64, [1, 2, 4, 4])))
            let shape = try editor.addConstant(Tensor(vector: [Int64(1), 3]), name: "shape")
            editor.setInputs(flatten.id, to: [flatten.inputs[0], shape])
            editor.setOperator(flatten.id, to: .reshape(Reshape(shape: nil, allowZero: false)))
        }
        let (open, fixed) = (try train(convolutional()), try train(network))
        #expect(try loss(open, open.graph) == loss(fixed, fixed.graph))
    }

    // MARK: Helpers

    private func train(
        _ network: Graph, loss: Loss = .softmaxCrossEntropy(labelSmoothing: 0), isFrozen: (String) -> Bool = { _ in false }
    ) throws -> TrainingGraph {
        try TrainingGraph(of: network, output: nil, loss: loss, batchSize: 2, seed: 3, isFrozen: isFrozen)
    }

    private func results(_ training: TrainingGraph, graph: Graph? = nil, counter: Int64 = 0) throws -> [String: Tensor] {
        var inputs = ["x": try random([2, 2, 4, 4], seed: 1)]
        let target = try #require(training.graph.value(named: training.inputs.target)?.tensorType)
        inputs[training.inputs.target] = try target.elementType == .int64 ? Tensor([Int64(1), 3], shape: [2]) : random([2, 4], seed: 2)
        if let teacher = training.inputs.teacherLogits { inputs[teacher] = try random([2, 4], seed: 3) }
        if let name = training.inputs.counter { inputs[name] = Tensor(scalar: counter) }
        let session = try ReferenceBackend().prepare(graph ?? training.graph, inputShapes: [:]).makeSession()
        return try session.run(inputs, observing: ["conv1"])
    }

    private func loss(_ training: TrainingGraph, _ graph: Graph?) throws -> Double {
        try #require(results(training, graph: graph)[training.graph[training.loss].name]).elements(as: Double.self)[0]
    }

    private func logSumExp(_ line: [Double]) -> Double {
        var sum = 0.0
        for value in line { sum += Double.exp(value) }
        return Double.log(sum)
    }
}

extension Double {
    fileprivate static func exp(_ x: Double) -> Double { (try? unary(.exp, x)) ?? .nan }
    fileprivate static func log(_ x: Double) -> Double { (try? unary(.log, x)) ?? .nan }

    private static func unary(_ function: Unary.Function, _ x: Double) throws -> Double? {
        try evaluate(.unary(Unary(function: function)), operands: [Tensor(scalar: x)], outputCount: 1, opset: 17)[0]?.doubles()?[0]
    }
}

private func random(_ shape: [Int], seed: UInt64) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    return try Tensor((0..<shape.reduce(1, *)).map { _ in generator.uniform(-1, 1) }, shape: shape)
}

/// x [N, 2, 4, 4] → convolution → batch norm → relu → dropout on request → global pool → dense → softmax of 4 classes.
private func convolutional(dropout: Bool = false) throws -> Graph {
    var graph = Graph(name: "net", opset: 17)
    try graph.edit { editor in
        func apply(_ operation: Operator, _ inputs: ValueID?..., as name: String) throws -> ValueID {
            try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
        }
        func constant(_ name: String, _ shape: [Int], _ seed: UInt64) throws -> ValueID {
            try editor.addConstant(random(shape, seed: seed), name: name)
        }
        func filled(_ name: String, _ value: Double) throws -> ValueID {
            try editor.addConstant(Tensor(repeating: value, shape: [3], as: .float64), name: name)
        }
        let x = try editor.addInput("x", type: .tensor(TensorType(.float64, [.named("N"), 2, 4, 4])))
        let window = Window(kernel: [], strides: [], dilations: [], padding: .sameUpper)
        let conv = try apply(
            .convolution(Convolution(window: window, groups: 1)), x, constant("conv1.w", [3, 2, 3, 3], 4), constant("conv1.b", [3], 5),
            as: "conv1")
        let norm = try apply(
            .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.75, trainingMode: false)), conv, constant("bn.scale", [3], 6),
            constant("bn.bias", [3], 7), filled("bn.mean", 0.5), filled("bn.variance", 2), as: "bn")
        var y = try apply(.activation(Activation(function: .sigmoid)), norm, as: "act")
        if dropout { y = try apply(.dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: nil)), y, as: "drop") }
        let pooled = try apply(.globalPool(GlobalPool(function: .average)), y, as: "pool")
        let flat = try apply(.flatten(Flatten(axis: 1)), pooled, as: "flat")
        let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)
        let logits = try apply(.gemm(gemm), flat, constant("dense.w", [3, 4], 8), constant("dense.b", [4], 9), as: "logits")
        editor.setOutputs([
            try apply(.softmax(Softmax(function: .softmax, axis: 1, flattens: false)), logits, as: "probabilities")
        ])
    }
    return graph
}
