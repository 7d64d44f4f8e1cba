import CKernels
import Tensors

/// What an image measures.
public struct ImageShape: Hashable, Sendable, CustomStringConvertible {
    public var channels: Int
    public var height: Int
    public var width: Int

    public init(channels: Int, height: Int, width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    init(of view: ck_image) {
        self.init(channels: Int(view.channels), height: Int(view.height), width: Int(view.width))
    }

    /// `3×32×32`: channels, height, width.
    public var description: String { "\(channels)×\(height)×\(width)" }

    var count: Int { channels * height * width }

    /// The largest image that is decoded, in pixels: beyond it, a damaged or hostile file is more likely than a photograph.
    static let pixelLimit = 1 << 27
    /// The largest number of channels.
    static let channelLimit = 64

    /// Whether every length is positive and within the limits, so that `count` cannot overflow.
    var isReasonable: Bool {
        guard (1...Self.channelLimit).contains(channels), (1...Self.pixelLimit).contains(height), (1...Self.pixelLimit).contains(width)
        else { return false }
        return height * width <= Self.pixelLimit
    }
}

/// Images by index, wherever they lie.
protocol ImageSource: Sendable {
    /// What all images measure, when that is the same.
    var shape: ImageShape? { get }
    var isFloatingPoint: Bool { get }
    /// Whether the pixels lie in memory.
    var isResident: Bool { get }
    func name(of index: Int) -> String
    /// Calls `body` with the samples of an image, which are valid during the call.
    /// - Parameter target: the size that the image will be shrunk to, which may spare the decoder some work; the image that
    ///   `body` sees is then smaller than the file's, but at least twice as large as the target.
    func withImage<Result>(_ index: Int, covering target: ImageShape?, _ body: (ck_image) throws -> Result) throws -> Result
}

extension ck_image {
    /// The samples as dense planes [channels, height, width].
    func planes<Element: TensorElement>(of type: Element.Type, _ shape: ImageShape) throws -> Tensor {
        guard let samples = samples?.assumingMemoryBound(to: type) else {
            throw CleaveError(.malformedTensor, "the image has no samples")
        }
        return try Tensor(shape: [shape.channels, shape.height, shape.width], of: type) { out in
            var index = 0
            for channel in 0..<shape.channels {
                for y in 0..<shape.height {
                    let row = samples + channel * Int(channel_stride) + y * Int(row_stride)
                    for x in 0..<shape.width {
                        out[index] = row[x * Int(column_stride)]
                        index += 1
                    }
                }
            }
        }
    }
}

/// Images in memory, at equal distances in one or several files.
struct ResidentImages: ImageSource {
    struct Part: Sendable {
        var storage: TensorStorage
        /// Bytes before the first sample, and from image to image.
        var offset: Int
        var stride: Int
        var count: Int
        var file: String
    }

    enum Layout: Sendable {
        /// Channel after channel, as CIFAR has them.
        case planes
        /// The channels of a pixel side by side.
        case pixels
    }

    private let parts: [Part]
    private let imageShape: ImageShape
    private let layout: Layout
    let isFloatingPoint: Bool

    var shape: ImageShape? { imageShape }
    var isResident: Bool { true }
    var count: Int { parts.reduce(0) { $0 + $1.count } }

    /// - Precondition: `shape.isReasonable`, and every part's storage holds its images.
    init(parts: [Part], shape: ImageShape, layout: Layout, isFloatingPoint: Bool) {
        self.parts = parts
        imageShape = shape
        self.layout = layout
        self.isFloatingPoint = isFloatingPoint
    }

    private func locate(_ index: Int) -> (part: Part, position: Int) {
        var position = index
        for part in parts.dropLast() {
            if position < part.count { return (part, position) }
            position -= part.count
        }
        return (parts[parts.count - 1], position)
    }

    func name(of index: Int) -> String {
        let (part, position) = locate(index)
        return "\(part.file): image \(position)"
    }

    func withImage<Result>(_ index: Int, covering target: ImageShape?, _ body: (ck_image) throws -> Result) throws -> Result {
        let (part, position) = locate(index)
        return try withExtendedLifetime(part.storage) {
            let address = part.storage.bytes.baseAddress.map { $0 + part.offset + position * part.stride }
            return try body(ck_image(samples: address, isFloat: isFloatingPoint, shape: imageShape, layout: layout))
        }
    }
}

extension ck_image {
    init(samples: UnsafeRawPointer?, isFloat: Bool, shape: ImageShape, layout: ResidentImages.Layout) {
        let (channels, height, width) = (Int64(shape.channels), Int64(shape.height), Int64(shape.width))
        self.init(
            samples: samples, is_float: isFloat, channels: Int32(shape.channels), height: Int32(shape.height), width: Int32(shape.width),
            channel_stride: layout == .planes ? height * width : 1, row_stride: layout == .planes ? width : width * channels,
            column_stride: layout == .planes ? 1 : channels)
    }
}
