import CSpng
import Tensors

/// PNG files of every kind (W3C "Portable Network Graphics", 1 to 16 bits, grey, colour, palette, interlaced) through libspng.
/// Of 16 bits the upper 8 are taken.
struct PNGDecoder: ~Copyable {
    private let context: OpaquePointer

    /// More memory than this for a chunk that is no pixels (text, profiles) is not given.
    private static let chunkLimit = 1 << 24

    init() throws {
        guard let context = spng_ctx_new(0) else { throw CleaveError(.invalidRequest, "libspng cannot start: out of memory") }
        self.context = context
    }

    deinit { spng_ctx_free(context) }

    func decode(_ file: UnsafeRawBufferPointer) throws -> DecodedImage {
        try check(spng_set_chunk_limits(context, Self.chunkLimit, Self.chunkLimit))
        try check(spng_set_png_buffer(context, file.baseAddress, file.count))
        var header = spng_ihdr()
        try check(spng_get_ihdr(context, &header))
        let isGrey = [SPNG_COLOR_TYPE_GRAYSCALE.rawValue, SPNG_COLOR_TYPE_GRAYSCALE_ALPHA.rawValue].contains(UInt32(header.color_type))
        let shape = try DecodedImage.checkedShape(channels: 3, height: Int(header.height), width: Int(header.width))
        let samples = try DecodedImage.samples(shape.count) { out in
            try check(spng_decode_image(context, out.baseAddress, out.count, Int32(SPNG_FMT_RGB8.rawValue), 0))
        }
        guard isGrey else { return DecodedImage(shape: shape, samples: samples) }
        let grey = DecodedImage.samples(samples.count / 3) { out in
            for pixel in out.indices { out[pixel] = samples[3 * pixel] }
        }
        return DecodedImage(shape: ImageShape(channels: 1, height: shape.height, width: shape.width), samples: grey)
    }

    private func check(_ status: Int32) throws {
        guard status == 0 else {
            throw CleaveError(.malformedFile, "the PNG image cannot be decoded: \(String(cString: spng_strerror(status)))")
        }
    }
}
