import GraphIR
import ReferenceBackend
import Tensors
import Testing

/// Operators that only move elements do with every element type what they do with the numbers 0, 1, 2 …
@Suite struct DataMovementTests {
    /// An operator on a [2, 3, 4] tensor in the operand positions that hold `nil`.
    struct Movement: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var operation: Operator
        var operands: [Tensor?]
        var outputCount = 1
    }

    static func axis(_ values: Int64...) -> Tensor { Tensor(vector: values) }

    static let movements: [Movement] = [
        Movement(testDescription: "Identity", operation: .identity(Identity()), operands: [nil]),
        Movement(testDescription: "Transpose", operation: .transpose(Transpose(permutation: [2, 0, 1])), operands: [nil]),
        Movement(testDescription: "Reshape", operation: .reshape(Reshape(shape: nil, allowZero: false)), operands: [nil, axis(0, -1)]),
        Movement(testDescription: "Flatten", operation: .flatten(Flatten(axis: 2)), operands: [nil]),
        Movement(testDescription: "Unsqueeze", operation: .unsqueeze(Unsqueeze(axes: [1])), operands: [nil]),
        Movement(testDescription: "Expand", operation: .expand(Expand()), operands: [nil, axis(2, 1, 1, 4)]),
        Movement(testDescription: "Tile", operation: .tile(Tile()), operands: [nil, axis(2, 1, 3)]),
        Movement(testDescription: "Concat", operation: .concat(Concat(axis: 1)), operands: [nil, nil, nil]),
        Movement(
            testDescription: "Split", operation: .split(Split(axis: 2, sizes: [1, 0, 3], outputCount: nil)), operands: [nil],
            outputCount: 3),
        Movement(
            testDescription: "Slice", operation: .slice(StridedSlice(bounds: nil)),
            operands: [nil, axis(2, -1), axis(-9, 0), axis(1, 2), axis(-2, -1)]),
        Movement(
            testDescription: "Pad (edge)", operation: .pad(Pad(mode: .edge, pads: [0, 1, -2, 1, 2, 3], value: 0)), operands: [nil]),
        Movement(
            testDescription: "Pad (wrap)", operation: .pad(Pad(mode: .wrap, pads: [0, 5, 0, 1, 2, 3], value: 0)), operands: [nil]),
        Movement(
            testDescription: "Pad (reflect)", operation: .pad(Pad(mode: .reflect, pads: [1, 2, 0, 1, 0, 7], value: 0)),
            operands: [nil]),
        Movement(testDescription: "Gather", operation: .gather(Gather(axis: 1)), operands: [nil, axis(2, -3, 2)]),
        Movement(testDescription: "GatherND", operation: .gatherND(GatherND(batchDimensions: 0)), operands: [nil, axis(1, -1)]),
        Movement(testDescription: "Compress", operation: .compress(Compress(axis: 2)), operands: [nil, axis(0, 1, 0, 1)]),
        Movement(
            testDescription: "ReverseSequence", operation: .reverseSequence(ReverseSequence(batchAxis: 0, timeAxis: 1)),
            operands: [nil, axis(3, 2)]),
    ]

    /// 24 elements of every type, different from their neighbours.
    static func elements(of type: ElementType) throws -> Tensor {
        let shape = [2, 3, 4]
        if type == .string { return try Tensor(shape: shape, strings: (0..<24).map { Array("text \($0)".utf8) }) }
        let byteCount = try #require(type.byteCount(elements: 24))
        let storage = TensorStorage(byteCount: byteCount) { bytes in
            for index in 0..<byteCount { bytes[index] = type == .bool ? UInt8(index % 3 == 0 ? 1 : 0) : UInt8(index * 89 % 251) }
        }
        return try Tensor(shape: shape, elementType: type, storage: storage)
    }

    /// The bits of every element.
    static func bits(of tensor: Tensor) -> [[UInt8]] {
        if let strings = tensor.strings { return strings }
        let width = tensor.elementType.bitWidth
        if width <= 8 { return tensor.codes().map { [$0] } }
        return tensor.withUnsafeBytes { bytes in
            (0..<tensor.count).map { Array(bytes[($0 * width / 8)..<(($0 + 1) * width / 8)]) }
        }
    }

    @Test(arguments: movements, ElementType.allCases)
    func movesEveryType(movement: Movement, type: ElementType) throws {
        let numbers = try Tensor((0..<24).map { Int64($0) }, shape: [2, 3, 4])
        let input = try Self.elements(of: type)
        func run(_ tensor: Tensor) throws -> [Tensor] {
            try outputs(of: movement.operation, movement.operands.map { $0 ?? tensor }, count: movement.outputCount, opset: 18)
        }
        let origin = Self.bits(of: input)
        for (moved, sources) in zip(try run(input), try run(numbers)) {
            #expect(moved.elementType == type)
            #expect(moved.shape == sources.shape)
            #expect(try Self.bits(of: moved) == sources.elements(as: Int64.self).map { origin[Int($0)] })
        }
    }

    @Test(arguments: ElementType.allCases)
    func fillsAndReplacesEveryType(type: ElementType) throws {
        let input = try Self.elements(of: type)
        let origin = Self.bits(of: input)
        let one = try output(of: .gatherND(GatherND(batchDimensions: 0)), input, Self.axis(0, 1, 2))
        let onesBits = Self.bits(of: one)[0]

        // Pads around [2, 3, 4] in the last dimension only.
        let padded = try output(of: .pad(Pad(mode: .constant, pads: nil, value: 0)), input, Self.axis(0, 0, 1, 0, 0, -1), one)
        let expected = (0..<24).map { $0 % 4 == 0 ? onesBits : origin[$0 - 1] }
        #expect(Self.bits(of: padded) == expected)
        let zeros = try output(of: .pad(Pad(mode: .constant, pads: nil, value: 0)), input, Self.axis(0, 0, 4, 0, 0, -4))
        #expect(zeros.strings?.allSatisfy(\.isEmpty) ?? zeros.withUnsafeBytes { $0.allSatisfy { $0 == 0 } })

        // The first two rows of the first matrix go to (1, 0) and (0, 1).
        let rows = try output(of: .slice(StridedSlice(bounds: .init(starts: [0, 0], ends: [1, 2], axes: [0, 1]))), input)
        let places = try Tensor([1, 0, 0, 1] as [Int64], shape: [2, 2])
        let scattered = try output(of: .scatterND(ScatterND(reduction: .none)), input, places, rows.reshaped([2, 4]))
        #expect(Self.bits(of: scattered) == Array(origin[..<12]) + Array(origin[..<4]) + Array(origin[16...]))

        let triangle = try output(of: .trilu(Trilu(upper: true)), input, Tensor(scalar: Int64(1)))
        for (offset, bits) in Self.bits(of: triangle).enumerated() {
            let isKept = offset % 4 - offset / 4 % 3 >= 1
            #expect(isKept ? bits == origin[offset] : bits.allSatisfy { $0 == 0 })
        }
        let repeated = try output(of: .constantOfShape(ConstantOfShape(value: try one.reshaped([1]))), Self.axis(2, 3))
        #expect(repeated.shape == [2, 3])
        #expect(Self.bits(of: repeated) == [[UInt8]](repeating: onesBits, count: 6))
    }

    @Test func padsEveryModeByHand() throws {
        let row = Tensor(vector: [1, 2, 3] as [Float])
        func padded(_ mode: Pad.Mode, _ begin: Int, _ end: Int) throws -> [Float] {
            try output(of: .pad(Pad(mode: mode, pads: [begin, end], value: 9)), row, opset: 18).elements()
        }
        #expect(try padded(.constant, 2, 1) == [9, 9, 1, 2, 3, 9])
        #expect(try padded(.constant, -1, 2) == [2, 3, 9, 9])
        #expect(try padded(.constant, -4, 3) == [9, 9])
        #expect(try padded(.edge, 2, 1) == [1, 1, 1, 2, 3, 3])
        #expect(try padded(.reflect, 2, 2) == [3, 2, 1, 2, 3, 2, 1])
        #expect(try padded(.reflect, 5, 0) == [2, 1, 2, 3, 2, 1, 2, 3])
        #expect(try padded(.reflect, -1, 2) == [2, 3, 2, 3])
        #expect(try padded(.wrap, 4, 1) == [3, 1, 2, 3, 1, 2, 3, 1])
        #expect(try padded(.wrap, -1, 3) == [2, 3, 2, 3, 2])
        #expect(try padded(.wrap, -2, -1) == [])
    }

    @Test func slicesAsNumPy() throws {
        let row = Tensor(vector: (0..<10).map { Int64($0) })
        func sliced(_ start: Int64, _ end: Int64, _ step: Int64) throws -> [Int64] {
            try output(
                of: .slice(StridedSlice(bounds: nil)), row, Self.axis(start), Self.axis(end), Self.axis(0), Self.axis(step)).elements()
        }
        #expect(try sliced(2, 8, 3) == [2, 5])
        #expect(try sliced(-3, .max, 1) == [7, 8, 9])
        #expect(try sliced(.min, .max, 4) == [0, 4, 8])
        #expect(try sliced(.max, .min, -1) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0])
        #expect(try sliced(-2, 3, -2) == [8, 6, 4])
        #expect(try sliced(0, .min, .min) == [0])
        #expect(try sliced(9, 0, .min) == [9])
        #expect(try sliced(5, 5, 1) == [])
        #expect(try sliced(3, 7, -1) == [])
    }

    @Test func splitsUnevenlyOnlyWhenCounted() throws {
        let row = Tensor(vector: (0..<7).map { Float($0) })
        let parts = try outputs(of: .split(Split(axis: 0, sizes: nil, outputCount: 3)), [row], count: 3, opset: 18)
        #expect(parts.map(\.shape) == [[3], [3], [1]])
        #expect(try parts[1].elements(as: Float.self) == [3, 4, 5])
        #expect(throws: CleaveError.self) { try outputs(of: .split(Split(axis: 0, sizes: nil, outputCount: nil)), [row], count: 3) }
        #expect(throws: CleaveError.self) {
            try outputs(of: .split(Split(axis: 0, sizes: nil, outputCount: 5)), [row], count: 5, opset: 18)
        }
    }
}
