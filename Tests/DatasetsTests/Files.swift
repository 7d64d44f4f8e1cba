import Foundation
import Tensors
import Testing

@testable import Datasets

/// Calls `body` with a new folder that is removed afterwards.
func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.path + "/cleave-data-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
}

/// Writes a file, with the folders that it is in.
func write(_ bytes: [UInt8], to path: String) throws {
    try FileManager.default.createDirectory(atPath: FilePath.folder(of: path), withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
}

let imageFixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("fixtures/images").path

func fixture(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: imageFixtures + "/" + name))) }

/// A record of CIFAR-10: pixel i is (seed + i) mod 251.
func cifarRecord(label: UInt8, seed: Int) -> [UInt8] { [label] + (0..<3072).map { UInt8((seed + $0) % 251) } }

/// A small CIFAR-10: two training batches of five images each, labels 0…9, and a test batch of three.
func writeCIFAR(to folder: String) throws {
    for batch in 0..<2 {
        let records = (5 * batch..<5 * batch + 5).flatMap { cifarRecord(label: UInt8($0), seed: $0) }
        try write(records, to: "\(folder)/data_batch_\(batch + 1).bin")
    }
    try write((0..<3).flatMap { cifarRecord(label: UInt8($0), seed: 100 + $0) }, to: folder + "/test_batch.bin")
    try write(Array("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n".utf8), to: folder + "/batches.meta.txt")
}

func idx(_ lengths: [Int], _ elements: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(lengths.count)] + lengths.flatMap { length in (0..<4).map { UInt8(length >> (24 - 8 * $0) & 0xFF) } } + elements
}

/// Two classes: two colour images of 34×21 as `cat`, and one of 140×96 and a grey one as `dog`.
func writeImageFolder(to folder: String) throws {
    try write(fixture("colours.jpg"), to: folder + "/cat/1.jpg")
    try write(fixture("colours.png"), to: folder + "/cat/2.PNG")
    try write(fixture("photo.jpg"), to: folder + "/dog/1.jpeg")
    try write(fixture("grey.jpg"), to: folder + "/dog/2.jpg")
    try write(Array("not an image".utf8), to: folder + "/dog/notes.txt")
}

/// The error that `body` throws, whole: its description and what it suggests.
func failure(_ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) -> String {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
        return ""
    } catch let error as CleaveError {
        return error.description + (error.suggestion.map { " – " + $0 } ?? "")
    } catch {
        Issue.record("not a CleaveError: \(error)", sourceLocation: sourceLocation)
        return ""
    }
}
