import GraphIR
import Passes
import Tensors
import Testing

@Suite struct FoldIdentitiesTests {
    /// The network x → Sigmoid → (what `body` makes) → Tanh → y, so that only the middle can go.
    private func between(
        _ shape: [Dimension] = [2, 3, 4, 5], opset: Int = 17, _ body: (inout GraphBuilder, ValueID) throws -> ValueID
    ) throws -> Graph {
        try makeGraph(opset: opset) {
            let x = try $0.node(.activation(Activation(function: .sigmoid)), [try $0.input("x", shape)], name: "before")
            let y = try body(&$0, x)
            $0.output(try $0.node(.activation(Activation(function: .tanh)), [y], name: "y"))
        }
    }

    private func expectGone(_ graph: Graph, _ location: SourceLocation = #_sourceLocation) throws {
        let result = try folded(graph, tolerance: 0, location).graph
        #expect(result.operatorNames == ["Sigmoid", "Tanh"], sourceLocation: location)
        #expect(Array(result.values).count == 3, sourceLocation: location)
    }

    private func expectStays(_ graph: Graph, _ name: String, _ location: SourceLocation = #_sourceLocation) throws {
        #expect(try folded(graph, tolerance: 0, location).graph.operatorNames == ["Sigmoid", name, "Tanh"], sourceLocation: location)
    }

    private func resize(_ coordinates: Resize.Coordinates) -> Operator {
        .resize(
            Resize(
                mode: .linear, coordinates: coordinates, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
                extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch))
    }

    @Test func identityAndDropout() throws {
        try expectGone(between { try $0.identity($1, name: "i") })
        let dropout = Operator.dropout(Dropout(ratio: nil, seed: nil, isTestLegacy: nil))
        try expectGone(between { try $0.nodes(dropout, [$1], outputs: 2, name: "d")[0] })
        try expectGone(between(opset: 9) { try $0.node(.dropout(Dropout(ratio: 0.4, seed: nil, isTestLegacy: nil)), [$1], name: "d") })
        try expectGone(
            between {
                let operands = [$1, try $0.floats("ratio", [0.5], shape: []), try $0.constant("training", Tensor(scalar: false))]
                return try $0.node(.dropout(Dropout(ratio: nil, seed: nil, isTestLegacy: nil)), operands, name: "d")
            })
    }

    @Test func readDropoutMaskStays() throws {
        let graph = try makeGraph {
            let outputs = try $0.nodes(
                .dropout(Dropout(ratio: nil, seed: nil, isTestLegacy: nil)), [try $0.input("x", [2, 3])], outputs: 2, name: "d")
            $0.output(outputs[0], outputs[1])
        }
        #expect(try folded(graph).graph.operatorNames == ["Dropout"])
    }

    @Test func casts() throws {
        try expectGone(between { try $0.node(.cast(Cast(to: .float32, saturate: true)), [$1], name: "c") })
        try expectGone(between { try $0.node(.castLike(CastLike(saturate: true)), [$1, try $0.floats("t", [1])], name: "c") })
        let other = try makeGraph {
            $0.output(try $0.node(.cast(Cast(to: .float64, saturate: true)), [try $0.input("x", [2])], name: "c"))
        }
        #expect(try folded(other).graph.operatorNames == ["Cast"])
    }

    @Test func reshapes() throws {
        try expectGone(between { try $0.reshape($1, [0, 3, -1, 5], name: "r") })
        try expectGone(between([.named("N"), 6]) { try $0.flatten($1, name: "r") })
        try expectGone(between([.named("N"), 6]) { try $0.reshape($1, [-1, 6], name: "r") })
        try expectGone(between { try $0.node(.expand(Expand()), [$1, try $0.integers("s", [3, 1, 1])], name: "e") })
        try expectStays(between { try $0.reshape($1, [2, 3, 5, 4], name: "r") }, "Reshape")
        try expectStays(between { try $0.node(.expand(Expand()), [$1, try $0.integers("s", [2, 2, 3, 4, 5])], name: "e") }, "Expand")
    }

    @Test func transposes() throws {
        try expectGone(between { try $0.transpose($1, [0, 1, 2, 3], name: "t") })
        try expectStays(between { try $0.transpose($1, [0, 1, 3, 2], name: "t") }, "Transpose")
        try expectStays(between { try $0.transpose($1, nil, name: "t") }, "Transpose")
    }

    @Test func padsSlicesAndTiles() throws {
        try expectGone(between { try $0.pad($1, [0, 0, 0, 0, 0, 0, 0, 0], mode: .reflect, name: "p") })
        try expectGone(between { try $0.node(.tile(Tile()), [$1, try $0.integers("n", [1, 1, 1, 1])], name: "t") })
        func slice(_ starts: [Int], _ ends: [Int], _ axes: [Int], _ steps: [Int]) throws -> Graph {
            try between {
                let operands = [
                    $1, try $0.integers("starts", starts), try $0.integers("ends", ends), try $0.integers("axes", axes),
                    try $0.integers("steps", steps),
                ]
                return try $0.node(.slice(StridedSlice(bounds: nil)), operands, name: "s")
            }
        }
        try expectGone(slice([0, 0], [Int.max, 5], [2, -1], [1, 1]))
        try expectGone(slice([-9], [9], [1], [1]))
        try expectStays(slice([0], [2], [1], [1]), "Slice")
        try expectStays(slice([-1], [Int.min], [1], [-1]), "Slice")
        try expectStays(slice([0], [Int.max], [3], [2]), "Slice")
        let attributes = Operator.slice(StridedSlice(bounds: .init(starts: [0], ends: [99], axes: [3])))
        try expectGone(between(opset: 9) { try $0.node(attributes, [$1], name: "s") })
    }

    @Test func severalOperands() throws {
        try expectGone(between { try $0.node(.concat(Concat(axis: 1)), [$1], name: "c") })
        for function in Variadic.Function.allCases {
            try expectGone(between { try $0.node(.variadic(Variadic(function: function)), [$1], name: "v") })
        }
    }

    @Test func resizes() throws {
        func graph(_ coordinates: Resize.Coordinates, scales: [Double]) throws -> Graph {
            try between { try $0.node(resize(coordinates), [$1, nil, try $0.floats("scales", scales)], name: "r") }
        }
        try expectGone(graph(.halfPixel, scales: [1, 1, 1, 1]))
        try expectGone(graph(.alignCorners, scales: [1, 1, 1, 1]))
        // The length stays the same, but the samples move.
        try expectStays(graph(.asymmetric, scales: [1, 1, 1.2, 1.1]), "Resize")
        try expectGone(between { try $0.node(resize(.halfPixel), [$1, nil, nil, try $0.integers("sizes", [2, 3, 4, 5])], name: "r") })
    }

    @Test func clips() throws {
        try expectGone(between(opset: 9) { try $0.node(.clip(Clip(minimum: nil, maximum: nil)), [$1], name: "c") })
        try expectStays(between(opset: 9) { try $0.node(.clip(Clip(minimum: 0.4, maximum: nil)), [$1], name: "c") }, "Clip")
        let clip = Operator.clip(Clip(minimum: nil, maximum: nil))
        try expectStays(between { try $0.node(clip, [$1, nil, try $0.floats("m", [0.6], shape: [])], name: "c") }, "Clip")
    }

    @Test(arguments: [true, false]) func constantConditions(isTrue: Bool) throws {
        try expectGone(
            between {
                let condition = try $0.constant("c", Tensor([isTrue, isTrue], shape: [2, 1, 1, 1]))
                let other = try $0.weights("other", [2, 3, 4, 5])
                return try $0.node(.select(Where()), isTrue ? [condition, $1, other] : [condition, other, $1], name: "w")
            })
    }

    @Test func broadcastingConditionStays() throws {
        try expectStays(
            between {
                let condition = try $0.constant("c", Tensor([true, true], shape: [2, 1, 1, 1, 1]))
                return try $0.node(.select(Where()), [condition, $1, try $0.weights("other", [2, 3, 4, 5])], name: "w")
            }, "Where")
    }

    @Test func neutralArithmetic() throws {
        func graph(_ function: Binary.Function, _ number: Double, shape: [Int] = [], constantFirst: Bool) throws -> Graph {
            try between {
                let c = try $0.constant("c", Tensor(repeating: number, shape: shape, as: .float32))
                return try constantFirst ? $0.binary(function, c, $1, name: "b") : $0.binary(function, $1, c, name: "b")
            }
        }
        try expectGone(graph(.mul, 1, constantFirst: false))
        try expectGone(graph(.mul, 1, shape: [3, 1, 5], constantFirst: true))
        try expectGone(graph(.add, 0, constantFirst: true))
        try expectGone(graph(.sub, 0, constantFirst: false))
        try expectGone(graph(.div, 1, constantFirst: false))
        try expectGone(graph(.pow, 1, constantFirst: false))
        try expectStays(graph(.sub, 0, constantFirst: true), "Sub")
        try expectStays(graph(.div, 1, constantFirst: true), "Div")
        try expectStays(graph(.mul, 1, shape: [1, 1, 1, 1, 1], constantFirst: false), "Mul")
        try expectStays(graph(.mul, 1.5, constantFirst: false), "Mul")
    }

    @Test func reluOfWhatIsNeverNegative() throws {
        try expectGone(between { try $0.relu($1, name: "r") })
        let graph = try makeGraph {
            let x = try $0.input("x", [2, 3])
            let centred = try $0.binary(.sub, try $0.relu(x, name: "a"), try $0.floats("c", [0.5]), name: "b")
            $0.output(try $0.relu(centred, name: "y"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Relu", "Sub", "Relu"])
    }

    // MARK: Names that are seen outside

    @Test func producerTakesTheOutputNameOver() throws {
        let graph = try makeGraph {
            let a = try $0.relu(try $0.input("x", [2]), name: "a")
            let b = try $0.identity(a, name: "b")
            $0.output(try $0.node(.activation(Activation(function: .tanh)), [a], name: "other"), b)
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Relu", "Tanh"])
        #expect(result.value(named: "a") == nil)
        #expect(result.producer(ofValue: "b")?.origin?.nodes == ["a", "b"])
    }

    @Test func identityBetweenInputAndOutputStays() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2])
            $0.output(try $0.identity(try $0.identity(x, name: "a"), name: "b"))
        }
        let result = try folded(graph)
        #expect(result.graph.operatorNames == ["Identity"])
        #expect(result.reports["remove-identities"]?.skips.count == 1)
    }

    @Test func identityBetweenTwoOutputsStays() throws {
        let graph = try makeGraph {
            let a = try $0.relu(try $0.input("x", [2]), name: "a")
            $0.output(a, try $0.identity(a, name: "b"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Relu", "Identity"])
    }

    @Test func opaqueProducersAndCapturedValuesStay() throws {
        var graph = try makeGraph {
            let x = try $0.input("x", [2])
            let opaque = Operator.opaque(OpaqueOperator(domain: "", name: "If", overload: ""))
            let inner = try $0.identity(x, name: "captured")
            _ = try $0.editor.insert(
                opaque, inputs: [x], outputs: [.new(name: "chosen")], name: "branch", before: nil, origin: nil, captures: [inner])
            let chosen = $0.editor.graph.value(named: "chosen")!.id
            $0.output(try $0.identity(chosen, name: "y"))
        }
        let before = graph.interface
        try graph.fold(evaluate: referenceEvaluator)
        #expect(graph.operatorNames == ["Identity", "If", "Identity"])
        #expect(graph.interface == before)
    }
}
