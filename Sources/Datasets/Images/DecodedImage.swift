import Tensors

/// The pixels of a JPEG or PNG file: 8 bits a sample, the channels of a pixel side by side; one channel or three.
///
/// Orientation in Exif data is not applied, transparency is dropped, and no colour profile is: what Keras and torchvision
/// read from the same file.
struct DecodedImage {
    var shape: ImageShape
    var samples: [UInt8]

    /// Larger files hold no image of `ImageShape.pixelLimit` pixels.
    private static let fileLimit = 1 << 29

    /// - Parameter target: see `ImageSource.withImage`.
    /// - Throws: `CleaveError` naming the file when it is no JPEG or PNG file, is damaged, or measures too much.
    init(contentsOf path: String, covering target: ImageShape? = nil) throws {
        let size = try RegularFile(path).size
        guard size <= Self.fileLimit else {
            throw CleaveError(
                .malformedFile, "the file has \(size) bytes, expected an image of at most \(Self.fileLimit)", at: .init(file: path))
        }
        let storage = try TensorStorage(contentsOf: path)
        self = try locating(file: path) { try withExtendedLifetime(storage) { try DecodedImage(storage.bytes, covering: target) } }
    }

    init(shape: ImageShape, samples: [UInt8]) {
        self.shape = shape
        self.samples = samples
    }

    /// The format is told from the first bytes.
    init(_ file: UnsafeRawBufferPointer, covering target: ImageShape?) throws {
        if file.starts(with: [0xFF, 0xD8, 0xFF]) {
            var decoder = try JPEGDecoder()
            self = try decoder.decode(file, covering: target)
        } else if file.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = try PNGDecoder().decode(file)
        } else {
            guard !file.isEmpty else { throw CleaveError(.malformedFile, "the file is empty, expected a JPEG or PNG image") }
            throw CleaveError(.malformedFile, "the file is neither a JPEG nor a PNG image")
        }
    }

    /// What an image of the measures that its header gives would be.
    /// - Throws: `CleaveError` when that is nothing, or more than `ImageShape.pixelLimit`.
    static func checkedShape(channels: Int, height: Int, width: Int) throws -> ImageShape {
        let shape = ImageShape(channels: channels, height: height, width: width)
        guard shape.isReasonable else {
            throw CleaveError(
                .malformedFile, "the image measures \(width)×\(height), expected 1 to \(ImageShape.pixelLimit) pixels")
        }
        return shape
    }

    /// An array of `count` samples that `body` fills.
    static func samples(_ count: Int, _ body: (UnsafeMutableBufferPointer<UInt8>) throws -> Void) rethrows -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try body(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }
}
