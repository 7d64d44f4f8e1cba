import CTurboJPEG
import Tensors

/// JPEG files (ITU-T T.81) of one, three or four components through libjpeg-turbo: grey ones as one channel, others as RGB.
struct JPEGDecoder: ~Copyable {
    private let handle: tjhandle

    init() throws {
        guard let handle = tjInitDecompress() else {
            throw CleaveError(.invalidRequest, "libjpeg-turbo cannot start: out of memory")
        }
        self.handle = handle
    }

    deinit { tjDestroy(handle) }

    mutating func decode(_ file: UnsafeRawBufferPointer, covering target: ImageShape?) throws -> DecodedImage {
        let bytes = file.bindMemory(to: UInt8.self).baseAddress
        var width: Int32 = 0, height: Int32 = 0, subsampling: Int32 = 0, colorspace: Int32 = 0
        guard tjDecompressHeader3(handle, bytes, UInt(file.count), &width, &height, &subsampling, &colorspace) == 0 else {
            throw damaged()
        }
        guard width > 0, height > 0 else {
            throw CleaveError(.malformedFile, "the JPEG image cannot be decoded: the file ends before it says what the image measures")
        }
        let isGrey = colorspace == Int32(TJCS_GRAY.rawValue)
        let isCMYK = [Int32(TJCS_CMYK.rawValue), Int32(TJCS_YCCK.rawValue)].contains(colorspace)
        var shape = try DecodedImage.checkedShape(channels: isGrey ? 1 : 3, height: Int(height), width: Int(width))
        let divisor = Self.divisor(from: shape, to: target)
        shape.height = (shape.height + divisor - 1) / divisor
        shape.width = (shape.width + divisor - 1) / divisor
        let channels = isGrey ? 1 : isCMYK ? 4 : 3
        let format = isGrey ? TJPF_GRAY : isCMYK ? TJPF_CMYK : TJPF_RGB
        let samples = try DecodedImage.samples(shape.height * shape.width * channels) { out in
            let status = tjDecompress2(
                handle, bytes, UInt(file.count), out.baseAddress, Int32(shape.width), 0, Int32(shape.height), Int32(format.rawValue),
                TJFLAG_LIMITSCANS)
            guard status == 0 || isHarmless() else { throw damaged() }
        }
        return DecodedImage(shape: shape, samples: isCMYK ? Self.rgb(fromInvertedCMYK: samples) : samples)
    }

    /// The decoder can shrink by 2, 4 or 8 for less than the price of a full image. Half of the shrinking is left to the
    /// filter, so that the result hardly differs from that of a full image.
    private static func divisor(from shape: ImageShape, to target: ImageShape?) -> Int {
        guard let target else { return 1 }
        return [8, 4, 2].first { shape.height >= 2 * $0 * target.height && shape.width >= 2 * $0 * target.width } ?? 1
    }

    /// Bytes between two segments that belong to neither are skipped, as every viewer does; the image is whole.
    private func isHarmless() -> Bool {
        tjGetErrorCode(handle) == Int32(TJERR_WARNING.rawValue) && String(cString: tjGetErrorStr2(handle)).contains("extraneous bytes")
    }

    private func damaged() -> CleaveError {
        CleaveError(.malformedFile, "the JPEG image cannot be decoded: \(String(cString: tjGetErrorStr2(handle)))")
    }

    /// Files with four components come from Adobe's programs, which store what is left of the light, not the ink.
    private static func rgb(fromInvertedCMYK samples: [UInt8]) -> [UInt8] {
        DecodedImage.samples(samples.count / 4 * 3) { out in
            for pixel in 0..<samples.count / 4 {
                let black = Int(samples[4 * pixel + 3])
                for channel in 0..<3 { out[3 * pixel + channel] = UInt8((Int(samples[4 * pixel + channel]) * black + 127) / 255) }
            }
        }
    }
}
