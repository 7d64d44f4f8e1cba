import GraphIR
import Tensors
import Testing

/// Elements that are followed through the graph, and the shapes that follow from them.
@Suite struct ContentsTests {
    private let n = Dimension.named("N")
    private let h = Dimension.named("H")

    /// Builds a graph on `x` of the given shape and returns the value that `body` makes.
    private func value(_ shape: [Dimension], _ body: (inout GraphEditor, ValueID) throws -> ValueID) throws -> Value {
        var graph = Graph(name: "chain", opset: 17)
        let id = try graph.edit { editor in
            let result = try body(&editor, try editor.addInput("x", type: type(.float32, shape)))
            editor.setOutputs([result])
            return result
        }
        #expect(graph.faults == [])
        return graph[id]
    }

    private let shapeOf = Operator.shapeOf(ShapeOf(start: 0, end: nil))
    private let reshape = Operator.reshape(Reshape(shape: nil, allowZero: false))
    private func cast(_ type: ElementType) -> Operator { .cast(Cast(to: type, saturate: true)) }
    private func unsqueeze(_ axis: Int) -> Operator { .unsqueeze(Unsqueeze(axes: [axis])) }

    /// What PyTorch writes for `x.view(x.size(0), -1)`.
    @Test func viewByShapeGatherConcat() throws {
        let result = try value([n, 64, 8, 8]) { editor, x in
            let shape = try editor.apply(shapeOf, x, as: "shape")
            let zero = try editor.addConstant(Tensor(scalar: 0 as Int64), name: "zero")
            let batch = try editor.apply(.gather(Gather(axis: 0)), shape, zero, as: "batch")
            let vector = try editor.apply(unsqueeze(0), batch, as: "vector")
            let target = try editor.apply(.concat(Concat(axis: 0)), vector, try editor.addConstant(ints(-1), name: "rest"), as: "target")
            #expect(editor.graph[target].contents == [n, -1])
            return try editor.apply(reshape, x, target, as: "y")
        }
        #expect(result.type == type(.float32, [n, 4096]))
    }

    @Test func reshapeCancelsSymbols() throws {
        func reshaped(_ shape: [Dimension], _ target: Tensor) throws -> String {
            try GraphIRTests.shape(reshape, [type(.float32, shape), nil], constants: [1: target])
        }
        #expect(try reshaped([n, 64, 8, 8], ints(0, -1)) == "float32[N, 4096]")
        #expect(try reshaped([n, 64, h, 8], ints(0, 0, -1)) == "float32[N, 64, 8*H]")
        #expect(try reshaped([.unknown, 64, 8, 8], ints(0, -1)) == "float32[?, 4096]")
        #expect(try reshaped([n, 6], ints(-1, 4)) == "float32[?, 4]")
        #expect(try reshaped([n, 6], ints(-1, 3)) == "float32[2*N, 3]")
        #expect(try reshaped([n, h.dividedCeiling(by: 2), 4], ints(0, -1, 2)) == "float32[N, 2*floor((H + 1)/2), 2]")
        #expect(try reshaped([2, 0, 3], ints(0, 0, -1)) == "float32[2, 0, 3]")
        #expect(try shape(.flatten(Flatten(axis: 2)), [type(.float32, [n, 4, h, 2])]) == "float32[4*N, 2*H]")
    }

    /// Upsampling by 2 as older PyTorch exporters write it: through floats and back.
    @Test func floatDetour() throws {
        let result = try value([n, 3, h, 10]) { editor, x in
            let shape = try editor.apply(shapeOf, x, as: "shape")
            let spatial = try editor.apply(
                .slice(StridedSlice(bounds: nil)), shape, try editor.addConstant(ints(2), name: "two"),
                try editor.addConstant(ints(4), name: "four"), as: "spatial")
            let floats = try editor.apply(cast(.float32), spatial, as: "floats")
            let scaled = try editor.apply(
                binary(.mul), floats, try editor.addConstant(Tensor(vector: [2, 1.5] as [Float]), name: "scales"), as: "scaled")
            let floored = try editor.apply(.unary(Unary(function: .floor)), scaled, as: "floored")
            return try editor.apply(cast(.int64), floored, as: "sizes")
        }
        #expect(result.contents == [h * 2, .unknown])
    }

    @Test func integerArithmetic() throws {
        func result(_ operation: Operator, _ a: Tensor, _ b: Tensor) throws -> [Dimension]? {
            try infer(operation, [nil, nil], constants: [0: a, 1: b])[0].contents
        }
        #expect(try result(binary(.div), ints(-7, 7, 1), ints(2, -2, 0)) == [-3, -3, .unknown])
        #expect(try result(binary(.mod), ints(-7, 7), ints(2, -2)) == [1, -1])
        #expect(try result(binary(.fmod), ints(-7, 7), ints(2, -2)) == [-1, 1])
        #expect(try result(binary(.mul), ints(.max), ints(2)) == nil)
        #expect(try result(binary(.greaterOrEqual), ints(1, 2, 3), ints(2)) == [0, 1, 1])
        let int32 = try Tensor([Int32.max], shape: [1])
        #expect(try result(add, int32, Tensor([1 as Int32], shape: [1])) == nil)
        #expect(problem(.range(NumberRange()), [nil, nil, nil], constants: [0: try ints(5), 1: try ints(9), 2: try ints(0)])
            == "delta is 0, expected another number")
    }

    /// `Where(Equal(shape, -1), ones, shape)` is what PyTorch writes for `expand`.
    @Test func selectionByComparison() throws {
        let result = try value([n, 1, 5]) { editor, x in
            let shape = try editor.apply(shapeOf, x, as: "shape")
            let minus = try editor.addConstant(ints(-1), name: "minus")
            let equal = try editor.apply(binary(.equal), shape, minus, as: "equal")
            #expect(editor.graph[equal].contents == [0, 0, 0])
            let ones = try editor.apply(
                .constantOfShape(ConstantOfShape(value: ints(1))), try editor.addConstant(ints(3), name: "three"), as: "ones")
            let target = try editor.apply(.select(Where()), equal, ones, shape, as: "target")
            return try editor.apply(.expand(Expand()), x, target, as: "y")
        }
        #expect(result.type == type(.float32, [n, 1, 5]))
    }

    /// `F.pad` in PyTorch's exporter: pads reversed by Reshape, Slice with step −1, Transpose.
    @Test func padsInReverse() throws {
        let result = try value([n, 3, h, 8]) { editor, x in
            let given = try editor.addConstant(ints(1, 2, 3, 4, 0, 0, 0, 0), name: "given")
            let pairs = try editor.apply(reshape, given, try editor.addConstant(ints(-1, 2), name: "pairs_shape"), as: "pairs")
            let reversed = try editor.apply(
                .slice(StridedSlice(bounds: nil)), pairs, try editor.addConstant(ints(-1), name: "start"),
                try editor.addConstant(ints(-Int.max), name: "end"), try editor.addConstant(ints(0), name: "axis"),
                try editor.addConstant(ints(-1), name: "step"), as: "reversed")
            let transposed = try editor.apply(.transpose(Transpose(permutation: [1, 0])), reversed, as: "transposed")
            let pads = try editor.apply(reshape, transposed, try editor.addConstant(ints(-1), name: "flat"), as: "pads")
            #expect(editor.graph[pads].contents == [0, 0, 3, 1, 0, 0, 4, 2])
            return try editor.apply(.pad(Pad(mode: .constant, pads: nil, value: 0)), x, pads, as: "y")
        }
        #expect(result.type == type(.float32, [n, 3, h + 7, 11]))
    }

    @Test func slicesOfSymbolicLengths() throws {
        func sliced(_ start: Int, _ end: Int, _ step: Int = 1) throws -> String {
            try shape(
                .slice(StridedSlice(bounds: nil)), [type(.float32, [h])] + [ValueType?](repeating: nil, count: 4),
                constants: [1: ints(start), 2: ints(end), 3: ints(0), 4: ints(step)])
        }
        #expect(try sliced(0, .max) == "float32[H]")
        #expect(try sliced(1, .max) == "float32[H - 1]")
        #expect(try sliced(1, -1) == "float32[H - 2]")
        #expect(try sliced(0, .max, 2) == "float32[floor((H + 1)/2)]")
        #expect(try sliced(.max, .min, -1) == "float32[H]")
        #expect(try sliced(0, 5) == "float32[?]")
        #expect(try sliced(-3, .max) == "float32[?]")
    }

    @Test func rangesOfSymbolicLengths() throws {
        let result = try value([n, 4]) { editor, x in
            let shape = try editor.apply(shapeOf, x, as: "shape")
            let zero = try editor.addConstant(Tensor(scalar: 0 as Int64), name: "zero")
            let one = try editor.addConstant(Tensor(scalar: 1 as Int64), name: "one")
            let batch = try editor.apply(.gather(Gather(axis: 0)), shape, zero, as: "batch")
            return try editor.apply(.range(NumberRange()), zero, batch, one, as: "y")
        }
        #expect(result.type == type(.int64, [n]))
    }

    @Test func scattersAndReductions() throws {
        let scattered = try infer(
            .scatterND(ScatterND(reduction: .none)), [nil, nil, nil],
            constants: [0: ints(1, 2, 3), 1: Tensor([-1 as Int64], shape: [1, 1]), 2: ints(9)])
        #expect(scattered[0].contents == [1, 2, 9])
        let product = try value([n, 4, h]) { editor, x in
            let shape = try editor.apply(shapeOf, x, as: "shape")
            return try editor.apply(
                .reduction(Reduction(function: .prod, axes: nil, keepDimensions: false, keepsInputWithoutAxes: false)), shape, as: "y")
        }
        #expect(product.contents == [n * h * 4])
    }

    @Test func largeTensorsAreNotFollowed() throws {
        let large = try Tensor([Int64](0..<65), shape: [65])
        #expect(try infer(.identity(Identity()), [nil], constants: [0: large])[0].contents == nil)
        let filled = try infer(.constantOfShape(ConstantOfShape(value: nil)), [nil], constants: [0: ints(1 << 40, 1 << 40)])
        #expect(filled[0].contents == nil)
        #expect(filled[0].type == type(.float32, [.known(1 << 40), .known(1 << 40)]))
    }

    @Test func broadcastingOfSymbols() throws {
        func sum(_ a: [Dimension], _ b: [Dimension]) throws -> String { try shape(add, [type(.float32, a), type(.float32, b)]) }
        #expect(try sum([n, 3, h], [h]) == "float32[N, 3, H]")
        #expect(try sum([n, 1], [1, 4]) == "float32[N, 4]")
        #expect(try sum([n], [4]) == "float32[4]")
        #expect(try sum([n], [h]) == "float32[?]")
        #expect(try sum([0], [n]) == "float32[0]")
    }

    @Test func resizing() throws {
        func resized(scales: [Float]) throws -> String {
            let resize = Operator.resize(
                Resize(
                    mode: .nearest, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
                    extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch))
            return try shape(
                resize, [type(.float32, [n, 3, h, 10]), nil, nil], constants: [1: Tensor(vector: [] as [Float]), 2: Tensor(vector: scales)])
        }
        #expect(try resized(scales: [1, 1, 2, 0.7]) == "float32[N, 3, 2*H, 7]")
        #expect(try resized(scales: [1, 1, 0.5, 1.5]) == "float32[N, 3, floor(H/2), 15]")
        #expect(try resized(scales: [1, 1, 1.5, 1]) == "float32[N, 3, ?, 10]")
    }

    @Test func dropoutMasksBecameBooleans() throws {
        let dropout = Operator.dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: nil))
        #expect(try infer(dropout, [type(.float32, [2])], outputs: 2, opset: 9)[1].type == type(.float32, [2]))
        #expect(try infer(dropout, [type(.float32, [2])], outputs: 2, opset: 10)[1].type == type(.bool, [2]))
    }
}
