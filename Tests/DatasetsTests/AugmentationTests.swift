import CKernels
import Foundation
import GraphIR
import Tensors
import Testing

@testable import Datasets

/// The network's input that `image` becomes when `draw` happens to it.
private func augmented(
    _ image: Tensor, normalization: Normalization = .raw, layout: ImageInput.Layout = .nchw, rotates: Bool = false,
    _ change: (inout ck_augmentation) -> Void
) throws -> [Float] {
    let shape = ImageShape(channels: image.shape[0], height: image.shape[1], width: image.shape[2])
    let (mean, deviation) = try normalization.factors(channels: shape.channels)
    return image.withUnsafeBytes { bytes in
        var view = ck_image(samples: bytes.baseAddress, isFloat: image.elementType == .float32, shape: shape, layout: .planes)
        var out = [Float](repeating: .nan, count: shape.count)
        mean.withUnsafeBufferPointer { mean in
            deviation.withUnsafeBufferPointer { deviation in
                var steps = ck_augmentation()
                steps.mean = mean.baseAddress
                steps.deviation = deviation.baseAddress
                (steps.cosine, steps.brightness, steps.contrast, steps.saturation) = (1, 1, 1, 1)
                change(&steps)
                let (c, w) = (Int64(shape.channels), Int64(shape.width))
                if layout == .nchw {
                    ck_augment(&view, &steps, &out, Int64(shape.height) * w, w, 1)
                } else {
                    ck_augment(&view, &steps, &out, 1, w * c, c)
                }
            }
        }
        return out
    }
}

struct AugmentationTests {
    private let small = try! Tensor(Array(UInt8(1)...12), shape: [1, 3, 4])

    @Test func nothingHappensUnasked() throws {
        #expect(try augmented(small) { _ in } == (1...12).map(Float.init))
        let colour = try Tensor(Array(UInt8(0)..<12), shape: [3, 2, 2])
        #expect(try augmented(colour, layout: .nhwc) { _ in } == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    }

    @Test func flipsShiftsAndCuts() throws {
        #expect(try augmented(small) { $0.flips = true } == [4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9])
        #expect(try augmented(small) { ($0.shift_x, $0.shift_y) = (1, -1) } == [0, 0, 0, 0, 2, 3, 4, 0, 6, 7, 8, 0])
        #expect(try augmented(small) { ($0.shift_x, $0.shift_y, $0.flips) = (1, 1, true) } == [0, 8, 7, 6, 0, 12, 11, 10, 0, 0, 0, 0])
        #expect(try augmented(small) { $0.shift_x = -9 } == [Float](repeating: 0, count: 12))
        let cut = try augmented(small, normalization: Normalization(mean: [2], deviation: [2])) {
            ($0.cut_left, $0.cut_right, $0.cut_top, $0.cut_bottom) = (1, 3, 1, 2)
        }
        #expect(cut == [-0.5, 0, 0.5, 1, 1.5, 0, 0, 3, 3.5, 4, 4.5, 5])
    }

    /// Rotation by 0 takes the other path through the kernel.
    @Test(arguments: [(0, 0, false), (1, -1, false), (-2, 1, true), (3, 0, true)])
    func bothPathsShiftAlike(x: Int, y: Int, flips: Bool) throws {
        let change = { (steps: inout ck_augmentation) in (steps.shift_x, steps.shift_y, steps.flips) = (Int32(x), Int32(y), flips) }
        for layout in [ImageInput.Layout.nchw, .nhwc] {
            let image = try Tensor((0..<60).map { UInt8($0 * 4) }, shape: [3, 4, 5])
            let floats = try Tensor((0..<60).map { Float($0 * 4) }, shape: [3, 4, 5])
            let shifted = try augmented(image, layout: layout, change)
            #expect(try augmented(floats, layout: layout, change) == shifted)
            #expect(try augmented(image, layout: layout) { change(&$0); $0.rotates = true } == shifted)
        }
    }

    @Test func rotatesAsPillowDoes() throws {
        let photo = try DecodedImage(contentsOf: imageFixtures + "/photo.jpg")
        let count = photo.shape.height * photo.shape.width
        let planes = (0..<3).flatMap { channel in (0..<count).map { photo.samples[3 * $0 + channel] } }
        let image = try Tensor(planes, shape: [3, photo.shape.height, photo.shape.width])
        for entry in try NumpyArchive(contentsOf: imageFixtures + "/rotated.npz").entries {
            let angle = try #require(Double(entry.name)) * .pi / 180
            let rotated = try augmented(image, layout: .nhwc) {
                ($0.rotates, $0.cosine, $0.sine) = (true, Float(cos(angle)), Float(sin(angle)))
            }
            let distances = try zip(rotated, entry.tensor.elements(as: UInt8.self)).map { abs($0 - Float($1)) }
            // Pillow cuts off what is behind the point. A pixel on the very edge may fall to either side of it.
            #expect(distances.count { $0 > 2.1 } <= 6, "\(entry.name)")
            #expect(distances.reduce(0, +) / Float(distances.count) < 0.7, "\(entry.name)")
        }
    }

    @Test func jitterChangesLightAsDocumented() throws {
        let image = try Tensor([100, 200, 50, 10, 20, 250] as [UInt8], shape: [3, 1, 2])
        #expect(try augmented(image) { ($0.jitters, $0.brightness) = (true, 1.5) } == [150, 255, 75, 15, 30, 255])
        // 0.299 R + 0.587 G + 0.114 B of both pixels.
        let grey: [Double] = [61.53, 94.17]
        let flat = try augmented(image) { ($0.jitters, $0.contrast) = (true, 0) }
        #expect(flat.allSatisfy { abs(Double($0) - (grey[0] + grey[1]) / 2) < 1e-3 })
        // The second pixel is clamped to 255 before contrast brings both halfway to their mean.
        let bright = try augmented(Tensor([100, 200] as [UInt8], shape: [1, 1, 2])) {
            ($0.jitters, $0.brightness, $0.contrast) = (true, 1.5, 0.5)
        }
        #expect(bright == [176.25, 228.75])
        let pale = try augmented(image) { ($0.jitters, $0.saturation) = (true, 0) }
        #expect(zip(pale, [0, 1, 0, 1, 0, 1]).allSatisfy { abs(Double($0) - grey[$1]) < 1e-3 })
        let vivid = try augmented(image, normalization: .unit) { ($0.jitters, $0.saturation) = (true, 2) }
        #expect(abs(Double(vivid[0]) - (200 - grey[0]) / 255) < 1e-5)
        #expect(vivid.allSatisfy { (0...1).contains($0) })
    }

    @Test(arguments: ["none", "flip", "flip,rotate=15,crop=4", "rotate=7.5,cutout=8,jitter=0.2"])
    func survivesItsText(text: String) throws {
        #expect(try Augmentation(parsing: text).description == text)
    }

    @Test func saysWhatIsMeant() {
        #expect(failure { _ = try Augmentation(parsing: "flop") }.contains("try flip"))
        #expect(failure { _ = try Augmentation(parsing: "rotation=3") }.contains("try rotate=15"))
        #expect(failure { _ = try Augmentation(parsing: "rotate") }.contains("given nothing, expected degrees"))
        #expect(failure { _ = try Augmentation(parsing: "rotate=nan") }.contains("given 'nan'"))
        #expect(failure { _ = try Augmentation(parsing: "crop=2.5") }.contains("whole number"))
        #expect(failure { _ = try Augmentation(parsing: "crop=1e30") }.contains("whole number"))
        #expect(failure { _ = try Augmentation(parsing: "flip=1") }.contains("no value"))
        #expect(failure { _ = try Augmentation(parsing: "flip,flip") }.contains("twice"))
        #expect(failure { _ = try Augmentation(parsing: "flip,") }.contains("the augmentation is ''"))
        #expect(failure { _ = try Augmentation(parsing: "jitter=2") }.contains("from 0 to 1"))
    }

    @Test func drawsCoverTheirRangeAndNothingElse() throws {
        let all = try Augmentation(parsing: "flip,rotate=15,crop=4,cutout=8,jitter=0.25")
        let draws = (0..<4000).map { all.draw(seed: 7, epoch: 3, index: $0, height: 32, width: 24) }
        #expect(abs(draws.count { $0.flips } - 2000) < 150)
        let degrees = draws.map { $0.angle * 180 / .pi }
        #expect(degrees.allSatisfy { abs($0) <= 15 } && degrees.max()! > 14.5 && degrees.min()! < -14.5)
        #expect(Set(draws.map(\.shiftX)) == Set(-4...4) && Set(draws.map(\.shiftY)) == Set(-4...4))
        #expect(Set(draws.map(\.cutLeft)) == Set(-4..<20) && Set(draws.map(\.cutTop)) == Set(-4..<28))
        let factors = draws.flatMap { [$0.brightness, $0.contrast, $0.saturation] }
        #expect(factors.allSatisfy { (0.75...1.25).contains($0) } && factors.max()! > 1.24 && factors.min()! < 0.76)
        #expect(zip(draws, draws.dropFirst()).count { $0.angle == $1.angle } == 0)
        let flipped = try Augmentation(parsing: "flip").draw(seed: 7, epoch: 3, index: 11, height: 32, width: 24)
        #expect(flipped.flips == draws[11].flips && flipped.angle == 0 && flipped.shiftX == 0 && flipped.brightness == 1)
        #expect((0..<50).contains { all.draw(seed: 7, epoch: 4, index: $0, height: 32, width: 24).angle != draws[$0].angle })
        #expect((0..<50).contains { all.draw(seed: 8, epoch: 3, index: $0, height: 32, width: 24).angle != draws[$0].angle })
    }
}

struct NormalizationTests {
    @Test(arguments: ["raw", "unit", "signed", "imagenet", "cifar10", "125.3,123,113.9/63,62.1,66.7", "10/2.5"])
    func survivesItsTextAndTheModel(text: String) throws {
        let normalization = try Normalization(parsing: text)
        #expect(normalization.description == text)
        var graph = Graph(name: "empty", opset: 17)
        #expect(try Normalization(recordedIn: graph) == nil)
        normalization.record(in: &graph)
        #expect(graph.metadata.map(\.key) == ["cleave.normalize"])
        #expect(try Normalization(recordedIn: graph) == normalization)
    }

    @Test func mapsTheEndsOfTheRange() throws {
        let ends = try Tensor([0, 255] as [UInt8], shape: [1, 1, 2])
        #expect(try augmented(ends, normalization: .raw) { _ in } == [0, 255])
        #expect(try augmented(ends, normalization: .unit) { _ in } == [0, 1])
        #expect(try augmented(ends, normalization: .signed) { _ in } == [-1, 1])
        let three = try Tensor([255, 255, 255] as [UInt8], shape: [3, 1, 1])
        let imagenet = try augmented(three, normalization: .imagenet) { _ in }
        let expected: [Float] = [0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225]
        #expect(zip(imagenet, expected).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test func refusesWhatMakesNoSense() throws {
        #expect(failure { _ = try Normalization(parsing: "unti") }.contains("try unit"))
        #expect(failure { _ = try Normalization(parsing: "1,2/3") }.contains("2 means and 1 deviations"))
        #expect(failure { _ = try Normalization(parsing: "1,x/3,4") }.contains("has 'x' where a number"))
        #expect(failure { _ = try Normalization(parsing: "1/0") }.contains("deviations positive"))
        #expect(failure { _ = try Normalization(parsing: "nan/1") }.contains("have to be numbers"))
        #expect(failure { _ = try Normalization.imagenet.factors(channels: 1) }.contains("is for 3 channels, but the input has 1"))
        var graph = Graph(name: "empty", opset: 17)
        graph.setMetadata("cleave.normalize", to: "loud")
        #expect(failure { _ = try Normalization(recordedIn: graph) }.contains("the metadata 'cleave.normalize' makes no sense"))
    }
}

struct ImageInputTests {
    @Test func layoutIsReadOffTheDeclaration() throws {
        func input(_ shape: [GraphIR.Dimension], _ type: ElementType = .float32) throws -> ImageInput {
            try ImageInput(of: interface(inputs: [("x", type, shape)], outputs: ["y"]))
        }
        let torch = try input([.named("N"), 3, 224, 200])
        #expect(torch == ImageInput(name: "x", layout: .nchw, channels: 3, height: 224, width: 200, batch: nil))
        let tensorFlow = try input([8, 32, 30, 1])
        #expect(tensorFlow == ImageInput(name: "x", layout: .nhwc, channels: 1, height: 32, width: 30, batch: 8))
        #expect(try input([.unknown, .unknown, .unknown, 3]).layout == .nhwc)
        #expect(try input([1, 3, 3, 3]).layout == .nchw)
        #expect(failure { _ = try input([1, 3, 8]) }.contains("a single input of four dimensions"))
        #expect(failure { _ = try input([1, 3, 8, 8], .uint8) }.contains("images of uint8, expected float32"))
        let two = try interface(inputs: [("x", .float32, [1, 3, 8, 8]), ("z", .float32, [1])], outputs: ["y"])
        #expect(failure { _ = try ImageInput(of: two) }.contains("the model takes 'x', 'z'"))
    }
}
