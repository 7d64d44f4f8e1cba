import GraphIR
import ModelZoo
import Synchronization
import Tensors
import Testing

@testable import Passes

@Suite struct SeparationPassTests {
    /// A residual block of two 3×3 convolutions after a stem, with 16 channels on a 12×12 map.
    static func residual(_ type: ElementType = .float32, height: Dimension = 12) throws -> Graph {
        try makeGraph { b in
            let x = try b.input("x", [.named("N"), 3, height, 12], type)
            let stem = try b.relu(try b.conv(x, [16, 3, 3, 3], name: "stem", pads: [1, 1, 1, 1], type), name: "stem_relu")
            let a = try b.relu(try b.conv(stem, [16, 16, 3, 3], name: "a", pads: [1, 1, 1, 1], type), name: "a_relu")
            let c = try b.conv(a, [16, 16, 3, 3], name: "c", pads: [1, 1, 1, 1], bias: false, type)
            b.output(try b.conv(try b.binary(.add, c, stem, name: "sum"), [4, 16, 1, 1], name: "head", type))
        }
    }

    static func separate(_ graph: Graph, _ pass: SeparateConvolutions) throws -> (Graph, SeparationReport) {
        var result = graph
        let report = try pass.separate(&result)
        return (result, report)
    }

    static func reasons(_ report: SeparationReport) -> [String: String] {
        Dictionary(uniqueKeysWithValues: report.skips.map { ($0.node, $0.reason.description) })
    }

    @Test(arguments: SeparableForm.allCases)
    func replacesWhatIsInsideABlockAndNamesTheRest(form: SeparableForm) throws {
        let graph = try Self.residual()
        let (separated, report) = try Self.separate(graph, SeparateConvolutions(form))
        #expect(report.layers.map(\.node) == ["a", "c"])
        #expect(
            Self.reasons(report) == [
                "stem": "not inside a residual block (--scope all would take it)", "head": "kernel is already 1×1",
            ])
        #expect(separated.interface == graph.interface)
        let names = form == .spatial ? ["horizontal", "vertical"] : ["depthwise", "pointwise"]
        let nodes = separated.nodes.filter { $0.origin != nil }
        #expect(Set(nodes.map(\.name)) == Set(["a", "c"].flatMap { node in names.map { "\(node)/\($0)" } }))
        for node in nodes { #expect(node.origin == Origin(pass: "separate-\(form)", nodes: [String(node.name.prefix(1))])) }
        // The second layer makes the value that the convolution made, and takes its bias.
        let second = try #require(separated.producer(ofValue: "a"))
        #expect(second.input(Convolution.Operand.bias) == separated.value(named: "a.bias")?.id)
        #expect(separated.producer(ofValue: "c")?.input(Convolution.Operand.bias) == nil)
        #expect(separated.value(named: "a.weight") == nil && separated.value(named: "stem.weight") != nil)
    }

    /// `Shape` of the weight, as PyTorch's exporter writes it to make a bias of zeros.
    @Test(arguments: SeparableForm.allCases) func aReaderOfTheWeightsShapeIsNoReaderOfTheWeight(form: SeparableForm) throws {
        var graph = try Self.residual()
        try graph.edit { editor in
            let weight = try #require(editor.graph.value(named: "a.weight")).id
            let shape = try editor.insertSingle(
                .shapeOf(ShapeOf(start: 0, end: nil)), inputs: [weight], output: .new(name: "s"), name: "s", before: nil, origin: nil)
            editor.setOutputs(editor.graph.outputs + [shape])
        }
        let (separated, report) = try Self.separate(graph, SeparateConvolutions(form))
        #expect(report.layers.map(\.node) == ["a", "c"])
        #expect(separated.value(named: "a.weight") == nil)
        #expect(separated.interface == graph.interface)
        #expect(separated.constant(separated.value(named: "s")?.id)?.int64s() == [16, 16, 3, 3])
    }

    @Test(arguments: SeparableForm.allCases, [DecompositionRank.paper, .count(3), .energy(0.5), .exact])
    func aSecondRunFindsNothingToDo(form: SeparableForm, rank: DecompositionRank) throws {
        for scope in SeparateConvolutions.Scope.allCases {
            let pass = SeparateConvolutions(form, scope: scope, initialize: .decompose(rank))
            let (once, first) = try Self.separate(try Self.residual(), pass)
            let (twice, second) = try Self.separate(once, pass)
            #expect(!first.layers.isEmpty && second.layers.isEmpty)
            #expect(twice.operatorNames == once.operatorNames)
        }
    }

    @Test func countsAreExact() throws {
        let (_, report) = try Self.separate(try Self.residual(), SeparateConvolutions(.spatial, initialize: .decompose(.count(5))))
        let layer = try #require(report.layers.first)
        #expect(layer.before.parameters == 16 * 16 * 9 + 16 && layer.before.multiplications == 16 * 16 * 9 * 144)
        #expect(layer.after.parameters == 2 * 5 * 16 * 3 + 16 && layer.after.multiplications == 2 * 5 * 16 * 3 * 144)
        #expect(layer.detail.hasPrefix("3×3 → 3×1, 1×3 (rank 5), ") || layer.detail.hasPrefix("3×3 → 1×3, 3×1 (rank 5), "))
        #expect(layer.detail.hasSuffix(" % of the energy"))
    }

    /// On a map without padding, with I = O, the paper's M_s is exact: M is the length that the first factor does not reduce.
    @Test(arguments: SpatialOrder.allCases) func formulasFollowTheOrderOnMapsThatAreNotSquare(order: SpatialOrder) throws {
        let shape = ConvolutionShape(
            filters: 8, channels: 8, groups: 1,
            window: Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padding: .explicit(begin: [0, 0], end: [0, 0])),
            hasBias: false, inputSize: [10, 30])
        let predicted = try #require(shape.formulas(order)?.spatialMultiplications)
        let length = order == .verticalFirst ? 30.0 : 10.0
        #expect(abs(predicted - (2 / 3 + 2 / (3 * (length - 2)))) < 1e-12)
        #expect(abs(predicted - shape.cost(of: .spatial(order, rank: 8)).multiplicationRatio(to: shape.cost)) < 1e-12)
        var other = shape
        other.window.kernel = [3, 5]
        #expect(other.formulas(order) == nil)
        other = shape
        other.groups = 2
        #expect(other.formulas(order) == nil)
    }

    @Test func ranksThatNoWeightHasAreReported() throws {
        let graph = try Self.residual()
        let (_, report) = try Self.separate(graph, SeparateConvolutions(.spatial, initialize: .decompose(.count(49))))
        #expect(report.excessiveRanks == ["a", "c"].map { .init(node: $0, asked: 49, fullRank: 48) })
        let (_, modest) = try Self.separate(graph, SeparateConvolutions(.spatial, initialize: .decompose(.count(48))))
        #expect(modest.excessiveRanks.isEmpty)
        let (_, terms) = try Self.separate(graph, SeparateConvolutions(.depthwise, initialize: .decompose(.count(10))))
        #expect(terms.excessiveRanks.map(\.fullRank) == [9, 9])
    }

    /// At stride 2 the order decides on which lines the first factor works.
    @Test func countsFollowTheSizesInBetween() {
        let shape = ConvolutionShape(
            filters: 8, channels: 4, groups: 1,
            window: Window(kernel: [3, 5], strides: [2, 3], dilations: [1, 1], padding: .explicit(begin: [1, 2], end: [0, 2])),
            hasBias: true, inputSize: [10, 14])
        // Output: (10 + 1 − 3)/2 + 1 = 5 rows, (14 + 4 − 5)/3 + 1 = 5 columns.
        #expect(shape.cost == LayerCost(parameters: 488, multiplications: 480 * 25, multiplicationsPerPosition: 480))
        let vertical = shape.cost(of: .spatial(.verticalFirst, rank: 2))
        #expect(vertical.parameters == 2 * 4 * 3 + 8 * 2 * 5 + 8)
        #expect(vertical.multiplications == 24 * 5 * 14 + 80 * 25 && vertical.multiplicationsPerPosition == 24 * 3 + 80)
        let horizontal = shape.cost(of: .spatial(.horizontalFirst, rank: 2))
        #expect(horizontal.multiplications == 40 * 10 * 5 + 48 * 25 && horizontal.multiplicationsPerPosition == 40 * 2 + 48)
        let depthwise = shape.cost(of: .depthwise(terms: 3))
        #expect(depthwise.parameters == 3 * 4 * 15 + 3 * 4 * 8 + 8 && depthwise.multiplications == (180 + 96) * 25)
    }

    /// 2/3 of both numbers for as many filters as channels; at stride 2 the vertical factor still sees every column.
    @Test func theFormulasPredictWhatIsCounted() {
        let length = 20
        let shape = ConvolutionShape(
            filters: 64, channels: 64, groups: 1, window: Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padding: .valid),
            hasBias: false, inputSize: [length, length])
        let formulas = SeparationFormulas(kernel: 3, filters: 64, inputLength: length)
        let spatial = shape.cost(of: .spatial(.verticalFirst, rank: 64))
        #expect(abs(spatial.parameterRatio(to: shape.cost) - formulas.spatialParameters) < 1e-12)
        #expect(abs(spatial.multiplicationRatio(to: shape.cost) - (formulas.spatialMultiplications ?? 0)) < 1e-12)
        let depthwise = shape.cost(of: .depthwise(terms: 1))
        #expect(abs(depthwise.parameterRatio(to: shape.cost) - formulas.depthwise) < 1e-12)
        #expect(abs(depthwise.multiplicationRatio(to: shape.cost) - formulas.depthwise) < 1e-12)
    }

    @Test func onlyWhatGetsSmallerIsReplaced() throws {
        // `wide` at rank 6: 6·(2·3 + 2·3) + 2 of 2·2·9 + 2 parameters; 36·(7·9 + 7·7) of 36·7·7 multiplications.
        let graph = try makeGraph { b in
            let x = try b.input("x", [1, 2, 9, 9])
            let wide = try b.conv(x, [2, 2, 3, 3], name: "wide")
            b.output(try b.conv(wide, [64, 2, 2, 2], name: "few"))
        }
        let (_, spatial) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all))
        #expect(Self.reasons(spatial)["few"]?.hasPrefix("would not get smaller: parameters ") == true)
        let (_, high) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all, initialize: .decompose(.count(6))))
        #expect(Self.reasons(high)["wide"] == "would not get smaller: parameters 1.95×, multiplications 2.29×")
        let (_, exact) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all, initialize: .decompose(.exact)))
        #expect(exact.layers.map(\.node) == ["wide", "few"])
    }

    /// At stride 2 the spatial factors of a 3×3 convolution save parameters only: 3·2 + 3 = 9. The paper replaces these as well.
    @Test(arguments: [Dimension.known(12), .named("H")])
    func equalMultiplicationsAreSmallEnough(height: Dimension) throws {
        let graph = try makeGraph { b in
            let x = try b.input("x", [1, 8, height, 12])
            b.output(try b.conv(x, [8, 8, 3, 3], name: "y", strides: [2, 2], pads: [1, 1, 1, 1]))
        }
        let (_, report) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all))
        #expect(report.layers.map { $0.after.multiplicationRatio(to: $0.before) } == [1])
        let (_, more) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all, initialize: .decompose(.count(9))))
        #expect(Self.reasons(more)["y"] == "would not get smaller: multiplications 1.12×")
    }

    @Test func anUnknownImageSizeIsNoObstacle() throws {
        let (_, report) = try Self.separate(try Self.residual(height: .named("H")), SeparateConvolutions(.depthwise))
        #expect(report.layers.count == 2 && report.layers.allSatisfy { $0.after.multiplications == nil })
        #expect(report.layers[0].after.multiplicationRatio(to: report.layers[0].before) == 1 / 9.0 + 1 / 16.0)
    }

    @Test func everyKindOfConvolutionThatStaysHasAReason() throws {
        let graph = try makeGraph { b in
            let x = try b.input("x", [1, 4, 8, 8])
            let computed = try b.identity(try b.weights("w", [4, 4, 3, 3]), name: "computed")
            let dynamic = Convolution(window: b.window([], [], []), groups: 1)
            let line = try b.input("line", [1, 4, 8])
            let lineWeight = try b.weights("lw", [4, 4, 3])
            b.output(
                try b.conv(x, [4, 1, 3, 3], name: "depthwise", groups: 4), try b.conv(x, [4, 2, 3, 3], name: "grouped", groups: 2),
                try b.conv(x, [4, 4, 1, 3], name: "flat"), try b.conv(x, [4, 4, 1, 1], name: "point"),
                try b.node(.convolution(dynamic), [x, computed], name: "dynamic"),
                try b.node(.convolution(dynamic), [line, lineWeight], name: "line1d"))
        }
        let (_, report) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all))
        #expect(
            Self.reasons(report) == [
                "depthwise": "already depthwise", "grouped": "filters are split into 2 groups", "flat": "kernel is already 1×3",
                "point": "kernel is already 1×1", "dynamic": "weight is computed from constants: `cleave fold` makes it one",
                "line1d": "convolution over 1 dimension: only two-dimensional ones are separated",
            ])
    }

    // MARK: Weights

    /// Two convolutions with one weight; `third` reads it too, as numbers.
    static func shared(third: Bool) throws -> Graph {
        try makeGraph { b in
            let x = try b.input("x", [1, 16, 8, 8])
            let weight = try b.weights("w", [16, 16, 3, 3])
            let convolution = Operator.convolution(Convolution(window: b.window([], [], [1, 1, 1, 1]), groups: 1))
            let first = try b.node(convolution, [x, weight], name: "first")
            b.output(try b.node(convolution, [first, weight], name: "second"))
            if third { b.output(try b.relu(weight, name: "third")) }
        }
    }

    @Test func sharedWeightsShareTheirFactors() throws {
        let (separated, report) = try Self.separate(try Self.shared(third: false), SeparateConvolutions(.depthwise, scope: .all))
        #expect(report.layers.map(\.node) == ["first", "second"])
        let constants = separated.values.filter { $0.constant != nil }.map(\.name)
        #expect(constants == ["w/depthwise", "w/pointwise"])
    }

    @Test func aWeightThatSomethingElseNeedsStays() throws {
        let graph = try Self.shared(third: true)
        let (_, report) = try Self.separate(graph, SeparateConvolutions(.depthwise, scope: .all))
        #expect(report.layers.isEmpty)
        #expect(Self.reasons(report)["first"] == "weight is shared with 'third', which would keep it")
        let exact = SeparateConvolutions(.depthwise, scope: .all, initialize: .decompose(.exact))
        let (separated, exactReport) = try Self.separate(graph, exact)
        #expect(exactReport.layers.count == 2 && separated.value(named: "w") != nil)
        #expect(try SeparationExactTests.distance(graph, separated) < 1e-5)
    }

    @Test func aWeightFromAConstantNodeGoesWithItsNode() throws {
        let graph = try makeGraph { b in
            let x = try b.input("x", [1, 16, 8, 8])
            let tensor = try DecompositionTests.weight([16, 16, 3, 3], .float32)
            let weight = try b.node(.constant(Constant(value: .init(tensor: tensor, form: .tensor))), [], name: "w")
            b.output(try b.node(.convolution(Convolution(window: b.window([], [], []), groups: 1)), [x, weight], name: "y"))
        }
        let (separated, _) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all))
        #expect(separated.operatorNames == ["Conv", "Conv"])
    }

    /// Exporters shorten weights for tests to a shape and a number.
    @Test func aWeightFromAConstantFillGoesWithItsShape() throws {
        let graph = try makeGraph { b in
            let x = try b.input("x", [1, 16, 8, 8])
            let shape = try b.integers("shape", [16, 16, 3, 3])
            let fill = ConstantOfShape(value: Tensor(vector: [Float(0.25)]))
            let weight = try b.node(.constantOfShape(fill), [shape], name: "w")
            b.output(try b.node(.convolution(Convolution(window: b.window([], [], []), groups: 1)), [x, weight], name: "y"))
            let absurd = try b.node(.constantOfShape(fill), [try b.integers("huge", [1 << 20, 16, 1 << 10, 3])], name: "absurd")
            b.output(try b.node(.convolution(Convolution(window: b.window([], [], [511, 1, 512, 1]), groups: 1)), [x, absurd], name: "z"))
        }
        let (separated, report) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all, initialize: .decompose(.count(1))))
        #expect(report.layers.map(\.node) == ["y"] && Self.reasons(report) == ["z": "weight is not constant"])
        #expect(separated.value(named: "shape") == nil && separated.value(named: "huge") != nil)
        // A constant is of rank 1.
        #expect((report.layers.first?.keptEnergy ?? 0) > 1 - 1e-12)
    }

    @Test func dequantizedWeightsAreLeftToQuantization() throws {
        let graph = try makeGraph { b in
            let x = try b.input("x", [1, 4, 8, 8])
            let codes = try b.constant("codes", Tensor([Int8](repeating: 3, count: 4 * 4 * 9), shape: [4, 4, 3, 3]))
            let scale = try b.floats("scale", [0.1], shape: [])
            let weight = try b.node(.dequantizeLinear(DequantizeLinear(axis: 0, blockSize: 0)), [codes, scale], name: "w")
            b.output(try b.node(.convolution(Convolution(window: b.window([], [], []), groups: 1)), [x, weight], name: "y"))
        }
        let (_, report) = try Self.separate(graph, SeparateConvolutions(.spatial, scope: .all))
        #expect(Self.reasons(report) == ["y": "weight is dequantized: separate the network before it is quantized"])
    }

    @Test func nanWeightsStopTheConversionAndLeaveTheGraph() throws {
        var graph = try Self.residual()
        let weight = try #require(graph.value(named: "c.weight")?.id)
        var values = try #require(graph.constant(weight)?.doubles())
        values[16 * 9 + 4] = .nan
        let broken = try Tensor(values, shape: [16, 16, 3, 3], as: .float32)
        try graph.edit { $0.setConstant(weight, to: broken) }
        let before = graph.operatorNames
        for form in SeparableForm.allCases {
            #expect {
                _ = try SeparateConvolutions(form).run(on: &graph)
            } throws: { error in
                "\(error)" == "node 'c' (Conv): tensor 'c.weight': the weight is NaN at [1, 0, 1, 1], expected finite numbers"
                    && (error as? CleaveError)?.kind == .invalidNumbers
            }
        }
        #expect(graph.operatorNames == before)
        #expect(throws: Never.self) { try SeparateConvolutions(.spatial, initialize: .random(seed: 1)).run(on: &graph) }
    }

    @Test(arguments: [DecompositionRank.count(0), .count(-3), .energy(0), .energy(1.5), .energy(.nan)])
    func ranksOutOfRangeAreRefused(rank: DecompositionRank) throws {
        var graph = try Self.residual()
        #expect(throws: CleaveError.self) { try SeparateConvolutions(.spatial, initialize: .decompose(rank)).run(on: &graph) }
    }

    @Test func progressCountsAndStops() throws {
        let graph = try Self.residual()
        let seen = Mutex<[Int]>([])
        var separated = graph
        _ = try SeparateConvolutions(.spatial).separate(&separated) { done, total in
            #expect(total == 2)
            seen.withLock { $0.append(done) }
        }
        #expect(seen.withLock { $0.count } == 4 && seen.withLock { $0.max() } == 2)
        var stopped = graph
        #expect(throws: CleaveError(.cancelled, "stopped")) {
            try SeparateConvolutions(.spatial).separate(&stopped) { _, _ in throw CleaveError(.cancelled, "stopped") }
        }
        #expect(stopped.operatorNames == graph.operatorNames)
    }

    // MARK: Random weights

    @Test(arguments: SeparableForm.allCases)
    func randomWeightsAreGlorotUniformAndDependOnSeedAndNameOnly(form: SeparableForm) throws {
        let graph = try Self.residual()
        let pass = SeparateConvolutions(form, initialize: .random(seed: 5))
        let (separated, report) = try Self.separate(graph, pass)
        let (again, _) = try Self.separate(graph, SeparateConvolutions(form, scope: .all, initialize: .random(seed: 5)))
        let (other, _) = try Self.separate(graph, SeparateConvolutions(form, initialize: .random(seed: 6)))
        #expect(report.layers.allSatisfy { $0.keptEnergy == nil && $0.detail.hasSuffix("random weights") })
        let roles = form == .spatial ? ["vertical", "horizontal"] : ["depthwise", "pointwise"]
        // Fan-in plus fan-out: 3·16 + 3·16 for both factors; as Keras counts, 9·16 + 9·1 and 16 + 16.
        let fans: [Double] = form == .spatial ? [96, 96] : [153, 32]
        for (role, fans) in zip(roles, fans) {
            let name = "a.weight/\(role)"
            let tensor = try #require(separated.tensor(name))
            let values = try #require(tensor.doubles())
            let limit = (6 / fans).squareRoot()
            #expect(values.allSatisfy { abs($0) <= limit } && values.contains { $0 > 0.8 * limit } && values.contains { $0 < -0.8 * limit })
            #expect(again.tensor(name) == tensor && other.tensor(name) != tensor)
            #expect(separated.tensor("c.weight/\(role)") != tensor)
        }
    }

    // MARK: ResNet50V2

    @Test(arguments: zip(SeparableForm.allCases, [19_767_434, 13_514_058]))
    func resNet50V2LosesItsSixteenConvolutionsAndNoOther(form: SeparableForm, trainable: Int) throws {
        let model = ZooModel.resnet50v2
        let graph = try model.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 1, softmax: true)
        let (separated, report) = try Self.separate(graph, SeparateConvolutions(form, initialize: .random(seed: 1)))
        #expect(report.layers.count == 16 && report.skips.count == 37)
        #expect(report.layers.allSatisfy { $0.node.hasSuffix("_2_conv") })
        #expect(Self.reasons(report)["conv1_conv"] == "not inside a residual block (--scope all would take it)")
        let statistics = separated.values.filter { $0.name.contains("moving_") }.compactMap { $0.constant?.count }.reduce(0, +)
        let all = separated.values.compactMap(\.constant).filter { $0.elementType == .float32 }.map(\.count).reduce(0, +)
        #expect(all - statistics == trainable)
        let saved = report.layers.map { $0.before.parameters - $0.after.parameters }.reduce(0, +)
        #expect(all == 23_585_290 - saved)
    }

    @Test func estimatesSayWhatEachFormWouldCost() throws {
        let graph = try ZooModel.resnet50v2.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 1, softmax: true)
        let estimates = try SeparationEstimate.estimates(of: graph)
        #expect(estimates.count == 17 && estimates.filter(\.isInsideResidualBlock).count == 16)
        #expect(estimates[0].node == "conv1_conv" && estimates[0].shape.kernelDescription == "7×7" && !estimates[0].isInsideResidualBlock)
        let spatial = estimates.filter(\.isInsideResidualBlock).compactMap { $0.spatial.cost?.parameters }.reduce(0, +)
        let before = estimates.filter(\.isInsideResidualBlock).map(\.cost.parameters).reduce(0, +)
        #expect(23_539_850 - before + spatial == 19_767_434)
        #expect(estimates[1].formulas?.spatialParameters == 2 / 3.0)
        #expect(estimates[1].depthwise.cost?.parameters == 9 * 64 + 64 * 64)
    }

    /// ONNX Runtime refuses a graph in which two nodes have one name.
    @Test func newNodesHaveNamesOfTheirOwn() throws {
        var graph = try Self.residual()
        let ids = graph.nodes.filter { ["a", "c"].contains($0.name) }.map(\.id)
        try graph.edit { editor in
            for id in ids {
                let node = editor.graph[id]
                let output = try #require(node.outputs.first ?? nil)
                try editor.insert(
                    node.operator, inputs: node.inputs, outputs: [.existing(output)], name: "same", before: id, origin: nil,
                    keepsName: true)
                editor.remove(id)
            }
        }
        #expect(graph.nodes.count { $0.name == "same" } == 2)
        let (separated, report) = try Self.separate(graph, SeparateConvolutions(.depthwise))
        #expect(report.layers.count == 2)
        let names = separated.nodes.map(\.name)
        #expect(Set(names).count == names.count, "\(names)")
        #expect(names.contains("same/depthwise_1"))
    }
}
