import CKernels
import Dispatch
import Synchronization
import Tensors

/// What the images of a split are like: sizes, mean and deviation, classes, and those that cannot be read.
public struct DatasetStatistics: Sendable {
    public struct SizeRange: Hashable, Sendable {
        public var smallest: Int
        public var largest: Int
    }

    public var split: String
    /// Images in the split, readable or not.
    public var count: Int
    /// Readable images by their number of channels, ascending.
    public var channels: [(channels: Int, count: Int)]
    public var height: SizeRange?
    public var width: SizeRange?
    /// Mean over all pixels of each channel, in the units of the pixels (0…255 for 8 bits). Of images with one channel among
    /// others with three, that one counts for all three. Empty when no image is readable.
    public var mean: [Double]
    /// Deviation over all pixels of each channel, in the same units.
    public var deviation: [Double]
    /// Readable and unreadable images per class, by label.
    public var classCounts: [Int]
    public var unreadable: [UnreadableImage]

    /// Reads every image once, on all processors.
    /// - Throws: `CleaveError` when the task was cancelled; images that cannot be read are counted instead.
    public init(of split: DatasetSplit, progress: @Sendable (WorkProgress) -> Void = { _ in }) throws {
        self.split = split.name
        count = split.count
        classCounts = [Int](repeating: 0, count: split.classes.count)
        for label in split.labels { classCounts[Int(label)] += 1 }
        let parts = try Self.parts(of: split, progress)
        var total = Part()
        for part in parts { total.add(part) }
        unreadable = total.unreadable
        channels = total.channels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        height = total.height
        width = total.width
        mean = zip(total.sums, total.pixels).map { $0 / $1 }
        deviation = zip(mean, zip(total.squares, total.pixels)).map { mean, sums in
            max(0, sums.0 / sums.1 - mean * mean).squareRoot()
        }
    }

    /// The sums over some images. They are added up in the order of the images, whoever computed them.
    private struct Part: Sendable {
        var sums: [Double] = []
        var squares: [Double] = []
        var pixels: [Double] = []
        var channels: [Int: Int] = [:]
        var height: SizeRange?
        var width: SizeRange?
        var unreadable: [UnreadableImage] = []

        mutating func add(_ image: ck_image) {
            var image = image
            let count = Int(image.channels)
            var sums = [Double](repeating: 0, count: count), squares = sums
            ck_add_channel_sums(&image, &sums, &squares)
            let pixels = Double(image.height) * Double(image.width)
            add(sums: sums, squares: squares, pixels: [Double](repeating: pixels, count: count))
            channels[count, default: 0] += 1
            height = Self.extended(height, by: Int(image.height), Int(image.height))
            width = Self.extended(width, by: Int(image.width), Int(image.width))
        }

        mutating func add(_ other: Part) {
            add(sums: other.sums, squares: other.squares, pixels: other.pixels)
            channels.merge(other.channels, uniquingKeysWith: +)
            if let size = other.height { height = Self.extended(height, by: size.smallest, size.largest) }
            if let size = other.width { width = Self.extended(width, by: size.smallest, size.largest) }
            unreadable += other.unreadable
        }

        private mutating func add(sums: [Double], squares: [Double], pixels: [Double]) {
            guard !sums.isEmpty else { return }
            let count = max(sums.count, self.sums.count)
            func spread(_ numbers: [Double]) -> [Double] {
                numbers.count == 1 ? [Double](repeating: numbers[0], count: count)
                    : numbers + [Double](repeating: 0, count: count - numbers.count)
            }
            self.sums = zip(spread(self.sums), spread(sums)).map(+)
            self.squares = zip(spread(self.squares), spread(squares)).map(+)
            self.pixels = zip(spread(self.pixels), spread(pixels)).map(+)
        }

        private static func extended(_ range: SizeRange?, by smallest: Int, _ largest: Int) -> SizeRange {
            SizeRange(smallest: min(range?.smallest ?? smallest, smallest), largest: max(range?.largest ?? largest, largest))
        }
    }

    private static let imagesPerPart = 64

    private static func parts(of split: DatasetSplit, _ progress: @Sendable (WorkProgress) -> Void) throws -> [Part] {
        let count = (split.count + imagesPerPart - 1) / imagesPerPart
        let parts = Mutex([Part](repeating: Part(), count: count))
        let completed = Atomic(0)
        let isCancelled = Atomic(false)
        // Another thread does not know whether the task was cancelled; this one takes part in the work, and does.
        withoutActuallyEscaping(progress) { progress in
            DispatchQueue.concurrentPerform(iterations: count) { number in
                if Task.isCancelled { isCancelled.store(true, ordering: .relaxed) }
                guard !isCancelled.load(ordering: .relaxed) else { return }
                var part = Part()
                let range = number * imagesPerPart..<min((number + 1) * imagesPerPart, split.count)
                for index in range {
                    do {
                        try split.images.withImage(index, covering: nil) { part.add($0) }
                    } catch {
                        let error = error as? CleaveError ?? CleaveError(.file, "\(error)", at: .init(file: split.nameOfImage(index)))
                        part.unreadable.append(.init(index: index, error: error))
                    }
                }
                parts.withLock { $0[number] = part }
                let done = completed.add(range.count, ordering: .relaxed).newValue
                progress(WorkProgress(task: "reading \(split.name)", completed: done, total: split.count, unit: "images"))
            }
        }
        try checkCancellation()
        return parts.withLock { $0 }
    }
}
