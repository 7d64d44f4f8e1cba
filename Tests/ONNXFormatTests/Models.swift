import Foundation
import GraphIR

/// Models that tests read: the ONNX project's own, and real exports where the machine has them.
enum Models {
    static let backendData = URL(filePath: "/usr/share/libonnx-testdata/data")
    static let shared = Tools.repository.deletingLastPathComponent().appending(path: "shared/models")

    /// Groups of the ONNX project's test cases.
    static let backendGroups = ["node", "pytorch-converted", "pytorch-operator", "simple"]

    /// The model files of a group, sorted by name.
    static func backend(_ group: String) -> [URL] { find(in: backendData.appending(path: group)) }

    static var real: [URL] { find(in: shared) }
    static var haveReal: Bool { !real.isEmpty }

    private static func find(in folder: URL) -> [URL] {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "onnx" }.sorted { $0.path < $1.path }
    }

    /// Case and file name, for messages.
    static func label(_ url: URL) -> String { url.deletingLastPathComponent().lastPathComponent + "/" + url.lastPathComponent }
}
