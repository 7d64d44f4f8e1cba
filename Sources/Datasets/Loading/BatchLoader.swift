import CKernels
import Foundation
import Synchronization
import Tensors

/// Images of one step, ready for the network.
public struct Batch: Sendable {
    /// float32: [count, channels, height, width], or [count, height, width, channels].
    public var images: Tensor
    /// The class of every image.
    public var labels: [Int32]
    /// Which images of the split these are.
    public var indices: [Int]
    /// Where in the data this batch stands.
    public var position: BatchLoader.Position

    public var count: Int { labels.count }
}

/// An image of a split that was left out, and why.
public struct UnreadableImage: Hashable, Sendable {
    public var index: Int
    public var error: CleaveError
}

/// Prepares batches on threads of its own, ahead of the step that will take them.
///
/// The batches depend on the split, the options and the position only, not on the number of threads or their speed.
public final class BatchLoader: Sendable {
    public struct Options: Hashable, Sendable {
        /// What becomes of the images that fill no batch, and of batches with images that cannot be read.
        public enum Remainder: Hashable, Sendable {
            /// The last batch may be smaller, and a batch leaves out what cannot be read: every image once, for evaluation.
            case kept
            /// All batches are full: images that fill no batch are left out, and in place of one that cannot be read comes
            /// the next one that can.
            case dropped
        }

        public var batchSize: Int
        /// Every epoch in another order, which depends on `seed` and the epoch's number; else in the order of the files.
        public var shuffles: Bool
        public var seed: UInt64
        public var normalization: Normalization
        public var augmentation: Augmentation
        public var remainder: Remainder
        /// Goes on without the images that cannot be read; they are listed in `unreadable`.
        public var skipsUnreadable: Bool
        public var threads: Int
        /// Batches that are ready or being prepared at most, beside the one that was taken.
        public var ahead: Int
        /// Memory for decoded images, so that later epochs need not decode them again.
        public var cacheByteLimit: Int

        public init(
            batchSize: Int, shuffles: Bool, seed: UInt64, normalization: Normalization, augmentation: Augmentation = .none,
            remainder: Remainder = .kept, skipsUnreadable: Bool = false, threads: Int = 1, ahead: Int = 3,
            cacheByteLimit: Int = 1 << 30
        ) {
            self.batchSize = batchSize
            self.shuffles = shuffles
            self.seed = seed
            self.normalization = normalization
            self.augmentation = augmentation
            self.remainder = remainder
            self.skipsUnreadable = skipsUnreadable
            self.threads = threads
            self.ahead = ahead
            self.cacheByteLimit = cacheByteLimit
        }
    }

    /// The number of an epoch and of a batch in it, from 0. It is all that is needed to go on from there.
    public struct Position: Hashable, Sendable {
        public var epoch: Int
        public var batch: Int

        public static let start = Position(epoch: 0, batch: 0)

        public init(epoch: Int, batch: Int) {
            self.epoch = epoch
            self.batch = batch
        }
    }

    /// What the images of every batch measure.
    public let shape: ImageShape
    public let batchesPerEpoch: Int
    private let preparation: BatchPreparation
    private let queue: BatchQueue

    /// Epochs are numbered from 0 to here.
    private static let epochLimit = 1 << 31

    /// - Parameters:
    ///   - epochs: the number of the epoch before which the batches end, counted from 0 wherever `position` is.
    ///   - position: the first batch.
    /// - Throws: `CleaveError` when the images do not fit the input, or the options make no sense.
    public init(
        _ split: DatasetSplit, for input: ImageInput, options: Options, epochs: Int, from position: Position = .start
    ) throws {
        preparation = try BatchPreparation(split, for: input, options: options)
        shape = preparation.images.shape
        batchesPerEpoch = preparation.batchesPerEpoch
        guard (0..<Self.epochLimit).contains(position.epoch), (0..<batchesPerEpoch).contains(position.batch) else {
            throw CleaveError(
                .invalidRequest,
                "the position is epoch \(position.epoch), batch \(position.batch), expected a batch of 0…\(batchesPerEpoch - 1)")
        }
        guard options.threads > 0, options.ahead > 0 else {
            throw CleaveError(
                .invalidRequest, "\(options.threads) threads prepare \(options.ahead) batches ahead, expected at least 1 of both")
        }
        queue = BatchQueue(
            first: position.epoch * batchesPerEpoch + position.batch, end: min(epochs, Self.epochLimit) * batchesPerEpoch,
            ahead: options.ahead)
        for number in 0..<min(options.threads, options.ahead) {
            let worker = Thread { [queue, preparation] in
                while let batch = queue.begin() { queue.deliver(batch, Result { try preparation.prepare(batch) }) }
            }
            worker.name = "cleave batches \(number)"
            worker.start()
        }
    }

    deinit { queue.stop() }

    /// The next batch, waiting for it if need be; `nil` after the last one.
    /// - Throws: `CleaveError` naming the image that could not be read, once; or when the task was cancelled.
    public func next() throws -> Batch? {
        while let result = queue.take() {
            try checkCancellation()
            do {
                let batch = try result.get()
                if batch.count > 0 { return batch }
            } catch {
                queue.stop()
                throw error
            }
        }
        return nil
    }

    /// Where the batch that `next` gives stands, for a checkpoint.
    public var position: Position { preparation.position(of: queue.taken) }

    /// Lets go of the threads; `next` gives nothing any more.
    public func cancel() { queue.stop() }

    /// The images that could not be read so far, in the order of the split.
    public var unreadable: [UnreadableImage] { preparation.unreadable.all }
}

/// Makes a batch from its number.
private struct BatchPreparation: Sendable {
    let images: FittedImages
    let unreadable = UnreadableImages()
    private let options: BatchLoader.Options
    private let writer: InputWriter
    private let orders: EpochOrders
    private let memory = BufferPool()

    init(_ split: DatasetSplit, for input: ImageInput, options: BatchLoader.Options) throws {
        let shape = try input.shape(for: split)
        images = try FittedImages(split, shape: shape, cacheByteLimit: options.cacheByteLimit)
        writer = try InputWriter(
            shape: shape, layout: input.layout, normalization: options.normalization, augmentation: options.augmentation,
            seed: options.seed)
        guard options.batchSize > 0, let floats = ElementType.float32.byteCount(elements: shape.count),
            !options.batchSize.multipliedReportingOverflow(by: floats).overflow
        else { throw CleaveError(.invalidRequest, "the batch size is \(options.batchSize), expected at least 1") }
        guard options.remainder == .kept || options.batchSize <= split.count else {
            throw CleaveError(
                .invalidRequest, "the batch size is \(options.batchSize), but there are only \(split.count) images",
                suggestion: "choose a smaller batch")
        }
        _ = try Tensor.allocatableCount(of: [min(options.batchSize, split.count), shape.channels, shape.height, shape.width], .float32)
        self.options = options
        orders = EpochOrders(count: split.count, seed: options.seed, shuffles: options.shuffles)
    }

    var batchesPerEpoch: Int {
        let (full, rest) = images.split.count.quotientAndRemainder(dividingBy: options.batchSize)
        return full + (options.remainder == .kept && rest > 0 ? 1 : 0)
    }

    func position(of number: Int) -> BatchLoader.Position {
        .init(epoch: number / batchesPerEpoch, batch: number % batchesPerEpoch)
    }

    func prepare(_ number: Int) throws -> Batch {
        let position = position(of: number)
        let order = orders[position.epoch]
        let wanted = order[position.batch * options.batchSize..<min((position.batch + 1) * options.batchSize, order.count)]
        let shape = images.shape
        let buffer = memory.take(byteCount: wanted.count * shape.count * MemoryLayout<Float>.stride)
        let floats = buffer.bindMemory(to: Float.self)
        var indices: [Int] = []
        do {
            for index in wanted {
                let out = UnsafeMutableBufferPointer(rebasing: floats[indices.count * shape.count..<(indices.count + 1) * shape.count])
                if let written = try write(Int(index), epoch: position.epoch, to: out) { indices.append(written) }
            }
        } catch {
            memory.giveBack(buffer)
            throw error
        }
        let storage = TensorStorage(takingOver: UnsafeRawBufferPointer(buffer)) { [memory] in
            memory.giveBack(UnsafeMutableRawBufferPointer(mutating: $0))
        }
        let lengths = writer.layout == .nchw ? [shape.channels, shape.height, shape.width] : [shape.height, shape.width, shape.channels]
        return Batch(
            images: try Tensor(shape: [indices.count] + lengths, elementType: .float32, storage: storage),
            labels: indices.map { images.split.labels[$0] }, indices: indices, position: position)
    }

    /// - Returns: which image was written; `nil` for none.
    private func write(_ index: Int, epoch: Int, to out: UnsafeMutableBufferPointer<Float>) throws -> Int? {
        guard let address = out.baseAddress else { return nil }
        let count = images.split.count
        var lastError: CleaveError?
        for candidate in (0..<count).lazy.map({ (index + $0) % count }) {
            if let known = unreadable[candidate] {
                lastError = known
            } else {
                do {
                    try images.withImage(candidate) { writer.write($0, index: candidate, epoch: epoch, to: address) }
                    return candidate
                } catch let error as CleaveError where options.skipsUnreadable {
                    unreadable[candidate] = error
                    lastError = error
                }
            }
            if options.remainder == .kept { return nil }
        }
        throw lastError ?? CleaveError(.invalidRequest, "there are no images")
    }
}

/// The order of the images in each epoch.
private final class EpochOrders: Sendable {
    private let count: Int
    private let seed: UInt64
    private let shuffles: Bool
    /// Those of the epochs that batches are being made of.
    private let recent = Mutex<[(epoch: Int, order: [Int32])]>([])

    init(count: Int, seed: UInt64, shuffles: Bool) {
        self.count = count
        self.seed = seed
        self.shuffles = shuffles
    }

    subscript(epoch: Int) -> [Int32] {
        recent.withLock { recent in
            if let known = recent.first(where: { $0.epoch == epoch || !shuffles }) { return known.order }
            var order = (0..<Int32(count)).map { $0 }
            if shuffles { Self.shuffle(&order, seed: seed, epoch: epoch) }
            recent = recent.suffix(1) + [(epoch, order)]
            return order
        }
    }

    /// Fisher–Yates; written out, because the standard library does not promise that its own stays the same.
    private static func shuffle(_ order: inout [Int32], seed: UInt64, epoch: Int) {
        var random = SeededRandom(seed: seed ^ 0x7368_7566_666C_6521, stream: UInt64(bitPattern: Int64(epoch)))
        for last in stride(from: order.count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(random.next().multipliedFullWidth(by: UInt64(last + 1)).high))
        }
    }
}

/// Images that could not be read, and why.
private final class UnreadableImages: Sendable {
    private let errors = Mutex<[Int: CleaveError]>([:])

    subscript(index: Int) -> CleaveError? {
        get { errors.withLock { $0[index] } }
        set { errors.withLock { $0[index] = newValue } }
    }

    var all: [UnreadableImage] {
        errors.withLock { $0.map { UnreadableImage(index: $0.key, error: $0.value) } }.sorted { $0.index < $1.index }
    }
}
