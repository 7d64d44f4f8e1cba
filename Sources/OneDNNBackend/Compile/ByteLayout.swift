import CKernels
import Tensors

/// How a tensor of 8-bit integers lies in a buffer, seen as [images, channels, pixels].
struct ByteLayout: Equatable, Sendable {
    enum Order: Sendable {
        /// As in a `Tensor`.
        case rowMajor
        /// [image, pixel, channel], the channels padded to a multiple of 4, and int8 stored with 128 added: what integer kernels take.
        case pixels
    }

    var order: Order
    var images: Int
    var channels: Int
    var pixels: Int
    var elementType: ElementType

    init(_ order: Order, images: Int, channels: Int, pixels: Int, _ elementType: ElementType) {
        (self.order, self.images, self.channels, self.pixels, self.elementType) = (order, images, channels, pixels, elementType)
    }

    /// The first dimension counts images, the second one channels.
    init(_ order: Order, _ shape: [Int], _ elementType: ElementType) {
        switch shape.count {
        case 0, 1: self.init(order, images: 1, channels: shape.first ?? 1, pixels: 1, elementType)
        default:
            self.init(order, images: shape[0], channels: shape[1], pixels: shape.dropFirst(2).reduce(1, *), elementType)
        }
    }

    /// The last dimension counts channels, the others images.
    init(rows shape: [Int], _ elementType: ElementType) {
        self.init(.pixels, images: shape.dropLast().reduce(1, *), channels: shape.last ?? 1, pixels: 1, elementType)
    }

    /// Bytes of a pixel.
    var pixelBytes: Int { Int(ck_pixel_bytes(Int64(channels))) }
    var count: Int { images * channels * pixels }
    /// With what kernels may read behind the last element.
    var byteCount: Int { (order == .rowMajor ? count : images * pixels * pixelBytes) + Int(CK_BYTE_SLACK) }
    /// What tells a byte of `pixels` from one of a tensor.
    var flip: UInt8 { elementType == .int8 ? 0x80 : 0 }

    var rowMajor: ByteLayout {
        var layout = self
        layout.order = .rowMajor
        return layout
    }

    /// Whether the bytes are those of the row-major tensor.
    private var isRowMajor: Bool { order == .rowMajor || (flip == 0 && pixels == 1 && channels == pixelBytes) }

    /// Whether the same bytes are both.
    func isSame(as other: ByteLayout) -> Bool { self == other || (isRowMajor && other.isRowMajor && count == other.count) }
}

extension UnsafeMutableRawPointer {
    var bytes: UnsafeMutablePointer<UInt8> { assumingMemoryBound(to: UInt8.self) }
    var integers: UnsafeMutablePointer<Int32> { assumingMemoryBound(to: Int32.self) }
}
