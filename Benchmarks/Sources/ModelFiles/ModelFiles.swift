import Cleave
import Foundation

/// Measures reading and writing an ONNX file: `ModelFiles MODEL ROUNDS`.
///
/// Prints one JSON object: the shortest time of each in seconds, and this process's peak resident set in bytes.
@main
struct ModelFiles {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let rounds = Int(arguments[2]), rounds > 0 else {
            FileHandle.standardError.write(Data("usage: ModelFiles MODEL ROUNDS\n".utf8))
            exit(2)
        }
        let model = arguments[1]
        let copy = model + ".copy"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        var load = Double.infinity
        var save = Double.infinity
        for _ in 0..<rounds {
            let start = ContinuousClock.now
            let graph = try Graph(onnx: model)
            let loaded = ContinuousClock.now
            try graph.write(onnx: copy)
            load = min(load, (loaded - start) / .seconds(1))
            save = min(save, (ContinuousClock.now - loaded) / .seconds(1))
        }
        let report: JSONValue = ["load": .number(load), "save": .number(save), "peak": .integer(peakResidentBytes())]
        print(report.text)
    }

    private static func peakResidentBytes() -> Int {
        var usage = rusage()
        #if os(macOS)
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
        #else
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss * 1024
        #endif
    }
}
