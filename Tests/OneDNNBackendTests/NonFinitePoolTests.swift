import Execution
import Foundation
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

/// NaN and infinities through pools, maxima and softmax, on both backends, against a definition written down here.
struct NonFinitePoolTests {
    static let backends: [any Backend] = [OneDNNBackend(threads: 2), ReferenceBackend()]
    static let poisons: [[Float]] = [
        [.nan], [.infinity], [-.infinity], [.nan, .infinity], [.infinity, -.infinity], [-.infinity, .nan],
    ]
    private static let (height, width) = (5, 7)

    /// Some rows and columns of every channel hold the poison; of the last channel all do, when it is one number.
    private func poisoned(_ channels: Int, _ poison: [Float]) throws -> Tensor {
        let plane = Self.height * Self.width
        var elements = try random([1, channels, Self.height, Self.width], seed: 3).elements(as: Float.self)
        for channel in 0..<channels {
            for (index, value) in poison.enumerated() { elements[channel * plane + (channel * 5 + index * 11) % plane] = value }
        }
        if poison.count == 1 { for index in 0..<plane { elements[(channels - 1) * plane + index] = poison[0] } }
        return try Tensor(elements, shape: [1, channels, Self.height, Self.width])
    }

    /// Runs an operator on row-major channels and on blocked ones, which a depthwise convolution with 1 makes.
    private func expect(
        _ operation: Operator, _ channels: Int, _ input: Tensor, _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for isBlocked in [false, true] {
            var builder = GraphBuilder()
            var x = try builder.input("x", input.shape)
            if isBlocked {
                let ones = try builder.constant(Tensor([Float](repeating: 1, count: channels), shape: [channels, 1, 1, 1]))
                let window = Window(kernel: [1, 1], strides: [], dilations: [], padding: .explicit(begin: [0, 0], end: [0, 0]))
                x = try builder.add(.convolution(.init(window: window, groups: channels)), x, ones)
            }
            let graph = try builder.finish(builder.add(operation, x))
            for backend in Self.backends {
                let outputs = try backend.prepare(graph, inputShapes: [:]).makeSession().run(["x": input])
                let actual = try #require(outputs.values.first).elements(as: Float.self)
                try #require(actual.count == expected.count)
                let different = actual.indices.first { index in
                    let (actual, expected) = (actual[index], expected[index])
                    return !(actual == expected || (actual.isNaN && expected.isNaN) || (actual - expected).magnitude < 1e-5)
                }
                #expect(
                    different == nil,
                    "\(backend.name) \(different.map { "\(actual[$0]) for \(expected[$0]) at \($0)" } ?? "")",
                    sourceLocation: sourceLocation)
            }
        }
    }

    private func largest(_ values: [Float]) -> Float { values.contains(where: \.isNaN) ? .nan : values.max() ?? -.infinity }

    /// The elements of every window of a channel, row by row.
    private func windows(_ plane: ArraySlice<Float>, kernel: Int, stride: Int, dilation: Int, pad: Int) -> [[Float]] {
        let extent = (kernel - 1) * dilation + 1
        let rows = (Self.height + 2 * pad - extent) / stride + 1, columns = (Self.width + 2 * pad - extent) / stride + 1
        return (0..<rows * columns).map { place in
            (0..<kernel * kernel).compactMap { tap in
                let row = place / columns * stride + tap / kernel * dilation - pad
                let column = place % columns * stride + tap % kernel * dilation - pad
                guard (0..<Self.height).contains(row), (0..<Self.width).contains(column) else { return nil }
                return plane[plane.startIndex + row * Self.width + column]
            }
        }
    }

    @Test(arguments: [3, 16, 20], poisons)
    func slidingPools(_ channels: Int, _ poison: [Float]) throws {
        let input = try poisoned(channels, poison), elements = try input.elements(as: Float.self)
        let plane = Self.height * Self.width
        for (kernel, stride, dilation, pad) in [(2, 2, 1, 0), (3, 1, 1, 1), (3, 2, 1, 1), (2, 1, 3, 1), (3, 3, 1, 0)] {
            let all = (0..<channels).flatMap { channel in
                windows(
                    elements[(channel * plane)..<((channel + 1) * plane)], kernel: kernel, stride: stride, dilation: dilation, pad: pad)
            }
            let window = Window(
                kernel: [kernel, kernel], strides: [stride, stride], dilations: [dilation, dilation],
                padding: .explicit(begin: [pad, pad], end: [pad, pad]))
            try expect(
                .maxPool(.init(window: window, ceilMode: false, columnMajorIndices: false)), channels, input, all.map(largest))
            try expect(
                .averagePool(.init(window: window, ceilMode: false, countIncludePad: true)), channels, input,
                all.map { $0.reduce(0, +) / Float(kernel * kernel) })
            try expect(
                .averagePool(.init(window: window, ceilMode: false, countIncludePad: false)), channels, input,
                all.map { $0.reduce(0, +) / Float($0.count) })
        }
    }

    @Test(arguments: [3, 16, 20], poisons)
    func globalPoolsAndReductions(_ channels: Int, _ poison: [Float]) throws {
        let input = try poisoned(channels, poison), elements = try input.elements(as: Float.self)
        let plane = Self.height * Self.width
        let planes = (0..<channels).map { Array(elements[($0 * plane)..<(($0 + 1) * plane)]) }
        let maxima = planes.map(largest), means = planes.map { $0.reduce(0, +) / Float(plane) }
        func reduction(_ function: Reduction.Function) -> Operator {
            .reduction(.init(function: function, axes: [2, 3], keepDimensions: true, keepsInputWithoutAxes: false))
        }
        try expect(.globalPool(.init(function: .max)), channels, input, maxima)
        try expect(reduction(.max), channels, input, maxima)
        try expect(reduction(.min), channels, input, planes.map { -largest($0.map { -$0 }) })
        try expect(.globalPool(.init(function: .average)), channels, input, means)
        try expect(reduction(.mean), channels, input, means)
        let columns = (0..<plane).map { place in planes.map { $0[place] } }
        let across = Reduction(function: .max, axes: [1], keepDimensions: true, keepsInputWithoutAxes: false)
        try expect(.reduction(across), channels, input, columns.map(largest))
    }

    @Test(arguments: [3, 16, 20], poisons)
    func softmax(_ channels: Int, _ poison: [Float]) throws {
        let input = try poisoned(channels, poison), elements = try input.elements(as: Float.self)
        let strides = [Self.width * Self.height, Self.width, 1]
        for (axis, length) in [(1, channels), (2, Self.height), (3, Self.width)] {
            let stride = strides[axis - 1]
            var shares = elements, logarithms = elements
            for index in elements.indices {
                let first = index / (stride * length) * (stride * length) + index % stride
                let line = (0..<length).map { Double(elements[first + $0 * stride]) }
                let peak = line.contains(where: \.isNaN) ? .nan : line.max() ?? 0
                let sum = line.reduce(0) { $0 + exp($1 - peak) }
                shares[index] = Float(exp(Double(elements[index]) - peak) / sum)
                logarithms[index] = Float(Double(elements[index]) - peak - log(sum))
            }
            try expect(.softmax(.init(function: .softmax, axis: axis, flattens: false)), channels, input, shares)
            try expect(.softmax(.init(function: .logSoftmax, axis: axis, flattens: false)), channels, input, logarithms)
        }
    }

    /// Rows of any length, with the poison anywhere in them.
    @Test(arguments: [1, 4, 10, 16, 17, 64, 1000], poisons)
    func softmaxOfRows(_ length: Int, _ poison: [Float]) throws {
        for place in Set([0, length / 2, length - 1]) {
            var builder = GraphBuilder()
            let x = try builder.input("x", [2, length])
            let graph = try builder.finish(
                builder.add(.softmax(.init(function: .softmax, axis: -1, flattens: false)), x),
                builder.add(.softmax(.init(function: .logSoftmax, axis: -1, flattens: false)), x))
            var elements = try random([2, length], seed: 5).elements(as: Float.self)
            for (index, value) in poison.enumerated() { elements[length + (place + index) % length] = value }
            try expectAgreement(graph, ["x": Tensor(elements, shape: [2, length])])
        }
    }
}
