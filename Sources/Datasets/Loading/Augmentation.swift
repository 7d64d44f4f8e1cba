import CKernels
import Foundation
import Tensors

/// Random changes to training images that leave their class as it is. They are made in this order: rotation, crop, flip,
/// jitter, normalization, cutout.
public struct Augmentation: Hashable, Sendable, CustomStringConvertible {
    /// Left and right change places in half of the images.
    public var flips: Bool
    /// Degrees; the angle is uniform in ±`rotation` about the centre, bilinear, and what comes from outside of the image is
    /// black, as in torchvision's `RandomRotation`.
    public var rotation: Double
    /// Pixels; the image is padded with black by as much on every side, and a part of its own size is cut out anywhere, as in
    /// torchvision's `RandomCrop(size, padding:)`.
    public var cropPadding: Int
    /// Pixels; a square of this side with its centre anywhere in the image becomes 0 in the normalized input (T. DeVries,
    /// G. Taylor, arXiv 1708.04552). What reaches beyond the image is cut off.
    public var cutout: Int
    /// Brightness, contrast and saturation, in this order, each change by a factor that is uniform in 1 ± `jitter`, as in
    /// torchvision's `ColorJitter`.
    public var jitter: Double

    public static let none = Augmentation(flips: false, rotation: 0, cropPadding: 0, cutout: 0, jitter: 0)

    public init(flips: Bool, rotation: Double, cropPadding: Int, cutout: Int, jitter: Double) {
        self.flips = flips
        self.rotation = rotation
        self.cropPadding = cropPadding
        self.cutout = cutout
        self.jitter = jitter
    }

    private enum Kind: String, CaseIterable {
        case flip, rotate, crop, cutout, jitter

        var example: String {
            switch self {
            case .flip: "flip"
            case .rotate: "rotate=15"
            case .crop: "crop=4"
            case .cutout: "cutout=8"
            case .jitter: "jitter=0.2"
            }
        }
    }

    /// `none`, or some of `flip,rotate=15,crop=4,cutout=8,jitter=0.2`, in any order.
    /// - Throws: `CleaveError` for anything else.
    public init(parsing text: String) throws {
        self = .none
        guard text != "none" else { return }
        var seen: Set<Kind> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let kind = Kind(rawValue: pair[0]) else {
                throw CleaveError(
                    .invalidRequest,
                    "the augmentation is '\(pair[0])', expected none or some of \(Kind.allCases.map(\.example).joined(separator: ","))",
                    suggestion: nearestName(to: pair[0], in: Kind.allCases.map(\.rawValue)).flatMap { Kind(rawValue: $0) }
                        .map { "try \($0.example)" })
            }
            guard seen.insert(kind).inserted else {
                throw CleaveError(.invalidRequest, "the augmentation '\(kind.rawValue)' is given twice, expected once")
            }
            try set(kind, to: pair.count > 1 ? pair[1] : nil)
        }
    }

    private mutating func set(_ kind: Kind, to text: String?) throws {
        func number(_ range: ClosedRange<Double>, _ what: String) throws -> Double {
            guard let text, let value = Double(text), range.contains(value), value > 0 else {
                let given = text.map { "'\($0)'" } ?? "nothing"
                throw CleaveError(
                    .invalidRequest, "the augmentation '\(kind.rawValue)' is given \(given), expected \(what)",
                    suggestion: "try \(kind.example)")
            }
            return value
        }
        func pixels() throws -> Int {
            let what = "a whole number of pixels from 1 to 1024"
            guard let value = Int(exactly: try number(0...1024, what)) else {
                throw CleaveError(.invalidRequest, "the augmentation '\(kind.rawValue)' is given '\(text ?? "")', expected \(what)")
            }
            return value
        }
        switch kind {
        case .flip:
            guard text == nil else {
                throw CleaveError(.invalidRequest, "the augmentation 'flip' is given '\(text ?? "")', expected no value")
            }
            flips = true
        case .rotate: rotation = try number(0...180, "degrees from 0 to 180")
        case .crop: cropPadding = try pixels()
        case .cutout: cutout = try pixels()
        case .jitter: jitter = try number(0...1, "a factor from 0 to 1")
        }
    }

    /// The text that `init(parsing:)` takes.
    public var description: String {
        func text(_ number: Double) -> String { number == number.rounded() ? String(Int(number)) : number.description }
        var parts: [String] = []
        if flips { parts.append("flip") }
        if rotation > 0 { parts.append("rotate=\(text(rotation))") }
        if cropPadding > 0 { parts.append("crop=\(cropPadding)") }
        if cutout > 0 { parts.append("cutout=\(cutout)") }
        if jitter > 0 { parts.append("jitter=\(text(jitter))") }
        return parts.isEmpty ? "none" : parts.joined(separator: ",")
    }
}

extension Augmentation {
    /// What happens to one image in one epoch. It depends on seed, epoch and index, and each of its parts on nothing else
    /// that is drawn: an image that is also cropped is flipped and rotated as it would be otherwise.
    struct Draw {
        var flips: Bool
        /// Radians, counter-clockwise.
        var angle: Double
        var shiftX: Int
        var shiftY: Int
        /// The first column and row of the square that is cut out; it may begin outside of the image.
        var cutLeft: Int
        var cutTop: Int
        var brightness: Double
        var contrast: Double
        var saturation: Double
    }

    func draw(seed: UInt64, epoch: Int, index: Int, height: Int, width: Int) -> Draw {
        var epochs = SeededRandom(seed: seed ^ 0x6175_676D_656E_7421, stream: UInt64(bitPattern: Int64(epoch)))
        var random = SeededRandom(seed: epochs.next(), stream: UInt64(bitPattern: Int64(index)))
        let units = (0..<9).map { _ in random.unit() }
        func symmetric(_ position: Int, _ extent: Double) -> Double { (2 * units[position] - 1) * extent }
        func whole(_ position: Int, _ count: Int) -> Int { min(Int(units[position] * Double(count)), count - 1) }
        return Draw(
            flips: flips && units[0] < 0.5, angle: symmetric(1, rotation) * .pi / 180,
            shiftX: whole(2, 2 * cropPadding + 1) - cropPadding, shiftY: whole(3, 2 * cropPadding + 1) - cropPadding,
            cutLeft: whole(4, width) - cutout / 2, cutTop: whole(5, height) - cutout / 2,
            brightness: 1 + symmetric(6, jitter), contrast: 1 + symmetric(7, jitter), saturation: 1 + symmetric(8, jitter))
    }
}

/// Turns images into a network's input: augments, normalizes, and puts the samples where the network wants them.
struct InputWriter: Sendable {
    let shape: ImageShape
    let layout: ImageInput.Layout
    let augmentation: Augmentation
    let seed: UInt64
    private let mean: [Float]
    private let deviation: [Float]

    init(
        shape: ImageShape, layout: ImageInput.Layout, normalization: Normalization, augmentation: Augmentation, seed: UInt64
    ) throws {
        self.shape = shape
        self.layout = layout
        self.augmentation = augmentation
        self.seed = seed
        (mean, deviation) = try normalization.factors(channels: shape.channels)
    }

    /// - Parameters:
    ///   - image: of `shape`.
    ///   - out: `shape.count` numbers.
    func write(_ image: ck_image, index: Int, epoch: Int, to out: UnsafeMutablePointer<Float>) {
        let draw = augmentation.draw(seed: seed, epoch: epoch, index: index, height: shape.height, width: shape.width)
        mean.withUnsafeBufferPointer { mean in
            deviation.withUnsafeBufferPointer { deviation in
                var image = image
                var steps = ck_augmentation(draw, of: augmentation, shape: shape, mean: mean, deviation: deviation)
                let (channels, width) = (Int64(shape.channels), Int64(shape.width))
                switch layout {
                case .nchw: ck_augment(&image, &steps, out, Int64(shape.height) * width, width, 1)
                case .nhwc: ck_augment(&image, &steps, out, 1, width * channels, channels)
                }
            }
        }
    }
}

extension ck_augmentation {
    fileprivate init(
        _ draw: Augmentation.Draw, of augmentation: Augmentation, shape: ImageShape, mean: UnsafeBufferPointer<Float>,
        deviation: UnsafeBufferPointer<Float>
    ) {
        func within(_ position: Int, _ length: Int) -> Int32 { Int32(min(max(position, 0), length)) }
        self.init(
            rotates: augmentation.rotation > 0, cosine: Float(cos(draw.angle)), sine: Float(sin(draw.angle)),
            shift_x: Int32(draw.shiftX), shift_y: Int32(draw.shiftY), flips: draw.flips,
            jitters: augmentation.jitter > 0, brightness: Float(draw.brightness), contrast: Float(draw.contrast),
            saturation: Float(draw.saturation), mean: mean.baseAddress, deviation: deviation.baseAddress,
            cut_left: within(draw.cutLeft, shape.width), cut_top: within(draw.cutTop, shape.height),
            cut_right: within(draw.cutLeft + augmentation.cutout, shape.width),
            cut_bottom: within(draw.cutTop + augmentation.cutout, shape.height))
    }
}
