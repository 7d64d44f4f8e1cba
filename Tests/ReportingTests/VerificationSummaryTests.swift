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
