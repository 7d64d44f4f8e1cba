import Execution
import GraphIR
import OneDNNBackend
import Tensors
import Testing

/// Operators between convolutions, so that their operands lie in blocked layouts.
struct LayoutTests {
    private func between(
        channels: Int, size: [Int] = [6, 6], _ body: (inout GraphBuilder, ValueID) throws -> ValueID
    ) throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [2, 16] + size)
        let ones = size.map { _ in 1 }
        let y = try builder.convolution(x, [channels, 16] + ones)
        let z = try body(&builder, y)
        let graph = try builder.finish(z)
        try expectAgreement(graph, randomInputs(graph, seed: 11))
    }

    @Test(arguments: [32, 20, 17])
    func elementwise(_ channels: Int) throws {
        for function in [Activation.Function.sigmoid, .tanh, .softplus, .elu(alpha: 0.5), .leakyRelu(alpha: 0.1), .hardSwish, .softsign] {
            try between(channels: channels) { builder, y in
                let z = try builder.add(.activation(.init(function: function)), y)
                return try builder.convolution(z, [16, channels, 1, 1])
            }
        }
    }

    @Test(arguments: [32, 20])
    func broadcasting(_ channels: Int) throws {
        for shape in [[], [1], [channels, 1, 1], [1, channels, 1, 1], [6], [6, 1], [1, 1, 6, 6], [2, 1, 1, 1], [2, channels, 6, 6]] {
            for function in [Binary.Function.add, .sub, .mul, .div] {
                try between(channels: channels) { builder, y in
                    let w = try builder.weight(shape)
                    let z = try builder.add(.binary(.init(function: function, broadcastAxis: .numpy)), y, w)
                    return try builder.relu(builder.add(.binary(.init(function: function, broadcastAxis: .numpy)), w, builder.relu(z)))
                }
            }
        }
    }

    @Test func squeezeAndExcite() throws {
        try between(channels: 32) { builder, y in
            let pooled = try builder.add(.globalPool(.init(function: .average)), y)
            let squeezed = try builder.relu(builder.convolution(pooled, [8, 32, 1, 1], bias: true))
            let gate = try builder.add(.activation(.init(function: .sigmoid)), builder.convolution(squeezed, [32, 8, 1, 1], bias: true))
            return try builder.add(.binary(.init(function: .mul, broadcastAxis: .numpy)), y, gate)
        }
    }

    @Test(arguments: [(32, 16), (17, 5), (16, 3), (20, 32)])
    func concatAndSplit(_ first: Int, _ second: Int) throws {
        try between(channels: first) { builder, y in
            let other = try builder.convolution(y, [second, first, 1, 1])
            let joined = try builder.add(.concat(.init(axis: 1)), builder.relu(y), other)
            let halves = try builder.graph.edit { editor -> NodeID in
                let sizes = try editor.addConstant(Tensor(vector: [Int64(second), Int64(first)]), name: "sizes")
                return try editor.insert(
                    .split(.init(axis: 1, sizes: nil, outputCount: nil)), inputs: [joined, sizes],
                    outputs: [.new(name: "a"), .new(name: "b")], name: "", before: nil, origin: nil)
            }
            let outputs = builder.graph[halves].outputs.compactMap { $0 }
            return try builder.sum(builder.convolution(outputs[0], [4, second, 1, 1]), builder.convolution(outputs[1], [4, first, 1, 1]))
        }
    }

    @Test(arguments: [32, 20])
    func movement(_ channels: Int) throws {
        try between(channels: channels) { builder, y in
            let transposed = try builder.add(.transpose(.init(permutation: [0, 2, 3, 1])), y)
            return try builder.add(.softmax(.init(function: .softmax, axis: -1, flattens: false)), transposed)
        }
        try between(channels: channels) { builder, y in
            let padded = try builder.add(.pad(.init(mode: .constant, pads: [0, 0, 1, 2, 0, 0, 0, -1], value: 0.5)), y)
            return try builder.convolution(padded, [16, channels, 3, 3])
        }
        try between(channels: channels) { builder, y in
            let padded = try builder.add(.pad(.init(mode: .constant, pads: [0, 0, 1, 1, 0, 0, 1, 1], value: 0)), y)
            let window = Window(kernel: [3, 3], strides: [2, 2], dilations: [], padding: .valid)
            return try builder.add(.maxPool(.init(window: window, ceilMode: false, columnMajorIndices: false)), padded)
        }
        try between(channels: channels) { builder, y in
            let bounds = StridedSlice.Bounds(starts: [1, 2, 1], ends: [100, -1, 6], axes: [1, 2, 3])
            let part = try builder.add(.slice(.init(bounds: bounds)), y)
            return try builder.relu(part)
        }
        try between(channels: 32) { builder, y in
            let deep = try builder.add(.spaceToDepth(.init(blockSize: 2)), y)
            let wide = try builder.add(.depthToSpace(.init(blockSize: 4, mode: .columnRowDepth)), deep)
            return try builder.add(.depthToSpace(.init(blockSize: 1, mode: .depthColumnRow)), wide)
        }
    }

    @Test(arguments: [32, 20])
    func pools(_ channels: Int) throws {
        for ceiling in [false, true] {
            let window = Window(kernel: [3, 3], strides: [2, 2], dilations: [1, 1], padding: .explicit(begin: [1, 1], end: [1, 0]))
            try between(channels: channels, size: [8, 7]) { builder, y in
                try builder.add(.maxPool(.init(window: window, ceilMode: ceiling, columnMajorIndices: false)), y)
            }
            for counting in [false, true] {
                try between(channels: channels, size: [8, 7]) { builder, y in
                    try builder.add(.averagePool(.init(window: window, ceilMode: ceiling, countIncludePad: counting)), y)
                }
            }
        }
        for function in [GlobalPool.Function.average, .max, .lp(p: 2)] {
            try between(channels: channels, size: [5, 7]) { builder, y in
                let pooled = try builder.add(.globalPool(.init(function: function)), y)
                let flat = try builder.add(.flatten(.init(axis: 1)), pooled)
                return try builder.add(
                    .gemm(.init(alpha: 0.5, beta: 2, transposeA: false, transposeB: true, broadcastsLegacy: false)), flat,
                    builder.weight([10, channels]), builder.weight([10]))
            }
        }
    }

    @Test(arguments: [Reduction.Function.sum, .mean, .max, .min, .prod, .l2])
    func reductions(_ function: Reduction.Function) throws {
        for axes in [[2, 3], [1], [-1], [0, 2], [0, 1, 2, 3]] {
            for keeps in [true, false] {
                try between(channels: 20) { builder, y in
                    try builder.add(
                        .reduction(.init(function: function, axes: axes, keepDimensions: keeps, keepsInputWithoutAxes: false)), y)
                }
            }
        }
    }

    @Test func normalizations() throws {
        for channels in [32, 20] {
            try between(channels: channels) { builder, y in
                try builder.add(.localResponseNorm(.init(size: 5, alpha: 0.1, beta: 0.75, bias: 2)), y)
            }
            try between(channels: channels) { builder, y in
                let sum = try builder.sum(y, builder.relu(y))
                return try builder.sum(builder.batchNorm(sum, channels: channels), sum)
            }
            try between(channels: channels) { builder, y in
                try builder.add(.instanceNorm(.init(epsilon: 1e-5)), y, builder.weight([channels]), builder.weight([channels]))
            }
        }
        try between(channels: 32) { builder, y in
            try builder.add(.layerNorm(.init(axis: -1, epsilon: 1e-5, stashType: 1)), y, builder.weight([6]), builder.weight([6]))
        }
    }

    @Test(arguments: [32, 24])
    func groupNormalizations(_ channels: Int) throws {
        for groups in [1, 2, 8, channels] {
            for function in [Activation.Function.relu, .sigmoid] {
                try between(channels: channels, size: [9, 5]) { builder, y in
                    let norm = try builder.add(
                        .groupNorm(.init(groups: groups, epsilon: 1e-5, stashType: 1, affinePerGroup: false)), y,
                        builder.weight([channels]), builder.weight([channels]))
                    return try builder.add(.activation(.init(function: function)), norm)
                }
            }
        }
    }

    /// Old models write the scale and shift of a batch normalization as nodes of their own.
    @Test func scaleAndShiftAfterBatchNorm() throws {
        try between(channels: 20) { builder, y in
            let sum = try builder.batchNorm(builder.sum(y, builder.relu(y)), channels: 20)
            let scaled = try builder.add(.binary(.init(function: .mul, broadcastAxis: .numpy)), sum, builder.weight([20, 1, 1]))
            return try builder.relu(builder.sum(scaled, builder.weight([20, 1, 1])))
        }
    }

    /// A gate per channel keeps blocked channels, padded or not.
    @Test(arguments: [32, 20], [Binary.Function.mul, .add, .div])
    func gates(_ channels: Int, _ function: Binary.Function) throws {
        try between(channels: channels) { builder, y in
            let pooled = try builder.add(.globalPool(.init(function: .average)), y)
            let gate = try builder.add(.activation(.init(function: .sigmoid)), builder.convolution(pooled, [channels, channels, 1, 1]))
            let product = try builder.add(.binary(.init(function: function, broadcastAxis: .numpy)), y, gate)
            let half = try builder.add(.binary(.init(function: function, broadcastAxis: .numpy)), product, builder.weight([]))
            return try builder.convolution(half, [16, channels, 3, 3])
        }
    }

    @Test(arguments: [0, 1, 2, 3, -1], [32, 20])
    func concatenations(_ axis: Int, _ channels: Int) throws {
        try between(channels: channels) { builder, y in
            let joined = try builder.add(.concat(.init(axis: axis)), y, builder.relu(y), builder.weight([2, channels, 6, 6]))
            return try builder.relu(joined)
        }
    }

    @Test func matrixProducts() throws {
        try between(channels: 32) { builder, y in
            let rows = try builder.add(.matMul(.init()), y, builder.weight([6, 9]))
            let biased = try builder.relu(builder.sum(rows, builder.weight([9])))
            return try builder.add(.matMul(.init()), builder.add(.transpose(.init(permutation: [0, 1, 3, 2])), biased), biased)
        }
    }
}
