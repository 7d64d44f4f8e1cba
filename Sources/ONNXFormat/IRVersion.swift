import GraphIR
import Tensors

/// The versions of ONNX's IR, and what needs which (onnx.proto, `Version`; docs/Versioning.md).
enum IRVersion {
    /// The newest that `schemas/onnx.proto` describes.
    static let newest = 14

    /// The lowest version that can hold the graph.
    /// - Parameters:
    ///   - opsetIsNew: whether the opset is not the one that the file came with.
    ///   - listsAllInitializers: whether every initializer is among the graph's inputs, as versions up to 3 demand.
    static func needed(by graph: Graph, opsetIsNew: Bool, listsAllInitializers: Bool) -> Int {
        var version = graph.encoding == nil || opsetIsNew ? released(withOpset: graph.opset) : 1
        if !listsAllInitializers { version = max(version, 4) }
        for value in graph.values {
            if let type = value.constant?.elementType ?? value.tensorType?.elementType { version = max(version, first(with: type)) }
        }
        return version
    }

    /// The version that ONNX's releases paired an opset with, but no older than 8, which all of today's tools read.
    static func released(withOpset opset: Int) -> Int {
        switch opset {
        case ...18: 8
        case ...20: 9
        case ...22: 10
        default: 11
        }
    }

    private static func first(with type: ElementType) -> Int {
        switch type {
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz: 9
        case .uint4, .int4: 10
        case .float4e2m1: 11
        case .float8e8m0: 12
        case .uint2, .int2: 13
        case .float32, .uint8, .int8, .uint16, .int16, .int32, .int64, .string, .bool, .float16, .float64, .uint32, .uint64,
            .complex64, .complex128, .bfloat16:
            1
        }
    }
}
