import COnnxSchema
import CProtobufC
import Foundation
import Testing

@Suite("Unpacking and packing")
struct WireBufferTests {
    @Test("A model with unknown fields survives unpacking and packing")
    func roundTrip() throws {
        // Field 99 is in no version of the format: a number in the model, a run of bytes in the graph.
        let bytes: [UInt8] = [0x08, 8, 0x3A, 8, 0x12, 1, 65, 0x9A, 0x06, 2, 1, 2, 0x98, 0x06, 42]
        try withModel(bytes) { model in
            #expect(model.pointee.ir_version == 8)
            #expect(String(cString: model.pointee.graph.pointee.name) == "A")
            let packed = try packToFile(model)
            #expect(packed == bytes)
        }
    }

    @Test("What streams into a file is what packs into memory", arguments: [0, 1, 3, 64, 4096])
    func streams(capacity: Int) throws {
        for name in ["test_if", "test_loop11", "test_conv_with_strides_padding"] {
            try withModel(try Tools.nodeModel(name)) { model in
                var packed = [UInt8](repeating: 0, count: onnx__model_proto__get_packed_size(model))
                #expect(onnx__model_proto__pack(model, &packed) == packed.count)
                let streamed = try packToFile(model, capacity: capacity)
                #expect(streamed == packed)
            }
        }
    }

    @Test("Long and short runs keep their order")
    func order() throws {
        var expected: [UInt8] = []
        let written = try withFile { file in
            var buffer = cleave_fd_buffer()
            #expect(cleave_fd_buffer_init(&buffer, file, 256) == 0)
            defer { cleave_fd_buffer_destroy(&buffer) }
            for size in [1, 63, 64, 65, 0, 200, 63, 63, 63, 63, 63, 1000, 5] {
                let run = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ expected.count) }
                cleave_fd_buffer_append(&buffer, run, run.count)
                expected += run
            }
            #expect(buffer.total == UInt64(expected.count))
            #expect(cleave_fd_buffer_flush(&buffer) == 0)
        }
        #expect(written == expected)
    }

    @Test("The first error is kept", arguments: [10, 100_000])
    func errors(size: Int) throws {
        let full = open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        var buffer = cleave_fd_buffer()
        #expect(cleave_fd_buffer_init(&buffer, full, 1024) == 0)
        defer { cleave_fd_buffer_destroy(&buffer) }
        let bytes = [UInt8](repeating: 1, count: size)
        cleave_fd_buffer_append(&buffer, bytes, bytes.count)
        #expect(cleave_fd_buffer_flush(&buffer) == ENOSPC)
        close(full)
        cleave_fd_buffer_append(&buffer, bytes, bytes.count)
        #expect(cleave_fd_buffer_flush(&buffer) == ENOSPC)
    }

    @Test("Tensor bytes can be taken over: aligned, and alive after the message is freed")
    func takesBytes() throws {
        let contents = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        let bytes: [UInt8] = [0x4A, 0x88, 0x27] + contents
        let tensor = try #require(onnx__tensor_proto__unpack(cleave_wire_allocator(), bytes.count, bytes))
        let inside = tensor.pointee.raw_data.data
        let taken = cleave_wire_take(&tensor.pointee.raw_data)
        onnx__tensor_proto__free_unpacked(tensor, cleave_wire_allocator())
        defer { free(taken.data) }
        #expect(taken.data == inside)
        #expect(UInt(bitPattern: taken.data) % 64 == 0)
        #expect(Array(UnsafeBufferPointer(start: taken.data, count: taken.len)) == contents)
    }
}

private func withModel(_ bytes: [UInt8], _ body: (UnsafeMutablePointer<Onnx__ModelProto>) throws -> Void) throws {
    let model = try #require(onnx__model_proto__unpack(cleave_wire_allocator(), bytes.count, bytes))
    defer { onnx__model_proto__free_unpacked(model, cleave_wire_allocator()) }
    try body(model)
}

private func packToFile(_ model: UnsafeMutablePointer<Onnx__ModelProto>, capacity: Int = 0) throws -> [UInt8] {
    try withFile { file in
        var buffer = cleave_fd_buffer()
        #expect(cleave_fd_buffer_init(&buffer, file, capacity) == 0)
        defer { cleave_fd_buffer_destroy(&buffer) }
        let size = cleave_fd_buffer_pack(&buffer, &model.pointee.base)
        #expect(UInt64(size) == buffer.total)
        #expect(cleave_fd_buffer_flush(&buffer) == 0)
    }
}

/// Lets `body` write to the descriptor of a new file, and returns what is in the file afterwards.
private func withFile(_ body: (CInt) throws -> Void) throws -> [UInt8] {
    try Tools.withTemporaryFolder { folder in
        let path = folder.appending(path: "file").path
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        try body(file)
        return [UInt8](try Data(contentsOf: URL(filePath: path)))
    }
}
