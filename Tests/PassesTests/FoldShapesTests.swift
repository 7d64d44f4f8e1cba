import GraphIR
@testable import Passes
import Tensors
import Testing

@Suite struct FoldShapesTests {
    @Test(arguments: [
        ([0, 2, 3, 1], [0, 3, 1, 2], [String]()), ([0, 2, 3, 1], [0, 2, 3, 1], ["Transpose"]), (nil, nil, []),
        (nil, [1, 0, 3, 2], ["Transpose"]), ([1, 0, 2, 3], [0, 2, 1, 3], ["Transpose"]),
    ] as [([Int]?, [Int]?, [String])]) func consecutiveTransposes(_ first: [Int]?, _ second: [Int]?, _ names: [String]) throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [2, 3, 4, 5]), name: "a")
            let y = try $0.transpose(try $0.transpose(x, first, name: "t"), second, name: "u")
            $0.output(try $0.node(.activation(Activation(function: .tanh)), [y], name: "y"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["Relu"] + names + ["Tanh"])
    }

    @Test func cancellingTransposesAtTheEnds() throws {
        let graph = try makeGraph {
            let t = try $0.transpose(try $0.input("x", [2, 3, 4, 5]), [0, 2, 3, 1], name: "t")
            $0.output(try $0.transpose(t, [0, 3, 1, 2], name: "y"))
        }
        // Nothing but the graph's interface is left, which must stay.
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["Transpose", "Transpose"])
    }

    @Test func transposesWithOtherReadersAreBypassed() throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [2, 3]), name: "a")
            let t = try $0.transpose(x, [1, 0], name: "t")
            let u = try $0.transpose(t, [1, 0], name: "u")
            $0.output(try $0.node(.unary(Unary(function: .neg)), [t], name: "y"))
            $0.output(try $0.node(.unary(Unary(function: .abs)), [u], name: "z"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["Relu", "Transpose", "Neg", "Abs"])
    }

    @Test func longRowOfReshapes() throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [.named("N"), 3, 4, 5]), name: "a")
            let flat = try $0.flatten(x, name: "f")
            let wide = try $0.node(.unsqueeze(Unsqueeze(axes: nil)), [flat, try $0.integers("axes", [1, 3])], name: "u")
            let narrow = try $0.node(.squeeze(Squeeze(axes: nil)), [wide, try $0.integers("axis", [1])], name: "s")
            $0.output(try $0.node(.unary(Unary(function: .neg)), [try $0.reshape(narrow, [0, 12, -1], name: "r")], name: "y"))
        }
        let result = try folded(graph, tolerance: 0).graph
        #expect(result.operatorNames == ["Relu", "Reshape", "Neg"])
        #expect(result.tensor("r_shape") == Tensor(vector: [Int64(0), 12, 5]))
        #expect(result.producer(ofValue: "r")?.origin?.nodes == ["f", "u", "s", "r"])
    }

    @Test func reshapesThatCancel() throws {
        let graph = try makeGraph {
            let x = try $0.node(.activation(Activation(function: .tanh)), [try $0.input("x", [.named("N"), 6])], name: "a")
            let y = try $0.reshape(try $0.reshape(x, [-1, 2, 3], name: "r"), [-1, 6], name: "s")
            $0.output(try $0.relu(y, name: "y"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["Tanh", "Relu"])
    }

    @Test func readReshapesStay() throws {
        let graph = try makeGraph {
            let r = try $0.reshape(try $0.input("x", [2, 6]), [4, 3], name: "r")
            let flat = try $0.reshape(r, [12], name: "s")
            $0.output(try $0.relu(r, name: "y"), try $0.node(.unary(Unary(function: .neg)), [flat], name: "z"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames.filter { $0 == "Reshape" }.count == 2)
    }

    /// Through pooling to one pixel, channels-last and back to vectors.
    @Test func transposesOfSinglePixelsAreReshapes() throws {
        let graph = try makeGraph {
            let pooled = try $0.node(.globalPool(GlobalPool(function: .average)), [try $0.input("x", [.named("N"), 3, 4, 4])], name: "p")
            $0.output(try $0.relu(try $0.flatten(try $0.transpose(pooled, [0, 2, 3, 1], name: "t"), name: "f"), name: "y"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["GlobalAveragePool", "Reshape", "Relu"])
    }

    /// `x[:, :, ::2, ::2]` as exporters write it.
    @Test(arguments: [(2, 3, true), (2, -1, true), (3, 3, false), (-1, 3, false)])
    func consecutiveSlices(_ first: Int, _ second: Int, _ merges: Bool) throws {
        let graph = try makeGraph {
            var x = try $0.relu(try $0.input("x", [.named("N"), 3, 9, 9]), name: "a")
            for (name, axis) in [("s", first), ("t", second)] {
                var operands = [x]
                for (index, bound) in [1, Int.max, axis, 2].enumerated() { operands.append(try $0.integers("\(name)\(index)", [bound])) }
                x = try $0.node(.slice(StridedSlice(bounds: nil)), operands, name: name)
            }
            $0.output(try $0.node(.unary(Unary(function: .neg)), [x], name: "y"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["Relu", "Slice"] + (merges ? [] : ["Slice"]) + ["Neg"])
    }

    @Test func consecutiveSlicesByAttribute() throws {
        let graph = try makeGraph(opset: 9) {
            let x = try $0.relu(try $0.input("x", [2, 3, 9, 9]), name: "a")
            let s = try $0.node(.slice(StridedSlice(bounds: .init(starts: [1], ends: [8], axes: [3]))), [x], name: "s")
            let t = try $0.node(.slice(StridedSlice(bounds: .init(starts: [0, 1], ends: [2, 2], axes: nil))), [s], name: "t")
            $0.output(try $0.node(.unary(Unary(function: .neg)), [t], name: "y"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["Relu", "Slice", "Neg"])
    }

    @Test(arguments: [(1, 1, 1), (-3, 1, 1), (2, 1, 2)]) func nestedConcats(_ inner: Int, _ outer: Int, _ count: Int) throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [.named("N"), 2, 4, 4])
            let y = try $0.input("y", [.named("N"), 2, 4, 4])
            let a = try $0.node(.concat(Concat(axis: inner)), [x, y], name: "a")
            let wide = try $0.input("z", [.named("N"), 5, inner == 2 ? 8 : 4, 4])
            $0.output(try $0.node(.concat(Concat(axis: outer)), [wide, a, wide], name: "b"))
        }
        let result = try folded(graph, tolerance: 0).graph
        #expect(result.nodeCount == count)
        if count == 1 { #expect(result.producer(ofValue: "b")?.inputs.map { $0.map { result[$0].name } } == ["z", "x", "y", "z"]) }
    }

    @Test func readConcatsStay() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2, 3])
            let a = try $0.node(.concat(Concat(axis: 1)), [x, x], name: "a")
            $0.output(try $0.node(.concat(Concat(axis: 1)), [a, x, a], name: "b"))
        }
        #expect(try folded(graph, tolerance: 0).graph.operatorNames == ["Concat", "Concat"])
    }

    /// `x.view(x.size(0), -1)` as exporters write it.
    @Test(arguments: [Dimension.named("N"), 2]) func computedShape(batch: Dimension) throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [batch, 3, 4]), name: "a")
            let shape = try $0.node(.shapeOf(ShapeOf(start: 0, end: nil)), [x], name: "shape")
            let size = try $0.node(.gather(Gather(axis: 0)), [shape, try $0.integers("index", [0], shape: [])], name: "size")
            let vector = try $0.node(.unsqueeze(Unsqueeze(axes: nil)), [size, try $0.integers("axes", [0])], name: "vector")
            let target = try $0.node(.concat(Concat(axis: 0)), [vector, try $0.integers("rest", [-1])], name: "target")
            $0.output(try $0.node(.reshape(Reshape(shape: nil, allowZero: false)), [x, target], name: "y"))
        }
        let result = try folded(graph, tolerance: 0).graph
        #expect(result.operatorNames == ["Relu", "Reshape"])
    }

    @Test func constantShapes() {
        let n = Dimension.named("N"), h = Dimension.named("H")
        #expect(MergeReshapes.constantShape([n, 12], from: [n, 3, 4]) == [0, 12])
        #expect(MergeReshapes.constantShape([n, h], from: [h, n]) == nil)
        #expect(MergeReshapes.constantShape([n * 3, 4], from: [n, 3, 4]) == [-1, 4])
        #expect(MergeReshapes.constantShape([.unknown, 4], from: [.unknown, 4]) == [-1, 4])
        #expect(MergeReshapes.constantShape([n, h, .unknown], from: [n, h, 3]) == [0, 0, -1])
        #expect(MergeReshapes.constantShape([2, 0], from: [0, 2]) == nil)
        #expect(MergeReshapes.constantShape([2, n], from: nil) == [2, -1])
    }
}
