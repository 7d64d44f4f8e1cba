import GraphIR
import Tensors

/// Random tensors for all inputs of `graph`.
///
/// Floating-point numbers are standard normal, booleans fair, 8-bit integers and narrower ones uniform over all their
/// values, wider integers uniform in 0…9. Every input has a stream of its own, so that the numbers depend on the seed, the
/// sample's index and the input's position only.
/// - Throws: `CleaveError` for an input that is not a tensor of numbers, or whose shape is not known.
public func randomInputs(for graph: Graph, shapes: InputShapes, seed: UInt64, index: Int) throws -> [String: Tensor] {
    var inputs: [String: Tensor] = [:]
    for (position, (name, shape)) in try shapes.resolved(for: graph).enumerated() {
        guard let type = graph[graph.inputs[position]].tensorType else {
            throw CleaveError(
                .unsupported, "the input is not a tensor, so that there are no random numbers for it", at: .init(tensor: name))
        }
        var sampleSeeds = SeededRandom(seed: seed, stream: UInt64(index))
        var generator = SeededRandom(seed: sampleSeeds.next(), stream: UInt64(position))
        inputs[name] = try locating(tensor: name) {
            try randomTensor(type.elementType, shape: shape, using: &generator)
        }
    }
    return inputs
}

/// More elements than this are a mistake in a shape, not an input.
private let elementLimit = 1 << 30

private func randomTensor(_ type: ElementType, shape: [Int], using generator: inout SeededRandom) throws -> Tensor {
    let count = try Tensor.elementCount(of: shape)
    guard count <= elementLimit else {
        throw CleaveError(
            .invalidRequest, "the shape \(shape) has \(count) elements, expected at most \(elementLimit)",
            suggestion: "try a smaller batch or image")
    }
    switch type {
    case .string, .complex64, .complex128:
        throw CleaveError(
            .unsupported, "there are no random inputs of type \(type)", suggestion: "give the inputs in a file: --inputs data.npz")
    case .bool:
        return try Tensor((0..<count).map { _ in Int64(generator.next() & 1) }, shape: shape, as: type)
    case .uint2, .int2, .uint4, .int4, .uint8, .int8:
        return try Tensor((0..<count).map { _ in Int64(generator.next() & 0xFF) }, shape: shape, as: type)
    case .uint16, .int16, .uint32, .int32, .uint64, .int64:
        return try Tensor((0..<count).map { _ in Int64(generator.next() % 10) }, shape: shape, as: type)
    case .float16, .bfloat16, .float32, .float64, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1,
        .float8e8m0:
        return try Tensor((0..<count).map { _ in generator.normal() }, shape: shape, as: type)
    }
}
