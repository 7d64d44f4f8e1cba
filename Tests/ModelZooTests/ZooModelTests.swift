import GraphIR
import ModelZoo
import ReferenceBackend
import Tensors
import Testing

@Suite struct ZooModelTests {
    /// Elements of all weights, biases, and batch norm statistics.
    static func parameters(_ graph: Graph) -> Int {
        graph.values.compactMap(\.constant).filter { $0.elementType == .float32 }.map(\.count).reduce(0, +)
    }

    static func trainable(_ graph: Graph) -> Int {
        parameters(graph) - graph.values.filter { $0.name.contains("moving_") }.compactMap { $0.constant?.count }.reduce(0, +)
    }

    static func count(_ graph: Graph, _ name: String) -> Int { graph.nodes.filter { $0.operator.name == name }.count }

    /// Keras's counts (`model.count_params()` and the trainable weights), for a 32×32×3 input.
    @Test(arguments: zip([1000, 10], [25_613_800, 23_585_290]))
    func resNet50V2HasKerassParameters(classes: Int, parameters: Int) throws {
        let graph = try ZooModel.resnet50v2.graph(classes: classes, input: [3, 32, 32], form: .standard, seed: 0, softmax: true)
        #expect(Self.parameters(graph) == parameters)
        #expect(Self.trainable(graph) == parameters - 45_440)
        #expect(Self.count(graph, "Conv") == 53 && Self.count(graph, "Add") == 16)
        #expect(graph.opset == 17)
        #expect(graph[graph.inputs[0]].tensorType?.description == "float32[N, 3, 32, 32]")
        #expect(graph[graph.outputs[0]].tensorType?.description == "float32[N, \(classes)]")
        #expect(graph[graph.outputs[0]].name == "predictions")
    }

    @Test(arguments: zip([NetworkForm.spatial, .depthwise], [19_767_434, 13_514_058]))
    func theSeparableFormsHaveThePapersParameters(form: NetworkForm, trainable: Int) throws {
        let graph = try ZooModel.resnet50v2.graph(classes: 10, input: [3, 32, 32], form: form, seed: 0, softmax: true)
        #expect(Self.trainable(graph) == trainable)
        #expect(Self.count(graph, "Conv") == 53 + 16)
        #expect(graph[graph.outputs[0]].tensorType?.description == "float32[N, 10]")
    }

    @Test(arguments: zip([ZooModel.resnet101v2, .resnet152v2], [44_675_560, 60_380_648]))
    func theDeeperNetworksHaveKerassParameters(model: ZooModel, parameters: Int) throws {
        let graph = try model.graph(classes: 1000, input: model.defaultInput, form: .standard, seed: 0, softmax: true)
        #expect(Self.parameters(graph) == parameters)
    }

    /// He et al. give 0.27 M; the statistics are not counted there.
    @Test func resNet20HasItsParameters() throws {
        let graph = try ZooModel.resnet20.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 0, softmax: false)
        #expect(Self.trainable(graph) == 269_722)
        #expect(Self.count(graph, "Conv") == 19 && Self.count(graph, "Gemm") == 1 && Self.count(graph, "Softmax") == 0)
    }

    /// Of convolutions 27·16 + 2·144·16 + (144 + 288)·32 + (288 + 576)·64, of normalizations 2·(3·16 + 2·32 + 2·64), of the classifier 650.
    @Test func resNet8HasItsParameters() throws {
        let graph = try ZooModel.resnet8.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 0, softmax: false)
        #expect(Self.trainable(graph) == 432 + 4608 + 13_824 + 55_296 + 480 + 650)
        #expect(Self.count(graph, "Conv") == 7)
    }

    @Test func layersAreCalledAsInKeras() throws {
        let graph = try ZooModel.resnet50v2.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 0, softmax: true)
        let names = Set(graph.nodes.map(\.name))
        for name in [
            "conv1_conv", "pool1_pad", "pool1_pool", "conv2_block1_preact_bn", "conv2_block1_0_conv", "conv2_block3_out",
            "conv4_block6_2_conv", "conv5_block3_3_conv", "post_bn", "post_relu", "avg_pool", "predictions",
        ] { #expect(names.contains(name), "\(name)") }
        #expect(graph.value(named: "conv2_block1_1_conv/bias") == nil && graph.value(named: "conv2_block1_3_conv/bias") != nil)
        guard case .batchNorm(let norm)? = graph.producer(of: try #require(graph.value(named: "post_bn")).id)?.operator else {
            Issue.record("post_bn is no batch norm")
            return
        }
        #expect(norm.epsilon == 1.001e-5 && norm.momentum == 0.99)
    }

    /// The image halves in the stem, in the pool, and at the end of all stacks but the last.
    @Test func theImageShrinksWhereKerasHasIt() throws {
        let graph = try ZooModel.resnet50v2.graph(classes: 10, input: [3, 224, 224], form: .standard, seed: 0, softmax: true)
        for (name, shape) in [
            ("conv1_conv", "[N, 64, 112, 112]"), ("pool1_pool", "[N, 64, 56, 56]"), ("conv2_block2_out", "[N, 256, 56, 56]"),
            ("conv2_block3_out", "[N, 256, 28, 28]"), ("conv3_block4_out", "[N, 512, 14, 14]"), ("conv4_block6_out", "[N, 1024, 7, 7]"),
            ("conv5_block3_out", "[N, 2048, 7, 7]"),
        ] { #expect(graph.value(named: name)?.tensorType?.description == "float32\(shape)") }
    }

    @Test(arguments: NetworkForm.allCases)
    func narrowNetworksRun(form: NetworkForm) throws {
        let graph = try ZooModel.resnet14v2.graph(classes: 10, input: [3, 16, 16], form: form, seed: 3, softmax: true)
        var random = SeededRandom(seed: 1)
        let image = try Tensor((0..<2 * 3 * 256).map { _ in random.uniform(-1, 1) }, shape: [2, 3, 16, 16], as: .float32)
        let result = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(["input": image])
        let output = try #require(result["predictions"])
        let values = try #require(output.doubles())
        #expect(output.shape == [2, 10])
        for row in 0..<2 { #expect(abs(values[row * 10..<row * 10 + 10].reduce(0, +) - 1) < 1e-5) }
        #expect(values[0] != values[10])
    }

    @Test func weightsDependOnTheSeedAndTheLayersNameOnly() throws {
        func weight(_ model: ZooModel, seed: UInt64) throws -> Tensor {
            let graph = try model.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: seed, softmax: true)
            return try #require(graph.value(named: "conv3_block2_2_conv/weight")?.constant)
        }
        let first = try weight(.resnet14v2, seed: 1)
        #expect(try weight(.resnet14v2, seed: 1) == first && weight(.resnet14v2, seed: 2) != first)
        let limit = (6 / Float(32 * 9 + 32 * 9)).squareRoot()
        #expect(try first.elements(as: Float.self).allSatisfy { abs($0) <= limit })
    }

    @Test(arguments: [[3, 32], [0, 32, 32], [3, -1, 32], [3, 32, 1 << 40]])
    func absurdInputsAreRefused(input: [Int]) {
        #expect(throws: CleaveError.self) {
            try ZooModel.resnet20.graph(classes: 10, input: input, form: .standard, seed: 0, softmax: true)
        }
        #expect(throws: CleaveError.self) {
            try ZooModel.resnet20.graph(classes: 0, input: [3, 32, 32], form: .standard, seed: 0, softmax: true)
        }
    }
}
