import Execution
import GraphIR
import OneDNNBackend
import Tensors
import Testing

/// Operators that move, blend or pick elements: each has a fast form, on row-major operands and on channels in blocks.
struct MovementTests {
    /// Runs `body` on an input, and between convolutions of 32 and of 20 channels, whose last block is padded.
    private func everywhere(_ body: (inout GraphBuilder, ValueID, Int) throws -> ValueID) throws {
        for channels in [6, 32, 20] {
            var builder = GraphBuilder()
            let x = try builder.input("x", [2, channels == 6 ? 6 : 16, 6, 5])
            let y = try channels == 6 ? x : builder.convolution(x, [channels, 16, 1, 1])
            let z = try body(&builder, y, channels)
            let graph = try builder.finish(z)
            try expectFast(graph, randomInputs(graph, seed: UInt64(channels)))
        }
    }

    private func indices(_ values: [Int64], _ builder: inout GraphBuilder) throws -> ValueID {
        try builder.constant(Tensor(vector: values))
    }

    static let coordinates: [Resize.Coordinates] = [
        .halfPixel, .halfPixelSymmetric, .pytorchHalfPixel, .alignCorners, .asymmetric, .tfHalfPixelForNearest,
    ]

    @Test(arguments: Resize.Mode.allCases, coordinates)
    func resize(_ mode: Resize.Mode, _ coordinates: Resize.Coordinates) throws {
        for (height, width) in [(12, 10), (9, 7), (3, 5), (4, 13)] {
            for nearest in mode == .nearest ? Resize.NearestMode.allCases : [.floor] {
                for antialias in mode == .nearest ? [false] : [false, true] {
                    try everywhere { builder, y, channels in
                        let sizes = try indices([2, Int64(channels), Int64(height), Int64(width)], &builder)
                        return try builder.add(
                            .resize(
                                .init(
                                    mode: mode, coordinates: coordinates, nearestMode: nearest, cubicCoefficient: -0.75,
                                    excludeOutside: mode == .cubic, extrapolationValue: 0, antialias: antialias, axes: nil,
                                    aspectRatioPolicy: .stretch)),
                            y, nil, nil, sizes)
                    }
                }
            }
        }
    }

    @Test(arguments: [Resize.Mode.nearest, .linear])
    func upsample(_ mode: Resize.Mode) throws {
        try everywhere { builder, y, _ in try builder.add(.upsample(.init(mode: mode, scales: [1, 1, 2, 3])), y) }
    }

    @Test(arguments: Pad.Mode.allCases)
    func pad(_ mode: Pad.Mode) throws {
        for pads in [[0, 0, 1, 2, 0, 0, 3, 1], [1, 2, 0, 0, 1, 3, 0, 0], [0, 16, 0, -1, 0, 0, 2, -1], [0, -1, 1, 1, 0, 1, 1, 1]] {
            try everywhere { builder, y, _ in try builder.add(.pad(.init(mode: mode, pads: pads, value: 0.5)), y) }
        }
    }

    @Test func padSomeAxes() throws {
        try everywhere { builder, y, _ in
            let (pads, axes) = (try indices([2, 1, 0, 2], &builder), try indices([-1, 2], &builder))
            return try builder.add(.pad(.init(mode: .edge, pads: nil, value: 0)), y, pads, nil, axes)
        }
    }

    @Test func slice() throws {
        for bounds in [
            StridedSlice.Bounds(starts: [1, 0], ends: [100, 5], axes: [2, 3]), .init(starts: [0], ends: [16], axes: [1]),
            .init(starts: [-1, 1], ends: [100, -1], axes: nil),
        ] {
            try everywhere { builder, y, _ in try builder.add(.slice(.init(bounds: bounds)), y) }
        }
        for (starts, ends, axes, steps) in [
            ([0, 1], [6, 5], [2, 3], [2, 2]), ([-1, 100], [-100, 0], [2, 3], [-1, -2]), ([-1], [-7], [1], [-2]),
        ] as [([Int64], [Int64], [Int64], [Int64])] {
            try everywhere { builder, y, _ in
                let operands = try [starts, ends, axes, steps].map { try indices($0, &builder) }
                return try builder.add(.slice(.init(bounds: nil)), y, operands[0], operands[1], operands[2], operands[3])
            }
        }
    }

    @Test func split() throws {
        for (axis, sizes) in [(1, [16, 4]), (1, [2, 4]), (1, [16, 16]), (2, [1, 5]), (3, [4, 1])] as [(Int, [Int64])] {
            try everywhere { builder, y, channels in
                guard axis != 1 || sizes.reduce(0, +) == channels else { return try builder.relu(y) }
                let node = try builder.graph.edit { editor -> NodeID in
                    let operand = try editor.addConstant(Tensor(vector: sizes), name: "sizes")
                    return try editor.insert(
                        .split(.init(axis: axis, sizes: nil, outputCount: nil)), inputs: [y, operand],
                        outputs: [.new(name: "a"), .new(name: "b")], name: "", before: nil, origin: nil)
                }
                let parts = builder.graph[node].outputs.compactMap { $0 }
                return try builder.add(.concat(.init(axis: axis)), parts[1], parts[0], parts[1])
            }
        }
    }

    @Test func gather() throws {
        for (axis, picks) in [(1, [1, 0, -1]), (1, Array(16..<20) + Array(0..<16)), (2, [5, 5, 0, -2]), (-1, [3]), (0, [1, 1, 0])]
            as [(Int, [Int64])]
        {
            try everywhere { builder, y, channels in
                guard axis != 1 || picks.count == 3 || channels == 20 else { return try builder.relu(y) }
                return try builder.add(.gather(.init(axis: axis)), y, indices(picks, &builder))
            }
        }
        try everywhere { builder, y, _ in
            try builder.add(.gather(.init(axis: 2)), y, builder.constant(Tensor([Int64(1), 0, 2, -1], shape: [2, 2])))
        }
        try everywhere { builder, y, _ in try builder.add(.gather(.init(axis: 1)), y, builder.constant(Tensor(scalar: Int64(2)))) }
    }

    /// Sixteen channels that are not a block.
    @Test func channelsFromTwoBlocks() throws {
        try everywhere { builder, y, channels in
            guard channels == 32 else { return try builder.relu(y) }
            return try builder.add(.slice(.init(bounds: .init(starts: [8], ends: [24], axes: [1]))), y)
        }
    }

    @Test func resizedChannels() throws {
        try everywhere { builder, y, channels in
            let sizes = try indices([2, Int64(channels) / 2, 8, 5], &builder)
            let resize = Resize(
                mode: .linear, coordinates: .halfPixel, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
                extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
            return try builder.add(.resize(resize), y, nil, nil, sizes)
        }
    }

    @Test func expandAndTile() throws {
        try everywhere { builder, y, channels in
            let pooled = try builder.add(.globalPool(.init(function: .average)), y)
            let wide = try builder.add(.expand(.init()), pooled, indices([2, Int64(channels), 3, 4], &builder))
            let deep = try builder.add(.expand(.init()), wide, indices([2, 1, 1, 3, 4], &builder))
            return try builder.add(.tile(.init()), deep, indices([1, 2, 1, 2, 1], &builder))
        }
        try everywhere { builder, y, _ in try builder.add(.tile(.init()), y, indices([1, 2, 1, 3], &builder)) }
    }

    @Test(arguments: [Reduction.Function.sum, .mean, .max, .min, .prod, .l1, .l2, .sumSquare])
    func reductionOverAxesApart(_ function: Reduction.Function) throws {
        for axes in [[0, 2], [1, 3], [0, 2, 3], [-1, 0]] {
            for keeps in [false, true] {
                try everywhere { builder, y, _ in
                    let reduction = Reduction(function: function, axes: axes, keepDimensions: keeps, keepsInputWithoutAxes: false)
                    return try builder.add(.reduction(reduction), y)
                }
            }
        }
    }

    @Test(arguments: [
        "ij,jk->ik", "ij,kj->ki", "bij,bjk->bik", "bhid,bhjd->bhij", "bchw,ck->bkhw", "...ij,...jk->...ik", "ij,k->ikj", "ab,ab->",
        "bqhd,bkhd->bhqk",
    ])
    func einsumsThatAreProducts(_ equation: String) throws {
        let lengths: [Character: Int] = [
            "i": 5, "j": 4, "k": 7, "b": 2, "h": 3, "d": 6, "c": 4, "w": 5, "a": 3, "q": 4, ".": 2,
        ]
        let terms = equation.replacing("...", with: ".").prefix { $0 != "-" }.split(separator: ",")
        var builder = GraphBuilder()
        let operands = try terms.enumerated().map { try builder.input("x\($0)", $1.compactMap { lengths[$0] }) }
        let graph = try builder.finish(builder.add(.einsum(.init(equation: equation)), operands[0], operands[1]))
        try expectFast(graph, randomInputs(graph, seed: 3))
    }

    @Test(arguments: ["ii,ij->j", "ij,jk->k", "ij->ji"])
    func otherEinsums(_ equation: String) throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [4, 4])
        let y = try equation.contains(",") ? builder.add(.einsum(.init(equation: equation)), x, builder.input("y", [4, 4]))
            : builder.add(.einsum(.init(equation: equation)), x)
        let graph = try builder.finish(y)
        try expectAgreement(graph, randomInputs(graph, seed: 4))
    }

    @Test(arguments: [[], [1], [5], [3, 1], [2, 1, 1], [2, 3, 5]])
    func choice(_ shape: [Int]) throws {
        var builder = GraphBuilder()
        let count = shape.reduce(1, *)
        let condition = try Tensor((0..<count).map { $0 % 3 == 0 ? 1.0 : 0 }, shape: shape, as: .bool)
        let c = try builder.graph.edit { try $0.addInput("c", type: .tensor(TensorType(.bool, lengths: shape))) }
        let x = try builder.input("x", [2, 3, 5]), y = try builder.input("y", [3, 1])
        let z = try builder.add(.select(.init()), c, x, y)
        let graph = try builder.finish(builder.add(.select(.init()), builder.constant(condition), builder.relu(z), x))
        try expectFast(graph, ["c": condition, "x": random([2, 3, 5], seed: 1), "y": random([3, 1], seed: 2)])
    }

    @Test(arguments: [ElementType.bool, .uint8, .int8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .float64])
    func castToFloat(_ type: ElementType) throws {
        var builder = GraphBuilder()
        let x = try builder.graph.edit { try $0.addInput("x", type: .tensor(TensorType(type, lengths: [3, 7]))) }
        let graph = try builder.finish(builder.relu(builder.add(.cast(.init(to: .float32, saturate: true)), x)))
        let values = (0..<21).map { type == .bool ? Double($0 % 2) : Double($0 * 6) * (type == .float64 ? 1.001 : 1) }
        try expectFast(graph, ["x": Tensor(values, shape: [3, 7], as: type)])
    }

    /// NaN and infinities stay where they are moved, and blends of them are what arithmetic makes of them.
    @Test func numbersThatAreNotFinite() throws {
        var elements = try random([1, 1, 6, 5], seed: 1).elements(as: Float.self)
        (elements[3], elements[11], elements[17]) = (.nan, .infinity, -.infinity)
        for mode in Resize.Mode.allCases {
            var builder = GraphBuilder()
            let x = try builder.input("x", [1, 1, 6, 5])
            let sizes = try indices([1, 1, 9, 10], &builder)
            let resize = Resize(
                mode: mode, coordinates: .alignCorners, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75, excludeOutside: false,
                extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
            let graph = try builder.finish(builder.add(.resize(resize), x, nil, nil, sizes))
            try expectFast(graph, ["x": Tensor(elements, shape: [1, 1, 6, 5])])
        }
    }

    // MARK: Concatenation in place

    /// Dense blocks at batch 1: what is concatenated is written where the result lies.
    private func denseBlock(channels: Int, outputs: (inout GraphBuilder, [ValueID]) throws -> Graph) throws -> Graph {
        var builder = GraphBuilder()
        var features = try builder.relu(builder.convolution(builder.input("x", [1, 3, 8, 8]), [channels, 3, 3, 3]))
        var all = [features]
        for layer in 0..<3 {
            let normalized = try builder.relu(builder.batchNorm(features, channels: channels + 16 * layer))
            let fresh = try builder.convolution(normalized, [16, channels + 16 * layer, 3, 3], begin: [1, 1], end: [1, 1])
            features = try builder.add(.concat(.init(axis: 1)), features, fresh)
            all.append(features)
        }
        return try outputs(&builder, all)
    }

    @Test(arguments: [32, 20])
    func concatenationInPlace(_ channels: Int) throws {
        for last in [0, 1, 2, 3] {
            let graph = try denseBlock(channels: channels) { builder, all in
                let rest = try builder.convolution(builder.relu(all[3]), [16, channels + 48, 1, 1])
                return try last == 3 ? builder.finish(rest) : builder.finish(rest, builder.relu(all[last]), all[last])
            }
            try expectFast(graph, randomInputs(graph, seed: 5))
        }
    }

    @Test func whatIsConcatenatedTwiceOrChangedAfterwards() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [1, 16, 4, 4])
        let a = try builder.relu(x), b = try builder.sum(x, a)
        let both = try builder.add(.concat(.init(axis: 1)), a, b, a), other = try builder.add(.concat(.init(axis: 1)), b, a)
        let sum = try builder.sum(builder.relu(a), builder.add(.unary(.init(function: .neg)), b))
        let graph = try builder.finish(
            builder.add(.unary(.init(function: .exp)), both), builder.add(.unary(.init(function: .exp)), other), sum)
        try expectFast(graph, randomInputs(graph, seed: 6))
    }
}
