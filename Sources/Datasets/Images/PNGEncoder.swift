import CSpng
import Foundation
import Tensors

/// Writes an RGB image of 8 bits a sample as a PNG file.
struct PNGEncoder: ~Copyable {
    private let context: OpaquePointer

    init() throws {
        guard let context = spng_ctx_new(Int32(SPNG_CTX_ENCODER.rawValue)) else {
            throw CleaveError(.invalidRequest, "libspng cannot start: out of memory")
        }
        self.context = context
    }

    deinit { spng_ctx_free(context) }

    /// - Throws: `CleaveError` when the file cannot be written.
    func write(_ image: DecodedImage, to path: String) throws {
        try check(spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1))
        var header = spng_ihdr()
        header.width = UInt32(image.shape.width)
        header.height = UInt32(image.shape.height)
        header.bit_depth = 8
        header.color_type = UInt8(SPNG_COLOR_TYPE_TRUECOLOR.rawValue)
        try check(spng_set_ihdr(context, &header))
        try image.samples.withUnsafeBytes { bytes in
            try check(
                spng_encode_image(
                    context, bytes.baseAddress, bytes.count, Int32(SPNG_FMT_PNG.rawValue), Int32(SPNG_ENCODE_FINALIZE.rawValue)))
        }
        var length = 0
        var status: Int32 = 0
        guard let file = spng_get_png_buffer(context, &length, &status) else { return try check(status) }
        defer { free(file) }
        try AtomicFile.write(UnsafeRawBufferPointer(start: file, count: length), to: path)
    }

    private func check(_ status: Int32) throws {
        guard status == 0 else {
            throw CleaveError(.invalidRequest, "the PNG image cannot be made: \(String(cString: spng_strerror(status)))")
        }
    }
}
