import GraphIR
import Testing

@testable import Verification

struct LayerAlignmentTests {
    /// Names of the original's values and the candidate's that stand for them.
    private func pairs(_ candidate: Graph, _ original: Graph) -> [[String]] {
        LayerAlignment(candidate: candidate, original: original).pairs.map { [$0.value, $0.candidateValue] }
    }

    private func origins(_ nodes: [String: [String]]) -> [String: Origin] {
        nodes.mapValues { Origin(pass: "fold", nodes: $0.map { "node_\($0)" }) }
    }

    @Test func renamedValuesLineUpByOrigin() throws {
        let original = try chain(["a", "b", "c", "y"], graphName: "original")
        let renamed = try chain(
            ["v1", "v2", "y"], graphName: "candidate", origins: origins(["v1": ["a"], "v2": ["b", "c"], "y": ["y"]]))
        // What stands for b and c makes what c made.
        #expect(pairs(renamed, original) == [["a", "v1"], ["c", "v2"], ["y", "y"]])
    }

    @Test func theLastOfSeveralLayersMakesWhatTheNodeMade() throws {
        let original = try chain(["a", "y"], graphName: "original")
        let separated = try chain(["first", "second", "y"], graphName: "candidate", origins: origins(["first": ["a"], "second": ["a"]]))
        #expect(pairs(separated, original) == [["a", "second"], ["y", "y"]])
        // The other way round, the original is the rewritten one.
        let other = try chain(["v", "y"], graphName: "other", origins: origins(["v": ["a"]]))
        #expect(pairs(other, separated) == [["second", "v"], ["y", "y"]])
        // Both are, and a later rewrite has merged what followed the second.
        let long = try chain(["first", "second", "n", "y"], graphName: "long", origins: origins(["first": ["a"], "second": ["a"]]))
        let folded = try chain(["first", "n", "y"], graphName: "folded", origins: origins(["first": ["a"], "n": ["a", "n"]]))
        #expect(pairs(folded, long) == [["first", "first"], ["n", "n"], ["y", "y"]])
    }

    @Test func accidentalNamesGiveWayToOrigins() throws {
        let original = try chain(["1", "2", "3", "y"], graphName: "original")
        let renumbered = try chain(
            ["2", "3", "1", "y"], graphName: "candidate", origins: origins(["2": ["1"], "3": ["2"], "1": ["3"]]))
        #expect(pairs(renumbered, original) == [["1", "2"], ["2", "3"], ["3", "1"], ["y", "y"]])
    }

    @Test func unknownAndAmbiguousOriginsSayNothing() throws {
        let original = try chain(["a", "b", "y"], graphName: "original", origins: origins(["b": ["a"]]))
        // `node_a` is the name of one node and in the origin of another; `node_z` is none of the original's.
        let candidate = try chain(["v", "w", "y"], graphName: "candidate", origins: origins(["v": ["a"], "w": ["b", "z"]]))
        #expect(pairs(candidate, original) == [["y", "y"]])
    }
}
