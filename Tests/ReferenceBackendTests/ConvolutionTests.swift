import GraphIR
import Tensors
import Testing

struct ConvolutionTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var input: [Int]
        var kernel: [Int]
        var filters = 4
        var groups = 1
        var strides: [Int] = []
        var dilations: [Int] = []
        var begin: [Int] = []
        var end: [Int] = []

        var window: Window { ReferenceBackendTests.window(kernel: kernel, strides: strides, dilations: dilations, begin: begin, end: end) }
        var weight: [Int] { [filters, input[1] / groups] + kernel }
        var testDescription: String { "\(input) \(kernel) /\(groups) stride \(strides) dilation \(dilations) pads \(begin) \(end)" }
    }

    static let settings = [
        Setting(input: [2, 3, 7], kernel: [3], begin: [1], end: [1]),
        Setting(input: [1, 4, 9], kernel: [2], groups: 2, strides: [3], dilations: [2], begin: [0], end: [2]),
        Setting(input: [2, 3, 5, 6], kernel: [1, 1]),
        Setting(input: [1, 2, 6, 5], kernel: [3, 3], strides: [2, 2], begin: [0, 0], end: [1, 1]),
        Setting(input: [1, 2, 7, 7], kernel: [3, 2], dilations: [2, 3], begin: [2, 1], end: [0, 3]),
        Setting(input: [1, 4, 5, 5], kernel: [3, 3], groups: 4, begin: [1, 1], end: [1, 1]),
        Setting(input: [1, 2, 6, 6], kernel: [3, 3], begin: [-1, 1], end: [2, -2]),
        Setting(input: [1, 1, 2, 2], kernel: [3, 3], begin: [4, 4], end: [4, 4]),
        Setting(input: [1, 2, 4, 5, 3], kernel: [2, 3, 2], strides: [1, 2, 1], begin: [1, 0, 1], end: [0, 2, 1]),
    ]

    /// Σ over channels and taps straight from the definition, one output element at a time.
    private func definition(_ setting: Setting, _ x: [Double], _ w: [Double], _ bias: [Double]) throws -> Tensor {
        let rank = setting.kernel.count
        let window = try setting.window.resolved(kernel: setting.kernel)
        let spatial = Array(setting.input[2...])
        let shape = [setting.input[0], setting.filters] + (0..<rank).map { window.outputLength($0, length: spatial[$0], ceilMode: false) }
        func positions(_ shape: [Int]) -> [[Int]] {
            shape.reduce([[]]) { lists, length in lists.flatMap { list in (0..<length).map { list + [$0] } } }
        }
        func index(_ position: [Int], _ shape: [Int]) -> Int { zip(position, shape).reduce(0) { $0 * $1.1 + $1.0 } }
        let channels = setting.input[1] / setting.groups
        let values = positions(shape).map { position -> Double in
            let group = position[1] / (setting.filters / setting.groups)
            var sum = bias[position[1]]
            for channel in 0..<channels {
                for tap in positions(setting.kernel) {
                    let place = (0..<rank).map {
                        position[$0 + 2] * window.strides[$0] - window.pads($0, length: spatial[$0]).begin + tap[$0] * window.dilations[$0]
                    }
                    guard zip(place, spatial).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
                    sum +=
                        x[index([position[0], group * channels + channel] + place, setting.input)]
                        * w[index([position[1], channel] + tap, setting.weight)]
                }
            }
            return sum
        }
        return try Tensor(values, shape: shape)
    }

    @Test(arguments: settings)
    func agreesWithTheDefinition(_ setting: Setting) throws {
        let x = try random(setting.input, seed: 1), w = try random(setting.weight, seed: 2), bias = try random([setting.filters], seed: 3)
        let actual = try output(of: .convolution(Convolution(window: setting.window, groups: setting.groups)), x, w, bias)
        let expected = try definition(setting, x.elements(as: Double.self), w.elements(as: Double.self), bias.elements(as: Double.self))
        try expect(actual, equals: expected, tolerance: 1e-12)
    }

    /// ⟨conv(x), y⟩ = ⟨x, convTranspose(y)⟩ for every x and y is what transposed means.
    @Test(arguments: settings)
    func transposeIsTheAdjoint(_ setting: Setting) throws {
        let x = try random(setting.input, seed: 1), w = try random(setting.weight, seed: 2)
        let forward = try output(of: .convolution(Convolution(window: setting.window, groups: setting.groups)), x, w)
        let y = try random(forward.shape, seed: 4)
        let window = try setting.window.resolved(kernel: setting.kernel)
        let outputPadding = (0..<setting.kernel.count).map { axis in
            let pads = window.pads(axis, length: 0)
            let natural = (forward.shape[axis + 2] - 1) * window.strides[axis] + window.extent(axis) - pads.begin - pads.end
            return setting.input[axis + 2] - natural
        }
        let transpose = ConvolutionTranspose(
            window: setting.window, groups: setting.groups, outputPadding: outputPadding, outputShape: nil)
        let backward = try output(of: .convolutionTranspose(transpose), y, w)
        try #require(backward.shape == x.shape)
        func dot(_ left: Tensor, _ right: Tensor) throws -> Double {
            try zip(left.elements(as: Double.self), right.elements(as: Double.self)).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let left = try dot(forward, y), right = try dot(x, backward)
        #expect((left - right).magnitude < 1e-12 * max(1, left.magnitude), "\(left) against \(right)")
        #expect(left != 0)
    }

    @Test func samePaddingPutsTheOddElementWhereItsNameSays() throws {
        let x = try floats([1, 2, 3, 4], [1, 1, 4]), w = try floats([1, 10, 100, 1000], [1, 1, 4])
        func run(_ padding: Window.Padding) throws -> Tensor {
            try output(
                of: .convolution(Convolution(window: Window(kernel: [], strides: [], dilations: [], padding: padding), groups: 1)), x, w)
        }
        try expect(run(.sameUpper), equals: floats([3210, 4321, 432, 43], [1, 1, 4]))
        try expect(run(.sameLower), equals: floats([2100, 3210, 4321, 432], [1, 1, 4]))
        try expect(run(.valid), equals: floats([4321], [1, 1, 1]))
    }

    @Test func transposeDerivesItsPaddingFromTheOutputShape() throws {
        let y = try floats([1, 1], [1, 1, 2]), w = try floats([1, 10, 100], [1, 1, 3])
        func run(_ padding: Window.Padding, outputShape: [Int]?) throws -> Tensor {
            let window = Window(kernel: [3], strides: [2], dilations: [], padding: padding)
            return try output(
                of: .convolutionTranspose(ConvolutionTranspose(window: window, groups: 1, outputPadding: [], outputShape: outputShape)), y,
                w)
        }
        let none = Window.Padding.explicit(begin: [], end: [])
        try expect(run(none, outputShape: nil), equals: floats([1, 10, 101, 10, 100], [1, 1, 5]))
        try expect(run(none, outputShape: [4]), equals: floats([10, 101, 10, 100], [1, 1, 4]))
        try expect(run(.sameUpper, outputShape: nil), equals: floats([1, 10, 101, 10], [1, 1, 4]))
        try expect(run(.sameLower, outputShape: nil), equals: floats([10, 101, 10, 100], [1, 1, 4]))
        try expect(run(none, outputShape: [7]), equals: floats([1, 10, 101, 10, 100, 0, 0], [1, 1, 7]))
    }

    @Test func infinityTimesZeroStaysNaN() throws {
        let result = try output(
            of: .convolution(Convolution(window: window(kernel: [1]), groups: 1)), floats([.infinity, 1], [1, 1, 2]),
            floats([0], [1, 1, 1]))
        try expect(result, equals: floats([.nan, 0], [1, 1, 2]))
    }

    @Test func integersArePaddedWithTheirZeroPoint() throws {
        let x = try Tensor([UInt8](2...10), shape: [1, 1, 3, 3]), w = try Tensor([UInt8](repeating: 1, count: 4), shape: [1, 1, 2, 2])
        let operation = ConvInteger(window: window(kernel: [2, 2], begin: [1, 1], end: [1, 1]), groups: 1)
        let result = try output(of: .convInteger(operation), x, w, Tensor(scalar: UInt8(1)))
        try expect(result, equals: Tensor([Int32]([1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9]), shape: [1, 1, 4, 4]))
    }

    @Test func quantizedConvolutionHasAScalePerFilter() throws {
        let operation = QLinearConv(window: window(kernel: [1]), groups: 1)
        let result = try output(
            of: .qLinearConv(operation), Tensor([UInt8]([10, 12, 255]), shape: [1, 1, 3]), Tensor(scalar: Float(0.5)),
            Tensor(scalar: UInt8(10)),
            Tensor([Int8]([3, -3]), shape: [2, 1, 1]), Tensor(vector: [Float(1), 0.5]), Tensor(scalar: Int8(0)), Tensor(scalar: Float(2)),
            Tensor(scalar: UInt8(100)), Tensor(vector: [Int32(10), 0]))
        // (3·0 + 10)·0.25 = 2.5 → 2; (3·2 + 10)·0.25 = 4; (735 + 10)·0.25 = 186.25, saturated;
        // −6·0.125 = −0.75; −735·0.125 = −91.875.
        try expect(result, equals: Tensor([UInt8]([102, 104, 255, 100, 99, 8]), shape: [1, 2, 3]))
    }

    @Test(arguments: [
        ([1, 3, 4, 4], [2, 2, 3, 3], 1), ([1, 4, 4, 4], [3, 2, 3, 3], 2), ([1, 2, 4], [2, 2, 3, 3], 1), ([1, 2, 4, 4], [2, 2, 3, 3], 0),
        ([2, 2], [2, 2], 1),
    ])
    func refusesWhatDoesNotFit(_ input: [Int], _ weight: [Int], _ groups: Int) throws {
        let operation = Convolution(window: window(kernel: []), groups: groups)
        #expect(throws: CleaveError.self) { try output(of: .convolution(operation), counting(input), counting(weight)) }
    }

    @Test func refusesPaddingThatNoMemoryHolds() throws {
        let pads = [1 << 20, 1 << 20]
        let operation = Convolution(window: window(kernel: [], begin: pads, end: pads), groups: 1)
        let error = #expect(throws: CleaveError.self) {
            try output(of: .convolution(operation), counting([1, 1, 2, 2]), counting([1, 1, 1, 1]))
        }
        #expect(error?.kind == .malformedTensor)
    }
}
