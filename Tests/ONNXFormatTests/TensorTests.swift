import COnnxSchema
import CProtobufC
import Foundation
import Tensors
import Testing

@testable import ONNXFormat

@Suite("Tensors in messages")
struct TensorTests {
    /// A message of the given type and shape, filled by `fill`, as a tensor.
    private func read(
        _ type: ElementType, _ dims: [Int64], _ fill: (UnsafeMutablePointer<Onnx__TensorProto>, MessageArena) -> Void
    ) throws -> Tensor {
        let arena = MessageArena()
        let message = arena.make(Onnx__TensorProto.self)
        message.pointee.has_data_type = 1
        message.pointee.data_type = Int32(type.rawValue)
        message.pointee.n_dims = dims.count
        message.pointee.dims = arena.array(dims)
        fill(message, arena)
        return try ONNXTensor(bytes: withExtendedLifetime(arena) { packed(message) }).tensor
    }

    private func read32(_ type: ElementType, _ dims: [Int64], _ entries: [Int32]) throws -> Tensor {
        try read(type, dims) { message, arena in
            message.pointee.n_int32_data = entries.count
            message.pointee.int32_data = arena.array(entries)
        }
    }

    @Test("32-bit entries hold every narrow type")
    func narrowTypes() throws {
        #expect(try read32(.int32, [2], [-5, 7]) == Tensor(vector: [Int32(-5), 7]))
        #expect(try read32(.int16, [2], [-5, 7]) == Tensor(vector: [Int16(-5), 7]))
        #expect(try read32(.int8, [2], [-5, 7]) == Tensor(vector: [Int8(-5), 7]))
        #expect(try read32(.uint16, [2], [65535, 7]) == Tensor(vector: [UInt16(65535), 7]))
        #expect(try read32(.uint8, [2], [255, 7]) == Tensor(vector: [UInt8(255), 7]))
        #expect(try read32(.bool, [3], [1, 0, 2]) == Tensor(vector: [true, false, true]))
        #expect(try read32(.float16, [2], [0x3C00, 0xC000]) == Tensor(vector: [Float16(1), -2]))
        #expect(try read32(.bfloat16, [2], [0x3F80, 0xC000]).doubles() == [1, -2])
        #expect(try read32(.float8e4m3fn, [2], [0x38, 0xC0]).doubles() == [1, -2])
        #expect(try read32(.float8e5m2, [2], [0x3C, 0xC0]).doubles() == [1, -2])
        #expect(try read32(.float8e4m3fnuz, [1], [0x40]).doubles() == [1])
        #expect(try read32(.float8e5m2fnuz, [1], [0x40]).doubles() == [1])
        #expect(try read32(.float8e8m0, [1], [128]).doubles() == [2])
    }

    @Test("Elements narrower than a byte share entries")
    func packedTypes() throws {
        #expect(try read32(.uint4, [3], [0x21, 0x0F]).int64s() == [1, 2, 15])
        #expect(try read32(.int4, [3], [0xF1, 0x08]).int64s() == [1, -1, -8])
        #expect(try read32(.uint2, [5], [0b11_10_01_00, 0b10]).int64s() == [0, 1, 2, 3, 2])
        #expect(try read32(.int2, [4], [0b11_10_01_00]).int64s() == [0, 1, -2, -1])
        #expect(try read32(.float4e2m1, [2], [0xA2]).doubles() == [1, -1])
    }

    @Test("Wide types have lists of their own")
    func wideTypes() throws {
        let float = try read(.float32, [2]) { message, arena in
            message.pointee.n_float_data = 2
            message.pointee.float_data = arena.array([1.5, -2] as [Float])
        }
        #expect(float == Tensor(vector: [Float(1.5), -2]))
        let double = try read(.float64, [1]) { message, arena in
            message.pointee.n_double_data = 1
            message.pointee.double_data = arena.array([0.1])
        }
        #expect(double == Tensor(vector: [0.1]))
        let int64 = try read(.int64, [1]) { message, arena in
            message.pointee.n_int64_data = 1
            message.pointee.int64_data = arena.array([Int64.min])
        }
        #expect(int64 == Tensor(vector: [Int64.min]))
        let uint64 = try read(.uint64, [1]) { message, arena in
            message.pointee.n_uint64_data = 1
            message.pointee.uint64_data = arena.array([UInt64.max])
        }
        #expect(uint64 == Tensor(vector: [UInt64.max]))
        let uint32 = try read(.uint32, [1]) { message, arena in
            message.pointee.n_uint64_data = 1
            message.pointee.uint64_data = arena.array([UInt64(UInt32.max)])
        }
        #expect(uint32 == Tensor(vector: [UInt32.max]))
        let complex = try read(.complex64, [1]) { message, arena in
            message.pointee.n_float_data = 2
            message.pointee.float_data = arena.array([1, 2] as [Float])
        }
        #expect(complex.count == 1)
        #expect(complex.withUnsafeBytes { $0.load(fromByteOffset: 4, as: Float.self) } == 2)
        let complexDouble = try read(.complex128, [1]) { message, arena in
            message.pointee.n_double_data = 2
            message.pointee.double_data = arena.array([1.0, 2])
        }
        #expect(complexDouble.withUnsafeBytes { $0.load(fromByteOffset: 8, as: Double.self) } == 2)
        let strings = try read(.string, [2]) { message, arena in
            message.pointee.n_string_data = 2
            message.pointee.string_data = arena.array([arena.data([0, 255]), arena.data([])])
        }
        #expect(strings.strings == [[0, 255], []])
    }

    @Test("Every type survives in raw form", arguments: ElementType.allCases)
    func raw(type: ElementType) throws {
        let tensor: Tensor
        if type == .string {
            tensor = try Tensor(shape: [3], strings: [Array("a".utf8), [], [0xFF]])
        } else {
            let count = try #require(type.byteCount(elements: 6))
            let bytes = (0..<count).map { type == .bool ? UInt8($0 % 2) : UInt8($0 * 37 % 256) }
            tensor = try Tensor(shape: [2, 3], elementType: type, storage: bytes.withUnsafeBytes { TensorStorage(copying: $0) })
        }
        let named = ONNXTensor(name: "t", tensor: tensor)
        #expect(try ONNXTensor(bytes: named.bytes()) == named)
    }

    @Test("Scalars and empty tensors need no data beyond their elements")
    func degenerate() throws {
        #expect(try read(.float32, [0, 3]) { _, _ in }.shape == [0, 3])
        let scalar = ONNXTensor(name: "", tensor: Tensor(scalar: Float(2)))
        #expect(try ONNXTensor(bytes: scalar.bytes()) == scalar)
    }

    private func problem(
        _ type: ElementType, _ dims: [Int64], _ fill: (UnsafeMutablePointer<Onnx__TensorProto>, MessageArena) -> Void
    ) -> String? {
        do {
            _ = try read(type, dims, fill)
            return nil
        } catch { return (error as? CleaveError)?.problem }
    }

    @Test("Shape, type and data must fit each other")
    func faults() {
        func raw(_ count: Int) -> (UnsafeMutablePointer<Onnx__TensorProto>, MessageArena) -> Void {
            { message, arena in
                message.pointee.has_raw_data = 1
                message.pointee.raw_data = arena.data([UInt8](repeating: 0, count: count))
            }
        }
        #expect(problem(.float32, [2, 3], raw(23)) == "shape [2, 3] of float32 needs 24 bytes, but raw_data has 23")
        #expect(problem(.float32, [2, 3], { _, _ in }) == "shape [2, 3] of float32 needs 24 bytes, but there is no data")
        #expect(problem(.float32, [-1], raw(4)) == "shape [-1] has a negative dimension")
        #expect(problem(.float32, [1 << 40, 1 << 40], raw(4))?.contains("more elements than memory can address") == true)
        #expect(problem(.float32, [1 << 61], raw(4)) == "shape [2305843009213693952] of float32 needs more bytes than memory can address")
        #expect(problem(.float32, [1 << 40], raw(4))?.contains("raw_data has 4") == true)
        #expect(problem(.string, [1 << 40], { _, _ in })?.contains("strings are there") == true)
        #expect(
            problem(.int64, [1]) { message, arena in
                message.pointee.n_float_data = 1
                message.pointee.float_data = arena.array([1])
            } == "the elements are in float_data, expected int64_data for int64")
        #expect(
            problem(.float32, [3]) { message, arena in
                message.pointee.n_float_data = 2
                message.pointee.float_data = arena.array([1, 2])
            } == "shape [3] of float32 needs 3 entries in float_data, but 2 are there")
        #expect(
            problem(.float32, [1]) { message, arena in
                raw(4)(message, arena)
                message.pointee.n_float_data = 1
                message.pointee.float_data = arena.array([1])
            } == "the data is given twice, as raw_data and as float_data")
        #expect(problem(.float32, [1]) { message, arena in
            raw(4)(message, arena)
            message.pointee.data_type = 0
        } == "the element type has number 0, expected 1 to 26")
    }

    @Test("The ONNX project's test data reads, and its tensors survive")
    func testData() throws {
        let folder = Models.backendData.appending(path: "node")
        let cases = [
            "test_relu", "test_cast_FLOAT_to_BFLOAT16", "test_strnormalizer_nostopwords_nochangecase", "test_and2d",
            "test_range_int32_type_negative_delta",
        ]
        for name in cases {
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "\(name)/test_data_set_0").path)
            for file in files.sorted() {
                let tensor = try ONNXTensor(path: folder.appending(path: "\(name)/test_data_set_0/\(file)").path)
                #expect(try ONNXTensor(bytes: tensor.bytes()) == tensor)
            }
        }
        let sequence = folder.appending(path: "test_identity_sequence/test_data_set_0/input_0.pb").path
        let error = #expect(throws: CleaveError.self) { _ = try ONNXTensor(path: sequence) }
        #expect(error?.location.file == sequence)
    }
}
