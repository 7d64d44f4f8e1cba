import GraphIR
import OneDNNBackend
import Tensors
import Testing

/// Operators on the channels of grouped convolutions: with four channels per group, oneDNN lays them out in blocks of four, with
/// eight in blocks of eight.
struct NarrowBlockTests {
    /// Channels and groups of the convolution before the operator; ResNeXt-50 32×4d begins with the last ones.
    static let widths = [(8, 2), (16, 2), (36, 3), (24, 3), (64, 8), (128, 32)]

    /// Runs an operator on a grouped convolution's result, expecting that no step needs a reference kernel.
    private func afterGroups(
        _ width: (channels: Int, groups: Int), _ body: (inout GraphBuilder, ValueID) throws -> ValueID
    ) throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [2, width.channels, 7, 5])
        let y = try builder.convolution(
            x, [width.channels, width.channels / width.groups, 3, 3], begin: [1, 1], end: [1, 1], groups: width.groups)
        let graph = try builder.finish(body(&builder, y))
        try expectFast(graph, randomInputs(graph, seed: 7))
    }

    @Test(arguments: widths)
    func normalizations(_ channels: Int, _ groups: Int) throws {
        let width = (channels, groups)
        try afterGroups(width) { builder, y in try builder.relu(builder.batchNorm(builder.relu(y), channels: channels)) }
        try afterGroups(width) { builder, y in
            try builder.add(.instanceNorm(.init(epsilon: 1e-5)), y, builder.weight([channels]), builder.weight([channels]))
        }
        for count in [1, groups, channels / 4] {
            try afterGroups(width) { builder, y in
                try builder.add(
                    .groupNorm(.init(groups: count, epsilon: 1e-5, stashType: 1, affinePerGroup: false)), y, builder.weight([channels]),
                    builder.weight([channels]))
            }
        }
    }

    @Test(arguments: widths)
    func products(_ channels: Int, _ groups: Int) throws {
        for shape in [[channels, 1, 1], [1, channels, 1, 1], [2, channels, 1, 1], [1], [5], [2, channels, 7, 5]] {
            try afterGroups((channels, groups)) { builder, y in
                try builder.add(.binary(.init(function: .mul, broadcastAxis: .numpy)), builder.relu(y), builder.weight(shape))
            }
        }
    }

    @Test(arguments: widths)
    func movement(_ channels: Int, _ groups: Int) throws {
        let width = (channels, groups)
        for pads in [[0, 0, 1, 2, 0, 0, 0, 1], [0, 4, 0, 0, 0, 0, 0, 1]] {
            try afterGroups(width) { builder, y in try builder.add(.pad(.init(mode: .constant, pads: pads, value: 0.5)), y) }
        }
        try afterGroups(width) { builder, y in
            try builder.add(.slice(.init(bounds: .init(starts: [4, 1], ends: [8, 4], axes: [1, 2]))), y)
        }
        for axis in [1, 2] {
            try afterGroups(width) { builder, y in try builder.add(.concat(.init(axis: axis)), y, builder.relu(y), y) }
        }
        for mode in [Resize.Mode.linear, .nearest] {
            try afterGroups(width) { builder, y in try builder.add(.upsample(.init(mode: mode, scales: [1, 1, 2, 3])), y) }
        }
    }

    @Test(arguments: widths)
    func poolsAndConvolutions(_ channels: Int, _ groups: Int) throws {
        let width = (channels, groups)
        let window = Window(kernel: [3, 3], strides: [2, 2], dilations: [1, 1], padding: .explicit(begin: [1, 1], end: [1, 1]))
        try afterGroups(width) { builder, y in
            let pooled = try builder.add(.maxPool(.init(window: window, ceilMode: false, columnMajorIndices: false)), y)
            return try builder.convolution(builder.batchNorm(pooled, channels: channels), [32, channels, 1, 1])
        }
        for function in [GlobalPool.Function.average, .max] {
            try afterGroups(width) { builder, y in try builder.add(.globalPool(.init(function: function)), y) }
        }
        try afterGroups(width) { builder, y in
            try builder.add(.localResponseNorm(.init(size: 5, alpha: 0.1, beta: 0.75, bias: 2)), builder.sum(y, builder.relu(y)))
        }
    }
}
