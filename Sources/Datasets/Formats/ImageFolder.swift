import CKernels
import Foundation
import Tensors

/// A folder of JPEG and PNG files per class, the classes sorted by name: `train/cat/1.jpg`. The splits are `train` and `test`
/// or `val` (`valid` and `validation` are understood); a folder without them is one split, `all`.
struct ImageFolder: DatasetFiles {
    let classes: [String]
    private let splits: [(name: String, folder: String, classes: [String])]

    var splitNames: [String] { splits.map(\.name) }

    private static let splitFolders = [
        ("train", "train"), ("test", "test"), ("val", "val"), ("val", "valid"), ("val", "validation"),
    ]

    init(_ path: String) throws {
        let folders = try Self.subfolders(of: path)
        var found = Self.splitFolders.filter { folders.contains($0.1) }.map { (name: $0.0, folder: path + "/" + $0.1) }
        if found.isEmpty { found = [("all", path)] }
        let splits = try found.map { name, folder in
            let classes = try Self.subfolders(of: folder)
            guard !classes.isEmpty else {
                throw CleaveError(
                    .file, "the folder holds no folders, expected one per class", at: .init(file: folder),
                    suggestion: "put the images of a class into a folder of its name: \(folder)/cat/1.jpg")
            }
            return (name: name, folder: folder, classes: classes)
        }
        if let twice = splits.indices.dropFirst().first(where: { splits[$0].name == splits[$0 - 1].name }) {
            throw CleaveError(.file, "the folder is a second validation split, expected one", at: .init(file: splits[twice].folder))
        }
        let classes = splits[0].classes
        for split in splits.dropFirst() {
            if let surplus = split.classes.first(where: { !classes.contains($0) }) {
                throw CleaveError(
                    .file, "the class is not in \(splits[0].folder), which has \(classes.count) classes",
                    at: .init(file: split.folder + "/" + surplus))
            }
        }
        self.splits = splits
        self.classes = classes
    }

    private static func subfolders(of folder: String) throws -> [String] {
        try folderEntries(folder).filter { name in
            var status = stat()
            return !name.hasPrefix(".") && stat(folder + "/" + name, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        }
    }

    func load(_ split: String) throws -> DatasetSplit {
        guard let (name, folder, present) = splits.first(where: { $0.name == split }) else {
            throw CleaveError(.invalidRequest, "there is no split '\(split)'")
        }
        var files: [ImageFiles.File] = []
        var labels: [Int32] = []
        for (label, className) in classes.enumerated() where present.contains(className) {
            let entries = try folderEntries(folder + "/" + className).filter(Self.isImage)
            guard !entries.isEmpty else {
                throw CleaveError(
                    .file, "the class has no images, expected files that end in .jpg, .jpeg or .png",
                    at: .init(file: folder + "/" + className))
            }
            files += entries.map { ImageFiles.File(folder: label, name: $0) }
            labels += [Int32](repeating: Int32(label), count: entries.count)
        }
        let images = ImageFiles(folders: classes.map { folder + "/" + $0 }, files: files)
        return try locating(file: folder) { try DatasetSplit(name: name, classes: classes, labels: labels, images: images) }
    }

    private static func isImage(_ name: String) -> Bool {
        let name = name.lowercased()
        return !name.hasPrefix(".") && [".jpg", ".jpeg", ".png"].contains(where: name.hasSuffix)
    }
}

/// Images that are decoded whenever they are needed.
struct ImageFiles: ImageSource {
    struct File: Sendable {
        /// An index into `folders`.
        var folder: Int
        var name: String
    }

    let folders: [String]
    let files: [File]

    var shape: ImageShape? { nil }
    var isFloatingPoint: Bool { false }
    var isResident: Bool { false }

    func name(of index: Int) -> String { folders[files[index].folder] + "/" + files[index].name }

    func withImage<Result>(_ index: Int, covering target: ImageShape?, _ body: (ck_image) throws -> Result) throws -> Result {
        let image = try DecodedImage(contentsOf: name(of: index), covering: target)
        return try image.samples.withUnsafeBytes { bytes in
            try body(ck_image(samples: bytes.baseAddress, isFloat: false, shape: image.shape, layout: .pixels))
        }
    }
}
