import Foundation
import Tensors
import Testing

@testable import Datasets

struct DatasetSpecificationTests {
    @Test(arguments: ["cifar10:data/cifar", "cifar100:/a:b", "idx:x", "folder:.", "npz:a.npz"])
    func survivesItsText(text: String) throws {
        #expect(try DatasetSpecification(parsing: text).description == text)
    }

    @Test func saysWhatIsMeant() {
        #expect(failure { _ = try DatasetSpecification(parsing: "cifar:x") }.contains("try cifar10:x"))
        #expect(failure { _ = try DatasetSpecification(parsing: "fodler:x") }.contains("try folder:x"))
        #expect(failure { _ = try DatasetSpecification(parsing: "images") }.contains("folder:images"))
        #expect(failure { _ = try DatasetSpecification(parsing: "idx:") }.contains("no path"))
        #expect(!failure { _ = try DatasetSpecification(parsing: "somethingelse:x") }.contains("try"))
    }
}

struct CIFARTests {
    @Test func readsBatchesInOrder() throws {
        try withFolder { folder in
            try writeCIFAR(to: folder)
            let data = try Dataset(DatasetSpecification(.cifar10, folder))
            #expect(data.splitNames == ["train", "test"])
            #expect(data.classes.first == "airplane" && data.classes.last == "truck" && data.classes.count == 10)
            let train = try data.loadTraining()
            #expect(train.labels == Array(0..<10))
            #expect(train.shape == ImageShape(channels: 3, height: 32, width: 32))
            let image = try train.image(7)
            #expect(image.shape == [3, 32, 32])
            #expect(try image.elements(as: UInt8.self) == Array(cifarRecord(label: 7, seed: 7).dropFirst()))
            #expect(train.nameOfImage(7) == folder + "/data_batch_2.bin: image 2")
            #expect(try data.loadEvaluation().count == 3)
        }
    }

    @Test func readsFineLabels() throws {
        try withFolder { folder in
            try write([19, 42] + [UInt8](repeating: 5, count: 3072), to: folder + "/cifar-100-binary/test.bin")
            let data = try Dataset(DatasetSpecification(.cifar100, folder))
            #expect(data.splitNames == ["test"])
            #expect(data.classes.count == 100)
            let split = try data.loadEvaluation()
            #expect(split.labels == [42])
            #expect(try split.image(0).elements(as: UInt8.self).allSatisfy { $0 == 5 })
            #expect(failure { _ = try data.loadTraining() }.contains("no split 'train', only test"))
        }
    }

    @Test func refusesWhatIsDamaged() throws {
        try withFolder { folder in
            try writeCIFAR(to: folder)
            let open = { _ = try Dataset(DatasetSpecification(.cifar10, folder)) }
            try write(Array(cifarRecord(label: 1, seed: 1).dropLast(100)), to: folder + "/data_batch_2.bin")
            #expect(failure(open).contains("data_batch_2.bin: the file has 2973 bytes, expected a multiple of 3073"))
            try FileManager.default.moveItem(atPath: folder + "/data_batch_2.bin", toPath: folder + "/data_batch_3.bin")
            #expect(failure(open).contains("data_batch_2.bin: the file is missing"))
            try write([], to: folder + "/data_batch_2.bin")
            try FileManager.default.removeItem(atPath: folder + "/data_batch_3.bin")
            #expect(failure(open).contains("the file has 0 bytes"))
            try write(cifarRecord(label: 1, seed: 1) + cifarRecord(label: 10, seed: 1), to: folder + "/data_batch_2.bin")
            let error = failure { _ = try Dataset(DatasetSpecification(.cifar10, folder)).loadTraining() }
            #expect(error.contains("data_batch_2.bin: image 1: the label is 10, expected 0…9"))
        }
        try withFolder { folder in
            try write([1], to: folder + "/data_batch_1")
            #expect(failure { _ = try Dataset(DatasetSpecification(.cifar10, folder)) }.contains("Python version"))
            #expect(failure { _ = try Dataset(DatasetSpecification(.cifar10, folder + "/data_batch_1")) }.contains("not a folder"))
            #expect(failure { _ = try Dataset(DatasetSpecification(.cifar10, folder + "/none")) }.contains("does not exist"))
        }
    }
}

private let fashion = "/usr/share/datasets/fashion-mnist"

struct IDXTests {
    @Test func readsPlainFiles() throws {
        try withFolder { folder in
            try write(idx([2, 2, 3], Array(0..<12)), to: folder + "/train-images-idx3-ubyte")
            try write(idx([2], [3, 1]), to: folder + "/train-labels-idx1-ubyte")
            let data = try Dataset(DatasetSpecification(.idx, folder))
            #expect(data.classes == ["0", "1", "2", "3"])
            let train = try data.loadTraining()
            #expect(train.labels == [3, 1])
            #expect(try train.image(1) == Tensor([6, 7, 8, 9, 10, 11] as [UInt8], shape: [1, 2, 3]))
            try write(Array("zero\none\n".utf8), to: folder + "/classes.txt")
            #expect(failure { _ = try Dataset(DatasetSpecification(.idx, folder)).loadTraining() }.contains("label is 3, expected 0…1"))
        }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: fashion), "needs Debian's dataset-fashion-mnist"))
    func readsFashionMNIST() throws {
        let data = try Dataset(DatasetSpecification(.idx, fashion))
        #expect(data.splitNames == ["train", "test"])
        #expect(data.classes.count == 10)
        let test = try data.loadEvaluation()
        #expect(test.count == 10_000)
        #expect(test.shape == ImageShape(channels: 1, height: 28, width: 28))
        let statistics = try DatasetStatistics(of: test)
        #expect(statistics.classCounts == [Int](repeating: 1000, count: 10))
        // 0.28684 and 0.35244 of 255, as numpy has them.
        #expect(abs(statistics.mean[0] - 73.1466) < 1e-3)
        #expect(abs(statistics.deviation[0] - 89.8733) < 1e-3)
    }

    @Test func refusesWhatIsDamaged() throws {
        try withFolder { folder in
            let images = folder + "/t10k-images-idx3-ubyte"
            let load = { _ = try Dataset(DatasetSpecification(.idx, folder)).loadEvaluation() }
            #expect(failure(load).contains("holds no train-images"))
            try write(idx([2, 2, 2], Array(0..<8)), to: images)
            #expect(failure(load).contains("no labels"))
            try write(idx([2], [0, 1]), to: folder + "/t10k-labels-idx1-ubyte")
            try load()
            try write(idx([2, 2, 2], Array(0..<7)), to: images)
            #expect(failure(load).contains("ends after 7 bytes of data, expected 8"))
            try write(idx([2, 2, 2], Array(0..<9)), to: images)
            #expect(failure(load).contains("goes on after the 8 bytes"))
            try write(idx([3, 2, 2], Array(0..<12)), to: images)
            #expect(failure(load).contains("has 3 images, but there are 2 labels"))
            try write(idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []), to: images)
            #expect(failure(load).contains("more elements than memory can address"))
            try write(idx([60_000, 28, 28], [1, 2, 3]), to: images)
            #expect(failure(load).contains("promises 47040000 bytes"))
            try write([0, 0, 0x0D, 3] + idx([2, 2, 2], []).dropFirst(4), to: images)
            #expect(failure(load).contains("type 0d, expected 08"))
            try write(Array("hello, this is text".utf8), to: images)
            #expect(failure(load).contains("starts with 68 65 6c 6c, expected 00 00 08 03"))
            try write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + [UInt8](repeating: 0xFF, count: 40), to: images)
            #expect(failure(load).contains("compressed data is damaged"))
        }
    }
}

struct ImageFolderTests {
    @Test func sortsClassesByName() throws {
        try withFolder { folder in
            try writeImageFolder(to: folder + "/train")
            try write(fixture("photo.jpg"), to: folder + "/val/dog/9.jpg")
            let data = try Dataset(DatasetSpecification(.folder, folder))
            #expect(data.classes == ["cat", "dog"])
            #expect(data.splitNames == ["train", "val"])
            let train = try data.loadTraining()
            #expect(train.labels == [0, 0, 1, 1])
            #expect(train.shape == nil)
            #expect(train.nameOfImage(1) == folder + "/train/cat/2.PNG")
            #expect(try train.image(0).shape == [3, 21, 34])
            #expect(try train.image(3).shape == [1, 21, 34])
            #expect(try data.loadEvaluation().labels == [1])
            #expect(try Dataset(DatasetSpecification(.folder, folder + "/train")).splitNames == ["all"])
        }
    }

    @Test func refusesWhatHasNoImages() throws {
        try withFolder { folder in
            let load = { _ = try Dataset(DatasetSpecification(.folder, folder)).loadTraining() }
            #expect(failure(load).contains("holds no folders, expected one per class"))
            try writeImageFolder(to: folder + "/train")
            try write([], to: folder + "/train/bird/readme.txt")
            #expect(failure(load).contains("train/bird: the class has no images"))
            try write(fixture("grey.png"), to: folder + "/test/horse/1.png")
            #expect(failure(load).contains("test/horse: the class is not in"))
        }
    }
}

struct NumpyImageTests {
    private func data(_ entries: [(String, Tensor)], in folder: String) throws -> Dataset {
        try NumpyArchive(entries.map { .init(name: $0.0, tensor: $0.1) }).write(to: folder + "/data.npz")
        return try Dataset(DatasetSpecification(.npz, folder + "/data.npz"))
    }

    @Test func readsEveryOrderOfDimensions() throws {
        try withFolder { folder in
            let values = Array(UInt8(0)..<24)
            let labels = try Tensor([1, 0] as [Int64], shape: [2, 1])
            let pixels = try data([("x_train", Tensor(values, shape: [2, 2, 2, 3])), ("y_train", labels)], in: folder).loadTraining()
            #expect(try pixels.image(1).elements(as: UInt8.self) == [12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23])
            #expect(pixels.labels == [1, 0])
            let planes = try data([("images", Tensor(values, shape: [2, 3, 2, 2])), ("labels", labels)], in: folder).loadTraining()
            #expect(planes.name == "all")
            #expect(try planes.image(1).elements(as: UInt8.self) == Array(12..<24))
            let grey = try data([("x", Tensor(values.map(Double.init), shape: [2, 3, 4])), ("y", labels)], in: folder).loadTraining()
            #expect(grey.isFloatingPoint)
            #expect(try grey.image(1).elements(as: Float.self) == (12..<24).map(Float.init))
        }
    }

    @Test func namesClasses() throws {
        try withFolder { folder in
            let named = try data(
                [("x", Tensor([0, 0] as [UInt8], shape: [2, 1, 1])), ("y", Tensor(vector: [0, 1] as [Int32])),
                 ("classes", Tensor(shape: [2], strings: [Array("cat".utf8), Array("dog".utf8)]))], in: folder)
            #expect(named.classes == ["cat", "dog"])
        }
    }

    @Test func refusesWhatDoesNotFit() throws {
        try withFolder { folder in
            func error(_ entries: [(String, Tensor)]) -> String { failure { _ = try data(entries, in: folder).loadTraining() } }
            let x = try Tensor([UInt8](repeating: 0, count: 8), shape: [2, 2, 2])
            #expect(error([("x", x)]).contains("tensor 'x': there are no labels, expected an array 'y'"))
            #expect(error([("pictures", x)]).contains("not 'pictures'"))
            #expect(error([("x", x), ("y", Tensor(vector: [0] as [Int64]))]).contains("2 images, but 1 labels"))
            #expect(error([("x", x), ("y", Tensor(vector: [0, -1] as [Int64]))]).contains("label 1 is -1"))
            #expect(error([("x", x), ("y", Tensor(vector: [0, UInt64.max]))]).contains("label 1 is 184467440737"))
            #expect(error([("x", x), ("y", Tensor(vector: [0.5, 1]))]).contains("one integer per image"))
            let wide = try Tensor([UInt8](repeating: 0, count: 100), shape: [2, 5, 2, 5])
            #expect(error([("x", wide), ("y", Tensor(vector: [0, 1] as [Int64]))]).contains("expected 1 or 3 channels"))
            let integers = try Tensor([Int32](repeating: 0, count: 8), shape: [2, 2, 2])
            #expect(error([("x", integers), ("y", Tensor(vector: [0, 1] as [Int64]))]).contains("the images are int32"))
        }
    }
}
