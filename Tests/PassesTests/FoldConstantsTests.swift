import GraphIR
import Passes
import Tensors
import Testing

@Suite struct FoldConstantsTests {
    @Test func constantExpressions() throws {
        let graph = try makeGraph {
            let value = Constant.Value(tensor: Tensor(vector: [Float(1), 2, 3]), form: .floats)
            let a = try $0.node(.constant(Constant(value: value)), [], name: "a")
            let sum = try $0.binary(.add, a, try $0.floats("b", [1]), name: "sum")
            let square = try $0.binary(.mul, sum, sum, name: "square")
            $0.output(try $0.binary(.pow, try $0.input("x", [3]), square, name: "y"))
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Pow"])
        #expect(result.values.map(\.name).sorted() == ["square", "x", "y"])
        #expect(result.tensor("square") == Tensor(vector: [Float(4), 9, 16]))
    }

    @Test func constantOutputsStayOutputsOfNodes() throws {
        let graph = try makeGraph {
            let a = try $0.node(.constant(Constant(value: .init(tensor: Tensor(vector: [Float(1)]), form: .tensor))), [], name: "a")
            $0.output(a, try $0.binary(.add, try $0.floats("b", [1]), try $0.floats("c", [2]), name: "sum"))
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Constant", "Constant"])
        #expect(result.producer(ofValue: "sum")?.origin?.nodes == ["sum"])
    }

    @Test func shapesKnownByInference() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [.named("N"), 3, 4])
            let shape = try $0.node(.shapeOf(ShapeOf(start: 1, end: nil)), [x], name: "shape")
            let scaled = try $0.binary(.mul, shape, try $0.integers("two", [2]), name: "scaled")
            $0.output(try $0.node(.expand(Expand()), [try $0.weights("w", [1, 1]), scaled], name: "big"))
            $0.output(try $0.relu(x, name: "y"))
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Constant", "Relu"])
        #expect(result.producer(ofValue: "big").map { result.constant($0.outputs[0]!)?.shape } == [6, 8])
    }

    @Test func largeResultsStay() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1])
            let shape = try $0.integers("shape", [512, 1024])
            let large = try $0.node(.expand(Expand()), [try $0.weights("w", [1, 1]), shape], name: "large")
            let filled = try $0.node(.constantOfShape(ConstantOfShape(value: nil)), [try $0.integers("s", [64, 128])], name: "filled")
            let small = try $0.node(.constantOfShape(ConstantOfShape(value: nil)), [try $0.integers("t", [64])], name: "small")
            $0.output(try $0.binary(.add, x, large, name: "a"), try $0.binary(.add, x, filled, name: "b"))
            $0.output(try $0.binary(.sub, small, x, name: "c"))
        }
        let result = try folded(graph)
        #expect(result.graph.operatorNames == ["Expand", "ConstantOfShape", "Add", "Add", "Sub"])
        #expect(result.reports["fold-constants"]?.skippedNodes == [
            "large: its result would take 2097152 bytes, but its operands only 20",
            "filled: its result would take 32768 bytes, but its operands only 16",
        ])
    }

    @Test func quantizedWeightsAndRandomnessStay() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2])
            let w = try $0.constant("w", Tensor(vector: [Int8(1), -3]))
            let scale = try $0.floats("scale", [0.5], shape: [])
            let dequantized = try $0.node(.dequantizeLinear(DequantizeLinear(axis: 0, blockSize: 0)), [w, scale], name: "dq")
            let training = try $0.constant("training", Tensor(scalar: true))
            let operands = [try $0.floats("v", [1, 2]), try $0.floats("ratio", [0.5], shape: []), training]
            let dropped = try $0.node(.dropout(Dropout(ratio: nil, seed: 1, isTestLegacy: nil)), operands, name: "dropped")
            $0.output(try $0.binary(.mul, x, dequantized, name: "y"), try $0.binary(.mul, x, dropped, name: "z"))
        }
        var result = graph
        let reports = try result.fold(evaluate: referenceEvaluator)
        #expect(result.operatorNames == ["DequantizeLinear", "Dropout", "Mul", "Mul"])
        #expect(reports["fold-constants"]?.skippedNodes == ["dq: it keeps a weight quantized", "dropped: it is random"])
    }

    /// Every node of the chain doubles its operand: 2⁵⁰ elements from one.
    @Test func chainsThatDoubleStopGrowing() throws {
        let graph = try makeGraph {
            var value = try $0.weights("w", [1])
            for index in 0..<50 { value = try $0.node(.concat(Concat(axis: 0)), [value, value], name: "c\(index)") }
            $0.output(try $0.binary(.mul, try $0.input("x", [1]), value, name: "y"))
        }
        var result = graph
        let reports = try result.fold(evaluate: referenceEvaluator)
        #expect(result.nodeCount == 33)
        #expect(result.values.reduce(0) { max($0, $1.constant?.byteCount ?? 0) } == 1 << 20)
        let reason = reports["fold-constants"]?.skips.first?.reason.description
        #expect(reason == "its result would take 2097152 bytes, but its operands only 1048576")
    }

    /// What has as many elements as before is no larger, whatever the type they are now in.
    @Test func largeWeightsAreMovedAndConverted() throws {
        let graph = try makeGraph {
            let w = try $0.constant("w", Tensor(repeating: 1, shape: [1024, 1024], as: .float16))
            let wide = try $0.node(.cast(Cast(to: .float64, saturate: true)), [try $0.transpose(w, [1, 0], name: "t")], name: "wide")
            $0.output(try $0.binary(.mul, try $0.input("x", [1], .float64), wide, name: "y"))
        }
        var result = graph
        try result.fold(evaluate: referenceEvaluator)
        #expect(result.operatorNames == ["Mul"])
    }

    /// Up to opset 6 an attribute says whether a dropout drops.
    @Test func dropoutsThatDropAreNeitherMergedNorComputed() throws {
        func network(isTest: Bool) throws -> Graph {
            var graph = try makeGraph(opset: 6) {
                let dropout = Operator.dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: isTest))
                let x = try $0.input("x", [2])
                let a = try $0.node(dropout, [x], name: "a")
                let b = try $0.node(dropout, [x], name: "b")
                let c = try $0.node(dropout, [try $0.floats("v", [1, 2])], name: "c")
                $0.output(try $0.binary(.mul, try $0.binary(.pow, a, b, name: "p"), c, name: "y"))
            }
            try graph.fold(evaluate: referenceEvaluator)
            return graph
        }
        #expect(try network(isTest: false).operatorNames == ["Dropout", "Dropout", "Dropout", "Pow", "Mul"])
        #expect(try network(isTest: true).operatorNames == ["Pow", "Mul"])
    }

    @Test func failingEvaluationIsReported() throws {
        let graph = try makeGraph {
            let sum = try $0.binary(.add, try $0.floats("a", [1]), try $0.floats("b", [2]), name: "sum")
            $0.output(try $0.relu(try $0.binary(.mul, sum, try $0.input("x", [1]), name: "p"), name: "y"))
        }
        var result = graph
        let failing = FoldConstants { _, _, _, _ in throw CleaveError(.unsupported, "no kernel") }
        #expect(try RewritePass(failing).run(on: &result).skippedNodes == ["sum: it could not be computed: no kernel"])
        let wrongType = FoldConstants { _, _, _, _ in [Tensor(vector: [Int8(1)])] }
        #expect(try RewritePass(wrongType).run(on: &result).skippedNodes == ["sum: it gave int8, expected float32"])
        let nothing = FoldConstants { _, _, _, _ in [] }
        #expect(try RewritePass(nothing).run(on: &result).skippedNodes == ["sum: it could not be computed: a result is missing"])
    }

    @Test func deadCode() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2])
            _ = try $0.input("unused", [3])
            let a = try $0.relu(x, name: "a")
            _ = try $0.relu(try $0.binary(.add, a, try $0.floats("c", [1]), name: "dead"), name: "deader")
            let opaque = Operator.opaque(OpaqueOperator(domain: "our.own", name: "Print", overload: ""))
            _ = try $0.node(opaque, [try $0.floats("printed", [1])], name: "print")
            $0.output(a)
        }
        var result = graph
        let report = try RemoveDeadCode().run(on: &result)
        #expect(result.operatorNames == ["Relu", "Print"])
        #expect(report.rewrites.map(\.node) == ["deader", "dead", "c"])
        #expect(result.interface == graph.interface)
        #expect(result.values.map(\.name) == ["x", "unused", "a", "printed", "print"])
    }

    @Test func commonSubexpressions() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2, 6])
            func branch(_ builder: inout GraphBuilder, _ name: String, _ weight: Double) throws -> ValueID {
                let shape = try builder.integers("\(name).shape", [3, 4])
                let r = try builder.node(.reshape(Reshape(shape: nil, allowZero: false)), [x, shape], name: "\(name).reshaped")
                let t = try builder.transpose(r, [1, 0], name: "\(name).t")
                return try builder.binary(.pow, t, try builder.floats("\(name).w", [weight]), name: name)
            }
            $0.output(try branch(&$0, "a", 2), try branch(&$0, "b", 2), try branch(&$0, "c", 3))
        }
        let result = try folded(graph, tolerance: 0).graph
        #expect(result.operatorNames == ["Reshape", "Transpose", "Pow", "Pow", "Pow"])
        #expect(result.tensor("a.shape") != nil && result.tensor("b.shape") == nil)
        #expect(result.tensor("a.w") != nil && result.tensor("b.w") != nil, "equal scales of different layers stay apart")
    }

    @Test func equalWeightsAndAttributesOfOtherValueStayApart() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 2, 4, 4])
            let zeros = [Double](repeating: 0, count: 8)
            let window = $0.window([], [], [])
            for name in ["a", "b"] {
                let w = try $0.floats("\(name).w", zeros, shape: [4, 2, 1, 1])
                let y = try $0.node(.convolution(Convolution(window: window, groups: 1)), [x, w], name: name)
                $0.output(try $0.transpose(y, name == "a" ? [0, 1, 3, 2] : [0, 1, 2, 3], name: "\(name).t"))
            }
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Conv", "Transpose", "Conv"])
        #expect(result.tensor("a.w") != nil && result.tensor("b.w") != nil)
    }

    /// Weights that a model comes without are seen through what moves their elements.
    @Test func movedFills() throws {
        let graph = try makeGraph {
            let filled = try $0.node(
                .constantOfShape(ConstantOfShape(value: try Tensor([Float(0.5)], shape: [1]))), [try $0.integers("shape", [64, 1, 128])],
                name: "filled")
            let matrix = try $0.transpose(try $0.reshape(filled, [64, -1], name: "reshaped"), [1, 0], name: "matrix")
            let product = try $0.node(.matMul(MatMul()), [try $0.input("x", [2, 128]), matrix], name: "product")
            $0.output(try $0.binary(.add, product, try $0.weights("bias", [64]), name: "y"), filled)
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["ConstantOfShape", "ConstantOfShape", "Gemm"])
        #expect(result.tensor("matrix_shape") == Tensor(vector: [Int64(128), 64]))
    }
}
