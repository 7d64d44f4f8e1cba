import GraphIR
import Passes
import Tensors
import Testing

/// What is done to a network before it is calibrated.
struct QuantizationPreparationTests {
    private func raised(_ graph: Graph) throws -> (graph: Graph, report: PassReport) {
        var result = graph
        let report = try RaiseOpset(to: 13).run(on: &result)
        try result.verify()
        #expect(result.opset == 13)
        #expect(result.interface == graph.interface)
        try expectEqualOutputs(result, graph, tolerance: 0)
        return (result, report)
    }

    @Test func attributesBecomeOperands() throws {
        let graph = try makeGraph(opset: 9) {
            let x = try $0.input("x", [2, 3, 6, 6])
            let a = try $0.node(.clip(Clip(minimum: -0.5, maximum: 0.7)), [x], name: "clip")
            let b = try $0.node(.clip(Clip(minimum: nil, maximum: 0.6)), [a], name: "upper")
            let c = try $0.node(.pad(Pad(mode: .constant, pads: [0, 0, 1, 0, 0, 0, 0, 2], value: 0.25)), [b], name: "pad")
            let bounds = StridedSlice.Bounds(starts: [1, 0], ends: [4, 3], axes: [2, 1])
            let d = try $0.node(.slice(StridedSlice(bounds: bounds)), [c], name: "slice")
            let e = try $0.node(.unsqueeze(Unsqueeze(axes: [0])), [d], name: "unsqueeze")
            let f = try $0.node(.squeeze(Squeeze(axes: [0])), [e], name: "squeeze")
            let parts = try $0.nodes(.split(Split(axis: 1, sizes: [1, 2], outputCount: nil)), [f], outputs: 2, name: "split")
            let sum = Reduction(function: .sum, axes: [2], keepDimensions: true, keepsInputWithoutAxes: false)
            $0.output(parts[0], try $0.node(.reduction(sum), [parts[1]], name: "sum"))
        }
        let (result, report) = try raised(graph)
        #expect(report.rewrites.map(\.node) == ["clip", "upper", "pad", "slice", "unsqueeze", "squeeze", "split", "sum"])
        let clip = try #require(result.producer(ofValue: "upper"))
        #expect(clip.inputs.count == 3 && clip.inputs[1] == nil)
        var again = result
        #expect(try RaiseOpset(to: 13).run(on: &again).rewrites.isEmpty)
    }

    @Test(arguments: [(1, 3), (2, 3), (-1, 1), (0, 3)]) func softmaxOfAMatrix(axis: Int, nodes: Int) throws {
        let graph = try makeGraph(opset: 11) {
            let x = try $0.input("x", [2, 3, 4])
            $0.output(try $0.node(.softmax(Softmax(function: .softmax, axis: axis, flattens: true)), [x], name: "y"))
        }
        let (result, _) = try raised(graph)
        #expect(result.operatorNames.contains("Softmax"))
        if axis == -1 || axis == 2 { #expect(result.operatorNames == ["Softmax"]) }
    }

    @Test func upsamplingBecomesResizing() throws {
        let attribute = try makeGraph(opset: 7) {
            let x = try $0.input("x", [1, 2, 3, 3])
            $0.output(try $0.node(.upsample(Upsample(mode: .nearest, scales: [1, 1, 2, 2])), [x], name: "y"))
        }
        #expect(try raised(attribute).graph.operatorNames == ["Resize"])
        let operand = try makeGraph(opset: 9) {
            let x = try $0.input("x", [1, 2, 3, 3])
            let scales = try $0.floats("scales", [1, 1, 2, 3])
            $0.output(try $0.node(.upsample(Upsample(mode: .linear, scales: nil)), [x, scales], name: "y"))
        }
        #expect(try raised(operand).graph.operatorNames == ["Resize"])
    }

    @Test func whatCannotBeConvertedIsRefused() throws {
        let unknown = try makeGraph(opset: 9) {
            let x = try $0.input("x", [1, 2])
            $0.output(try $0.node(.opaque(OpaqueOperator(domain: "", name: "LSTM", overload: "")), [x], name: "y"))
        }
        var graph = unknown
        let error = #expect(throws: CleaveError.self) { try RaiseOpset(to: 13).run(on: &graph) }
        #expect(error?.location.node == "y" && error?.location.operatorName == "LSTM")
        #expect(graph.opset == 9)
        var old = try makeGraph(opset: 6) { $0.output(try $0.relu(try $0.input("x", [1]), name: "y")) }
        #expect(throws: CleaveError.self) { try RaiseOpset(to: 13).run(on: &old) }
        var new = try makeGraph(opset: 17) { $0.output(try $0.relu(try $0.input("x", [1]), name: "y")) }
        #expect(try RaiseOpset(to: 13).run(on: &new).rewrites.isEmpty)
        #expect(new.opset == 17)
    }

    @Test(arguments: [[2, 3, 5], [2, 3, 5, 4]]) func batchNormsBecomeConvolutions(shape: [Int]) throws {
        let graph = try makeGraph {
            let x = try $0.input("x", shape.map { .known($0) })
            $0.output(try $0.batchNorm(x, 3, name: "y"))
        }
        let (result, report) = try rewritten(graph, by: BatchNormToConvolution())
        #expect(result.operatorNames == ["Conv"])
        #expect(report.rewrites.count == 1)
        try expectEqualOutputs(result, graph, tolerance: 1e-6)
        let matrix = try makeGraph { $0.output(try $0.batchNorm(try $0.input("x", [2, 3]), 3, name: "y")) }
        let kept = try rewritten(matrix, by: BatchNormToConvolution())
        #expect(kept.graph.operatorNames == ["BatchNormalization"])
        #expect(kept.report.skippedNodes == ["y: its input has no spatial dimensions"])
    }

    @Test func sumsOfTwoBecomeAdditions() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2, 3])
            let two = try $0.node(.variadic(Variadic(function: .sum)), [x, x], name: "two")
            $0.output(try $0.node(.variadic(Variadic(function: .sum)), [x, two, x], name: "three"))
        }
        let (result, report) = try rewritten(graph, by: SumToAdd())
        #expect(result.operatorNames == ["Add", "Sum"])
        #expect(report.skippedNodes == ["three: it has 3 operands, expected 2"])
        try expectEqualOutputs(result, graph, tolerance: 0)
    }

    /// PyTorch's mean over pixels, which runtimes have as a pool.
    @Test func meansOverPixelsBecomePools() throws {
        let cases: [(axes: [Int]?, keeps: Bool, names: [String])] = [
            ([2, 3], true, ["GlobalAveragePool"]), ([-1, -2], false, ["GlobalAveragePool", "Flatten"]), ([3], true, ["ReduceMean"]),
            ([1, 2, 3], true, ["ReduceMean"]), (nil, true, ["ReduceMean"]),
        ]
        for (axes, keeps, names) in cases {
            let graph = try makeGraph {
                let x = try $0.input("x", [2, 3, 5, 4])
                let mean = Reduction(function: .mean, axes: axes, keepDimensions: keeps, keepsInputWithoutAxes: false)
                $0.output(try $0.node(.reduction(mean), [x], name: "y"))
            }
            let (result, _) = try rewritten(graph, by: MeanToGlobalPool())
            #expect(result.operatorNames == names)
            try expectEqualOutputs(result, graph, tolerance: 1e-6)
        }
        // A row may be one of tokens.
        let tokens = try makeGraph {
            let mean = Reduction(function: .mean, axes: [-1], keepDimensions: true, keepsInputWithoutAxes: false)
            $0.output(try $0.node(.reduction(mean), [try $0.input("x", [2, 3, 5])], name: "y"))
        }
        #expect(try rewritten(tokens, by: MeanToGlobalPool()).graph.operatorNames == ["ReduceMean"])
    }

    @Test func fillsOfWeightsAreWrittenOut() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5])
            let shape = try $0.integers("shape", [4, 3, 3, 3])
            let weight = try $0.node(.constantOfShape(ConstantOfShape(value: Tensor(vector: [Float(0.5)]))), [shape], name: "w")
            $0.output(try $0.node(.convolution(Convolution(window: $0.window([], [], []), groups: 1)), [x, weight], name: "y"))
        }
        let (result, _) = try rewritten(graph, by: MaterializeFills())
        #expect(result.operatorNames == ["Conv"])
        #expect(result.tensor("w")?.shape == [4, 3, 3, 3])
        try expectEqualOutputs(result, graph, tolerance: 0)
    }

    // MARK: Equalization

    private func equalized(_ graph: Graph) throws -> (graph: Graph, report: PassReport) {
        var result = graph
        let report = try EqualizeLayers().run(on: &result)
        try result.verify()
        try expectEqualOutputs(result, graph, tolerance: 1e-5)
        return (result, report)
    }

    /// The largest weight per channel along a dimension of [O, I, kH, kW].
    private func ranges(_ tensor: Tensor?, axis: Int) throws -> [Double] {
        let tensor = try #require(tensor)
        let inner = tensor.shape[(axis + 1)...].reduce(1, *)
        var result = [Double](repeating: 0, count: tensor.shape[axis])
        for (index, value) in (tensor.doubles() ?? []).enumerated() {
            let channel = index / inner % tensor.shape[axis]
            result[channel] = max(result[channel], abs(value))
        }
        return result
    }

    @Test(arguments: [true, false]) func pairsHaveEqualRanges(bias: Bool) throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 6, 6])
            let a = try $0.relu(try $0.conv(x, [8, 3, 3, 3], name: "a", bias: bias), name: "r")
            $0.output(try $0.conv(a, [4, 8, 1, 1], name: "b"))
        }
        let (result, report) = try equalized(graph)
        #expect(report.rewrites.map(\.node) == ["a"])
        let (before, after) = (try ranges(result.tensor("a.weight"), axis: 0), try ranges(result.tensor("b.weight"), axis: 1))
        for (left, right) in zip(before, after) { #expect(abs(left / right - 1) < 0.01) }
        let again = try equalized(result)
        #expect(again.graph.tensor("a.weight") == result.tensor("a.weight"))
    }

    @Test func depthwiseChainsAndGemms() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 6, 6])
            let a = try $0.relu(try $0.conv(x, [6, 3, 1, 1], name: "a"), name: "r")
            let b = try $0.relu(try $0.conv(a, [6, 1, 3, 3], name: "b", groups: 6), name: "s")
            $0.output(try $0.conv(b, [4, 6, 1, 1], name: "c"))
        }
        #expect(try equalized(graph).report.rewrites.map(\.node) == ["a", "b"])
    }

    @Test func whatScalingWouldChangeIsLeftAlone() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 6, 6])
            let a = try $0.conv(x, [3, 3, 1, 1], name: "shared")
            let b = try $0.node(.activation(Activation(function: .sigmoid)), [try $0.conv(a, [3, 3, 1, 1], name: "bounded")], name: "s")
            $0.output(try $0.binary(.add, try $0.conv(b, [3, 3, 1, 1], name: "last"), a, name: "y"))
        }
        let (_, report) = try equalized(graph)
        #expect(report.rewrites.isEmpty)
        #expect(
            report.skippedNodes == [
                "shared: its result is an output, or read by several nodes",
                "bounded: Sigmoid comes after it, which scaled channels do not pass",
                "last: Add comes after it, which scaled channels do not pass",
            ])
    }
}
