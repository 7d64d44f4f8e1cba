import CKernels
import Tensors

/// A picture of a data set: a row per class, in the order of the classes, with the first images of each.
public struct ContactSheet {
    private static let columns = 16
    private static let rowLimit = 200
    private static let cellLimit = 96
    private static let gap = 2
    private static let background: UInt8 = 255

    private let image: DecodedImage

    /// Images that cannot be read leave their place empty.
    /// - Throws: `CleaveError` when the images are not of 8 bits.
    public init(of split: DatasetSplit) throws {
        guard !split.isFloatingPoint else {
            throw CleaveError(.unsupported, "the images are floating-point numbers, so that there is no telling what they look like")
        }
        var rows = [[Int]](repeating: [], count: min(split.classes.count, Self.rowLimit))
        for (index, label) in split.labels.enumerated() where Int(label) < rows.count && rows[Int(label)].count < Self.columns {
            rows[Int(label)].append(index)
        }
        let first = split.shape ?? rows.joined().lazy.compactMap { try? split.image($0).shape }.first
            .map { ImageShape(channels: $0[0], height: $0[1], width: $0[2]) } ?? ImageShape(channels: 3, height: 32, width: 32)
        // Small images are enlarged by a whole factor, large ones shrunk.
        let longest = max(first.height, first.width)
        let side = longest > Self.cellLimit ? Self.cellLimit : longest * (Self.cellLimit / longest)
        let cell = ImageShape(channels: 3, height: side, width: side)
        let columns = rows.map(\.count).max() ?? 0
        let step = side + Self.gap
        let shape = ImageShape(channels: 3, height: rows.count * step + Self.gap, width: max(columns, 1) * step + Self.gap)
        var samples = [UInt8](repeating: Self.background, count: shape.count)
        for (row, indices) in rows.enumerated() {
            for (column, index) in indices.enumerated() {
                guard let planes = try Self.planes(index, of: split, cell) else { continue }
                for y in 0..<side {
                    for x in 0..<side {
                        let pixel = ((Self.gap + row * step + y) * shape.width + Self.gap + column * step + x) * 3
                        for channel in 0..<3 { samples[pixel + channel] = planes[(channel * side + y) * side + x] }
                    }
                }
            }
        }
        image = DecodedImage(shape: shape, samples: samples)
    }

    private static func planes(_ index: Int, of split: DatasetSplit, _ cell: ImageShape) throws -> [UInt8]? {
        do {
            return try split.images.withImage(index, covering: cell) { view in
                var view = view
                var fitted = false
                let planes = DecodedImage.samples(cell.count) { out in
                    out.update(repeating: background)
                    fitted = ck_fit(&view, out.baseAddress, 3, Int32(cell.height), Int32(cell.width))
                }
                return fitted ? planes : nil
            }
        } catch is CleaveError {
            return nil
        }
    }

    /// - Throws: `CleaveError` when the file cannot be written.
    public func write(png path: String) throws { try PNGEncoder().write(image, to: path) }
}
