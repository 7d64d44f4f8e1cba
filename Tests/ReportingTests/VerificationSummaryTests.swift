import Foundation
import Tensors
import Testing

@testable import Reporting
@testable import Verification

struct VerificationSummaryTests {
    private func summary(_ actual: [Float], _ expected: [Float], tolerance: Tolerance = Tolerance()) throws -> VerificationSummary {
        var comparison = TensorComparison(tolerance: tolerance.resolved(for: .float32))
        comparison.add(try Tensor([Float(1), 2], shape: [2]), expected: try Tensor([Float(1), 2], shape: [2]))
        comparison.add(try Tensor(actual, shape: [actual.count]), expected: try Tensor(expected, shape: [expected.count]))
        return VerificationSummary(
            original: "a.onnx", candidate: "b.onnx",
            report: VerificationReport(
                sampleCount: 2, inputs: [], tolerance: tolerance, outputs: [.init(name: "y", comparison: comparison)], layers: nil,
                originalAgainstExpected: [], candidateAgainstExpected: []))
    }

    private func json(_ summary: VerificationSummary) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(summary.json.text.utf8)) as? [String: Any])
    }

    @Test func theToleranceIsThatInUse() throws {
        let json = try json(try summary([4, 8], [4, 8]))
        let tolerance = try #require(json["tolerance"] as? [String: Double])
        #expect(tolerance == ["relative": 1e-4, "smallest_absolute": 2e-5, "largest_absolute": 8e-5])
        let output = try #require((json["outputs"] as? [[String: Any]])?.first)
        #expect(output["tolerance"] as? [String: Double] == tolerance)
        let given = try self.json(try summary([4, 8], [4, 8], tolerance: Tolerance(absolute: 0.5, relative: 0.25)))
        #expect(given["tolerance"] as? [String: Double] == ["relative": 0.25, "smallest_absolute": 0.5, "largest_absolute": 0.5])
    }

    @Test func samplesAreCountedAlikeInTextAndJSON() throws {
        let summary = try summary([4, 9], [4, 8])
        #expect(summary.text(style: .plain).contains("worst element: y[1] of sample 1, 9 for 8"))
        let output = try #require((try json(summary)["outputs"] as? [[String: Any]])?.first)
        #expect((output["worst"] as? [String: Any])?["sample"] as? Int == 1)
    }

    @Test func aVerdictTellsTheErrorFromTheTolerance() throws {
        let summary = try summary([100.0111, 0], [100, 0])
        #expect(summary.verdict(style: .plain).contains("(max relative error 1.01e-04, tolerance 1e-04)"))
    }

    @Test func quantizedModelsAreJudgedByNoise() throws {
        var summary = try summary([4, 8.1], [4, 8])
        summary.report.leastSignalToNoise = 20
        #expect(summary.verdict(style: .plain) == "CLOSE (39.3 dB, at least 20 dB)")
        #expect(summary.text(style: .plain).contains("close\n") && !summary.text(style: .plain).contains("different"))
        #expect(try json(summary)["verdict"] as? String == "CLOSE")
        summary.report.leastSignalToNoise = 50
        #expect(summary.verdict(style: .plain) == "DIFFERENT: output y, 39.3 dB, expected at least 50 dB")
        #expect(!summary.report.isAccepted)
    }

    @Test func theLayersThatAddMostNoiseAreShown() throws {
        var summary = try summary([4, 8.1], [4, 8])
        summary.report.leastSignalToNoise = 20
        let own = [1e-4, 1e-5, 0.1, 0, 1e-3, 1e-6, 1e-7]
        summary.report.quantization = QuantizationNoise(
            layers: own.enumerated().map { index, noise in
                .init(
                    node: "layer\(index)", operatorName: "Conv", value: "v\(index)", candidateValue: "q\(index)", isQuantized: index != 5,
                    accumulated: SignalToNoise(signal: 1, noise: noise), own: SignalToNoise(signal: 1, noise: noise), isScaled: index == 1)
            }, dynamicCount: 0)
        let text = summary.text(style: .plain)
        #expect(text.contains("the 5 of 6 layers in integers that add most noise"))
        let places = ["layer2 ", "layer4 ", "layer0 ", "layer1 (scaled) ", "layer6 "].map { text.range(of: $0)?.lowerBound }
        #expect(places.allSatisfy { $0 != nil } && places.compactMap { $0 } == places.compactMap { $0 }.sorted())
        #expect(!text.contains("layer3") && !text.contains("layer5"))
        #expect(text.contains("first bad layer   layer2, 10.0 dB, expected at least 20 dB"))
        summary.showsLayers = true
        #expect(summary.text(style: .plain).contains("layer5"))
        let quantization = try #require(try json(summary)["quantization"] as? [String: Any])
        #expect(quantization["first_bad_layer"] as? String == "layer2")
        #expect((quantization["layers"] as? [[String: Any]])?[3]["own_db"] as? String == "inf")
    }

    @Test func equalNothingsAreRemarkedOn() throws {
        func remarks(_ numbers: [Float]) throws -> [String] {
            let tensor = try Tensor(numbers, shape: [numbers.count])
            let comparison = TensorComparison(tensor, expected: tensor, tolerance: Tolerance().resolved(for: .float32))
            var summary = try summary([1], [1])
            summary.report.outputs = [.init(name: "y", comparison: comparison)]
            return summary.remarks
        }
        #expect(
            try remarks([0.001, 0.001]) == [
                "all elements of output y are 0.001 in both models, which any model could give",
                "nothing was proven: try other inputs (--inputs), or the model with its trained weights",
            ])
        #expect(try remarks([.nan, .nan]).first == "all elements of output y are NaN in both models, which any model could give")
        #expect(try remarks([1, 2]).isEmpty)
        #expect(try summary([4, 9], [4, 8]).remarks.isEmpty)
    }
}
