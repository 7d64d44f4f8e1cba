import GraphIR
import ReferenceBackend
import Tensors
import Testing

/// The outputs of one operator; records a failure and returns nothing when it throws.
func outputs(
    of operation: Operator, _ operands: [Tensor?], count: Int = 1, opset: Int = 17, sourceLocation: SourceLocation = #_sourceLocation
) throws -> [Tensor] {
    let results = try evaluate(operation, operands: operands, outputCount: count, opset: opset).compactMap { $0 }
    try #require(results.count == count, sourceLocation: sourceLocation)
    return results
}

/// The only output of one operator.
func output(of operation: Operator, _ operands: Tensor?..., opset: Int = 17, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> Tensor
{
    try outputs(of: operation, operands, opset: opset, sourceLocation: sourceLocation)[0]
}

func floats(_ values: [Float], _ shape: [Int]) throws -> Tensor { try Tensor(values, shape: shape) }

/// 1, 2, 3 … in row-major order.
func counting(_ shape: [Int], as type: ElementType = .float32) throws -> Tensor {
    let count = try Tensor.elementCount(of: shape)
    return try Tensor((0..<count).map { Double($0 + 1) }, shape: shape, as: type)
}

/// Uniform in −1 ..< 1.
func random(_ shape: [Int], seed: UInt64) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    let count = try Tensor.elementCount(of: shape)
    return try Tensor((0..<count).map { _ in generator.uniform(-1, 1) }, shape: shape)
}

func window(
    kernel: [Int], strides: [Int] = [], dilations: [Int] = [], begin: [Int] = [], end: [Int] = []
) -> Window {
    Window(kernel: kernel, strides: strides, dilations: dilations, padding: .explicit(begin: begin, end: end))
}

/// Expects type and shape to be equal, NaN to meet NaN only, and numbers to differ by at most `tolerance`.
func expect(
    _ actual: Tensor, equals expected: Tensor, tolerance: Double = 0, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(actual.elementType == expected.elementType, sourceLocation: sourceLocation)
    try #require(actual.shape == expected.shape, sourceLocation: sourceLocation)
    let actual = try #require(actual.doubles(), sourceLocation: sourceLocation)
    let expected = try #require(expected.doubles(), sourceLocation: sourceLocation)
    let fits = zip(actual, expected).map { left, right in
        left == right || (left.isNaN && right.isNaN) || (left - right).magnitude <= tolerance
    }
    #expect(fits.allSatisfy { $0 }, "\(actual) against \(expected)", sourceLocation: sourceLocation)
}
