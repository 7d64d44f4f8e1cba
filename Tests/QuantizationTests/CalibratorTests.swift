import Foundation
import GraphIR
import ReferenceBackend
import Tensors
import Testing

@testable import Quantization

struct CalibratorTests {
    private func record(_ graph: Graph, batches: [Int], of numbers: Tensor) throws -> CalibrationRecord {
        let calibrator = try Calibrator(graph, backend: ReferenceBackend(), detail: [.histogram, .channelMeans])
        let values = try numbers.elements(as: Float.self)
        let length = values.count / numbers.shape[0]
        var first = 0
        for count in batches {
            let part = try Tensor(Array(values[first * length..<(first + count) * length]), shape: [count] + numbers.shape[1...])
            try calibrator.add(.init(inputs: ["x": part], sampleNames: (first..<first + count).map { "image \($0)" }))
            first += count
        }
        return try calibrator.record(equalized: false)
    }

    @Test func batchesDoNotMatter() throws {
        let graph = try residualNetwork()
        let numbers = try samples([12, 3, 8, 8])
        let whole = try record(graph, batches: [12], of: numbers)
        #expect(whole.sampleCount == 12)
        for batches in [[1, 11], [5, 5, 2]] {
            let parts = try record(graph, batches: batches, of: numbers)
            #expect(parts.entries.map(\.value) == whole.entries.map(\.value))
            for (left, right) in zip(parts.entries, whole.entries) {
                #expect(left.statistics.histogram == right.statistics.histogram)
                #expect(left.statistics.low == right.statistics.low && left.statistics.high == right.statistics.high)
                #expect(abs(left.statistics.meanHigh - right.statistics.meanHigh) < 1e-12)
                for (a, b) in zip(left.statistics.channelMeans ?? [], right.statistics.channelMeans ?? []) { #expect(abs(a - b) < 1e-9) }
            }
        }
        let merged = try CalibrationRecord.merged([
            record(graph, batches: [7], of: numbers), record(graph, batches: [5], of: try numbers.dropping(7)),
        ])
        #expect(merged.sampleCount == 12)
        #expect(merged.entries.map(\.statistics.histogram) == whole.entries.map(\.statistics.histogram))
    }

    /// What a limit follows is never quantized by itself, and what only moves has its operand's range.
    @Test func onlyNeededValuesAreWatched() throws {
        let names = try calibrated(residualNetwork()).entries.map(\.value)
        #expect(names == ["x", "stem_relu", "pool", "a_relu", "b", "add_relu", "average", "flat", "logits"])
    }

    @Test func meansAreThoseOfChannels() throws {
        let graph = try residualNetwork()
        let numbers = try samples([4, 3, 8, 8])
        let statistics = try #require(try record(graph, batches: [4], of: numbers).statistics["x"])
        let values = try numbers.elements(as: Float.self)
        for channel in 0..<3 {
            let own = values.indices.filter { $0 / 64 % 3 == channel }.map { Double(values[$0]) }
            let mean = try #require(statistics.channelMeans)[channel]
            #expect(abs(mean - own.reduce(0, +) / Double(own.count)) < 1e-6)
        }
    }

    /// A limit that is none says nothing against the model, nor a bad sample; a weight does.
    @Test func whoIsToBlame() throws {
        func problem(weight: Float, sample: Float) throws -> String {
            let graph = try network {
                let x = try $0.input("x", [.named("N"), 2, 3, 3])
                let limits = [try $0.constant("low", [0], []), try $0.constant("high", [.infinity], [])]
                let sigmoid = try $0.node(.activation(Activation(function: .sigmoid)), [x], "s")
                let limited = try $0.node(.clip(Clip(minimum: nil, maximum: nil)), [sigmoid] + limits, "c")
                let weights = [weight] + [Float](repeating: 0.5, count: 7)
                let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
                let first = try $0.node(
                    .convolution(Convolution(window: window, groups: 1)), [limited, try $0.constant("w", weights, [4, 2, 1, 1])], "a")
                return [try $0.conv(first, [2, 4, 1, 1], "y")]
            }
            let calibrator = try Calibrator(graph, backend: ReferenceBackend(), detail: [])
            var numbers = [Float](repeating: 0.1, count: 36)
            numbers[20] = sample
            let batch = CalibrationBatch(inputs: ["x": try Tensor(numbers, shape: [2, 2, 3, 3])], sampleNames: ["first", "second"])
            return try #require(throws: CleaveError.self) { try calibrator.add(batch) }.problem
        }
        #expect(try problem(weight: 0.5, sample: .nan) == "the value is not a number for sample second")
        let blamed = try problem(weight: .nan, sample: 0.1)
        #expect(blamed == "the value is not a number for sample first, as the model's constant 'w' contains NaN or infinities")
    }

    @Test func rangesAreOfANetwork() throws {
        let graph = try residualNetwork()
        var record = try calibrated(graph)
        record.network = graph.calibrationChecksum
        try record.check(isOf: graph)
        var renamed = graph
        renamed.setMetadata("author", to: "somebody")
        try record.check(isOf: renamed)
        var other = graph
        let weight = try #require(other.value(named: "a.weight")?.id)
        try other.edit { editor in
            let values = try #require(editor.graph[weight].constant).elements(as: Float.self)
            editor.setConstant(weight, to: try Tensor(values.map { $0 * 1.01 }, shape: [8, 8, 3, 3]))
        }
        let error = #expect(throws: CleaveError.self) { try record.check(isOf: other) }
        #expect(error?.problem == "the ranges are of another network, or of other weights")
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func invalidNumbersAreNamed(value: Float) throws {
        var values = try samples([5, 3, 8, 8]).elements(as: Float.self)
        values[3 * 192 + 17] = value
        let numbers = try Tensor(values, shape: [5, 3, 8, 8])
        let error = #expect(throws: CleaveError.self) { try record(residualNetwork(), batches: [2, 3], of: numbers) }
        #expect(error?.kind == .invalidNumbers)
        #expect(error?.location.tensor == "x")
        #expect(error?.problem.contains("sample image 3") == true)
    }

    @Test func overflowInsideIsNamed() throws {
        var values = try samples([2, 3, 8, 8]).elements(as: Float.self)
        for index in 192..<384 { values[index] = 3e38 }
        let error = #expect(throws: CleaveError.self) {
            try record(residualNetwork(), batches: [2], of: Tensor(values, shape: [2, 3, 8, 8]))
        }
        #expect(error?.location.tensor == "stem_relu")
        #expect(error?.problem.contains("sample image 1") == true)
    }

    @Test func emptySetsAreRefused() throws {
        let error = #expect(throws: CleaveError.self) { try record(residualNetwork(), batches: [], of: samples([1, 3, 8, 8])) }
        #expect(error?.problem.contains("empty") == true)
        #expect(throws: CleaveError.self) { try CalibrationRecord.merged([]) }
    }

    @Test func mismatchingSamplesAreRefused() throws {
        let error = #expect(throws: CleaveError.self) { try record(residualNetwork(), batches: [2], of: samples([2, 4, 8, 8])) }
        #expect(error?.kind == .shapeMismatch)
    }

    @Test func filesKeepEverything() throws {
        let record = try calibrated(residualNetwork())
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("ranges-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try record.write(to: path)
        let first = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(try CalibrationRecord(reading: path) == record)
        try record.write(to: path)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
        for text in ["", "{}", "[1]", #"{"format": 1, "equalized": false, "entries": [{"value": "x"}]}"#] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: CleaveError.self) { try CalibrationRecord(reading: path) }
            #expect(error?.location.file == path)
        }
        let wrong = String(decoding: first, as: UTF8.self).replacingOccurrences(of: #""format":1"#, with: #""format":2"#)
        try Data(wrong.utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: CleaveError.self) { try CalibrationRecord(reading: path) }
    }

    @Test func rangesOfOtherNetworksAreRefused() throws {
        let other = try network { [try $0.conv(try $0.input("z", [1, 2, 4, 4]), [2, 2, 3, 3], "c")] }
        let record = try calibrated(other, count: 1)
        #expect(throws: CleaveError.self) { try CalibrationRecord.merged([record, calibrated(residualNetwork())]) }
        var graph = try residualNetwork()
        let error = #expect(throws: CleaveError.self) { try QuantizeGraph(record, options: .init()).run(on: &graph) }
        #expect(error?.problem == "there is no range for the value")
    }
}

extension Tensor {
    fileprivate func dropping(_ count: Int) throws -> Tensor {
        let values = try elements(as: Float.self)
        let length = values.count / shape[0]
        return try Tensor(Array(values[(count * length)...]), shape: [shape[0] - count] + shape[1...])
    }
}
