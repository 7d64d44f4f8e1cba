import GraphIR
import Testing

@testable import Passes

@Suite struct SeparationReasonTests {
    /// Both commands say the same of a weight that only folding makes a constant.
    @Test func weightsComputedFromConstantsAreLeftAlone() throws {
        let reasons = try [false, true].map { isGiven in
            let graph = try makeGraph { b in
                let x = try b.input("x", [1, 4, 8, 8])
                let weight = try isGiven ? b.input("w", [8, 4, 3, 3]) : b.weights("w", [8, 4, 3, 3])
                let identity = try b.node(.identity(Identity()), [weight], name: "copied")
                b.output(try b.node(.convolution(Convolution(window: b.window([], [], []), groups: 1)), [x, identity], name: "conv"))
            }
            let (_, report) = try SeparationPassTests.separate(graph, SeparateConvolutions(.spatial, scope: .all))
            let reason = try #require(report.skips.first).reason
            let estimate = try #require(try SeparationEstimate.estimates(of: graph).first)
            #expect(estimate.spatial == .impossible(reason))
            #expect(estimate.depthwise == .impossible(reason))
            return reason.description
        }
        #expect(reasons == ["weight is computed from constants: `cleave fold` makes it one", "weight is not constant"])
    }

    @Test func operatorsOfARuntimeAreNamed() throws {
        let graph = try makeGraph { b in
            let x = try b.input("x", [1, 4, 8, 8])
            let weight = try b.weights("w", [8, 4, 3, 3])
            let fused = OpaqueOperator(domain: "com.microsoft", name: "FusedConv", overload: "")
            b.output(try b.node(.opaque(fused), [x, weight], name: "fused"))
        }
        let (_, report) = try SeparationPassTests.separate(graph, SeparateConvolutions(.spatial, scope: .all))
        #expect(
            SeparationPassTests.reasons(report) == [
                "fused": "is one of a runtime's own operators: export the model without the runtime's optimizations"
            ])
    }
}
