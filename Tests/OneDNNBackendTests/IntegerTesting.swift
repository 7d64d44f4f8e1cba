import Execution
import GraphIR
@testable import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

/// Scale, zero point and type of a quantized tensor.
struct Quantizer: Sendable {
    var scale: Float
    var zero: Int
    var type: ElementType

    static func uint8(_ scale: Float, _ zero: Int) -> Self { .init(scale: scale, zero: zero, type: .uint8) }
    static func int8(_ scale: Float, _ zero: Int) -> Self { .init(scale: scale, zero: zero, type: .int8) }
}

/// Integers from the whole range of a type, its ends more often than others.
func randomIntegers(_ shape: [Int], _ type: ElementType, in range: ClosedRange<Int>? = nil, seed: UInt64) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    let range = range ?? (type == .int8 ? -128...127 : 0...255)
    let values = (0..<shape.reduce(1, *)).map { _ -> Int64 in
        switch generator.next() % 8 {
        case 0: Int64(range.lowerBound)
        case 1: Int64(range.upperBound)
        default: Int64(range.lowerBound) + Int64(generator.next() % UInt64(range.count))
        }
    }
    return try Tensor(values, shape: shape, as: type)
}

extension GraphBuilder {
    mutating func integerInput(_ name: String, _ shape: [Int], _ type: ElementType) throws -> ValueID {
        try graph.edit { try $0.addInput(name, type: .tensor(TensorType(type, lengths: shape))) }
    }

    private mutating func parameters(_ quantizer: Quantizer) throws -> (scale: ValueID, zero: ValueID) {
        (try constant(Tensor(scalar: quantizer.scale)), try constant(Tensor([Int64(quantizer.zero)], shape: [], as: quantizer.type)))
    }

    mutating func quantize(_ value: ValueID, _ quantizer: Quantizer) throws -> ValueID {
        let (scale, zero) = try parameters(quantizer)
        return try add(.quantizeLinear(.init(axis: 1, saturate: true, blockSize: 0, outputType: nil)), value, scale, zero)
    }

    mutating func dequantize(_ value: ValueID, _ quantizer: Quantizer) throws -> ValueID {
        let (scale, zero) = try parameters(quantizer)
        return try add(.dequantizeLinear(.init(axis: 1, blockSize: 0)), value, scale, zero)
    }

    /// Quantized and dequantized.
    mutating func through(_ value: ValueID, _ quantizer: Quantizer) throws -> ValueID {
        try dequantize(quantize(value, quantizer), quantizer)
    }

    /// Dequantized constant weights with a scale per index of `axis`.
    mutating func integerWeight(
        _ shape: [Int], axis: Int = 0, type: ElementType = .int8, zero: Int = 0, seed: UInt64 = 5
    ) throws -> (value: ValueID, scales: [Float]) {
        let scales = (0..<shape[axis]).map { 0.002 + 0.0007 * Float($0 % 7) }
        let codes = try randomIntegers(shape, type, in: type == .int8 ? -127...127 : 0...255, seed: seed)
        let value = try add(
            .dequantizeLinear(.init(axis: axis, blockSize: 0)), constant(codes), constant(Tensor(vector: scales)),
            constant(Tensor([Int64](repeating: Int64(zero), count: scales.count), shape: [scales.count], as: type)))
        return (value, scales)
    }

    /// A dequantized int32 bias of the products' scales.
    mutating func integerBias(_ scales: [Float], input: Quantizer) throws -> ValueID {
        let codes = scales.indices.map { Int64(($0 * 7919) % 4001 - 2000) }
        return try add(
            .dequantizeLinear(.init(axis: 0, blockSize: 0)), constant(Tensor(codes, shape: [scales.count], as: .int32)),
            constant(Tensor(vector: scales.map { input.scale * $0 })))
    }
}

/// Expects the integers of the reference backend under the same semantics, on every kernel, and no step on a reference kernel.
/// - Parameter steps: how far they may be from what the graph says literally, which rounds after every operator; `nil` for any distance.
func expectSameIntegers(
    _ graph: Graph, _ inputs: [String: Tensor], _ semantics: IntegerSemantics = .fused, isFast: Bool = true, steps: Int64? = 1,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let shapes = inputs.mapValues(\.shape)
    let expected = try ReferenceBackend(semantics: semantics).prepare(graph, inputShapes: shapes).makeSession().run(inputs)
    if let steps {
        let literal = try ReferenceBackend().prepare(graph, inputShapes: shapes).makeSession().run(inputs)
        for (name, expected) in expected {
            guard let other = literal[name], expected.elementType != .float32 else { continue }
            let pairs = zip(try #require(expected.int64s()), try #require(other.int64s()))
            let farthest = pairs.map { abs($0 - $1) }.max() ?? 0
            #expect(farthest <= steps, "\(name) is \(farthest) steps from the graph", sourceLocation: sourceLocation)
        }
    }
    for usesVNNI in [true, false] {
        var backend = OneDNNBackend(threads: 2, semantics: semantics)
        backend.usesVNNI = usesVNNI
        let session = try backend.prepare(graph, inputShapes: shapes).makeSession()
        let measured = try #require(session as? any ProfilingSession, sourceLocation: sourceLocation)
        for _ in 0..<2 {
            let (actual, profile) = try measured.profile(inputs)
            #expect(Set(actual.keys) == Set(expected.keys), sourceLocation: sourceLocation)
            for (name, expected) in expected {
                let actual = try #require(actual[name], sourceLocation: sourceLocation)
                #expect(
                    actual.isIdentical(to: expected), "\(name), VNNI \(usesVNNI): \(difference(actual, expected))",
                    sourceLocation: sourceLocation)
            }
            let slow = profile.steps.filter(\.isFallback).map(\.operatorName)
            #expect(!isFast || slow.isEmpty, "\(slow)", sourceLocation: sourceLocation)
        }
    }
}

private func difference(_ actual: Tensor, _ expected: Tensor) -> String {
    guard actual.shape == expected.shape, let left = actual.doubles(), let right = expected.doubles() else { return "\(actual)" }
    let places = left.indices.filter { left[$0] != right[$0] }
    return "\(places.count) of \(left.count), " + (places.first.map { "at \($0): \(left[$0]), expected \(right[$0])" } ?? "")
}

/// The kernels of a plan's steps.
func kernels(_ graph: Graph, _ inputs: [String: Tensor], _ backend: OneDNNBackend = OneDNNBackend(threads: 2)) throws -> [String] {
    let session = try backend.prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession()
    return try #require(session as? any ProfilingSession).profile(inputs).profile.steps.map(\.kernel)
}
