import CKernels
import Foundation
import Synchronization
import Tensors

/// The images of a split in the size that a network takes.
///
/// An image of another size is resampled so that it covers the network's input, and its centre is taken: the part with the
/// proportions of the input that is as large as possible. One channel is repeated for three, three become their luminance.
/// What took work is kept, as far as `cacheByteLimit` goes.
final class FittedImages: Sendable {
    let split: DatasetSplit
    let shape: ImageShape
    private let cache: ImageCache?

    /// - Parameter cacheByteLimit: how much memory decoded images may take.
    /// - Throws: `CleaveError` when images of this split cannot be brought to `shape`.
    init(_ split: DatasetSplit, shape: ImageShape, cacheByteLimit: Int) throws {
        guard shape.isReasonable else {
            throw CleaveError(.shapeMismatch, "the input measures \(shape), expected at most \(ImageShape.pixelLimit) pixels")
        }
        if let own = split.shape, own != shape {
            guard !split.isFloatingPoint else {
                throw CleaveError(
                    .shapeMismatch, "the images measure \(own), the model takes \(shape), and only images of 8 bits are resized")
            }
            guard Self.converts(own.channels, to: shape.channels) else { throw Self.channelMismatch(own.channels, shape.channels) }
        }
        self.split = split
        self.shape = shape
        cache = split.images.isResident && split.shape == shape
            ? nil : ImageCache(count: split.count, imageBytes: shape.count, byteLimit: cacheByteLimit)
    }

    private static func converts(_ channels: Int, to target: Int) -> Bool {
        channels == target || (channels == 1 && target == 3) || (channels == 3 && target == 1)
    }

    private static func channelMismatch(_ channels: Int, _ target: Int) -> CleaveError {
        CleaveError(.shapeMismatch, "the images have \(channels) channels, but the model takes \(target)")
    }

    /// Calls `body` with an image that measures `shape`.
    /// - Throws: `CleaveError` naming the file when it cannot be read.
    func withImage<Result>(_ index: Int, _ body: (ck_image) throws -> Result) throws -> Result {
        if split.images.isResident, split.shape == shape {
            return try split.images.withImage(index, covering: nil, body)
        }
        guard let cache, let planes = try cache.planes(index, fill: { try fit(index, into: $0) }) else {
            let planes = try DecodedImage.samples(shape.count) { try fit(index, into: UnsafeMutableRawBufferPointer($0)) }
            return try planes.withUnsafeBytes { try body(view($0)) }
        }
        return try withExtendedLifetime(cache) { try body(view(planes)) }
    }

    private func view(_ planes: UnsafeRawBufferPointer) -> ck_image {
        ck_image(samples: planes.baseAddress, isFloat: false, shape: shape, layout: .planes)
    }

    private func fit(_ index: Int, into planes: UnsafeMutableRawBufferPointer) throws {
        try split.images.withImage(index, covering: shape) { image in
            var image = image
            guard Self.converts(Int(image.channels), to: shape.channels) else {
                throw Self.channelMismatch(Int(image.channels), shape.channels).at(file: split.nameOfImage(index))
            }
            guard let address = planes.bindMemory(to: UInt8.self).baseAddress,
                ck_fit(&image, address, Int32(shape.channels), Int32(shape.height), Int32(shape.width))
            else { throw CleaveError(.invalidRequest, "there is no memory to resize the image", at: .init(file: split.nameOfImage(index))) }
        }
    }
}

/// Fitted images in memory, the first ones of a split as far as the limit goes. The system provides the memory when an image
/// is written, not before.
private final class ImageCache: Sendable {
    private enum State: UInt8 {
        case empty, beingWritten, ready
    }

    nonisolated(unsafe) private let memory: UnsafeMutableRawPointer
    private let mappedBytes: Int
    private let imageBytes: Int
    private let states: Mutex<[State]>

    /// `nil` when not even one image may be kept.
    init?(count: Int, imageBytes: Int, byteLimit: Int) {
        let kept = min(count, byteLimit / imageBytes)
        guard kept > 0,
            let memory = mmap(nil, kept * imageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            memory != MAP_FAILED
        else { return nil }
        self.memory = memory
        self.imageBytes = imageBytes
        mappedBytes = kept * imageBytes
        states = Mutex([State](repeating: .empty, count: kept))
    }

    deinit { munmap(memory, mappedBytes) }

    /// The planes of an image, written by `fill` when they are asked for first; `nil` when the image is not kept, or another
    /// thread is writing it at this moment.
    func planes(_ index: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws -> UnsafeRawBufferPointer? {
        let state = states.withLock { states -> State? in
            guard index < states.count else { return nil }
            defer { if states[index] == .empty { states[index] = .beingWritten } }
            return states[index]
        }
        let slot = UnsafeMutableRawBufferPointer(start: memory + min(index, mappedBytes / imageBytes - 1) * imageBytes, count: imageBytes)
        switch state {
        case .ready: return UnsafeRawBufferPointer(slot)
        case .beingWritten, nil: return nil
        case .empty:
            do {
                try fill(slot)
            } catch {
                states.withLock { $0[index] = .empty }
                throw error
            }
            states.withLock { $0[index] = .ready }
            return UnsafeRawBufferPointer(slot)
        }
    }
}
