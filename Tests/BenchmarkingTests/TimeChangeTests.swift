import Benchmarking
import Foundation
import Testing

struct TimeChangeTests {
    private func change(_ old: (Double, Double, Double), _ new: (Double, Double, Double)) -> TimeChange.Verdict? {
        let changes = TimeChange.changes(
            from: [RecordedTime(name: "work", median: old.1, p10: old.0, p90: old.2, runs: 9)],
            to: [RecordedTime(name: "work", median: new.1, p10: new.0, p90: new.2, runs: 9)], threshold: 0.1)
        return changes.count == 1 ? changes[0].verdict : nil
    }

    @Test func aChangeIsMoreThanThresholdAndSpread() {
        #expect(change((9, 10, 11), (12, 13, 14)) == .slower)
        #expect(change((12, 13, 14), (9, 10, 11)) == .faster)
        #expect(change((9.9, 10, 10.1), (10.5, 10.9, 11)) == .same)
        #expect(change((9, 10, 14), (13, 15, 20)) == .same)
        #expect(change((13, 15, 20), (9, 10, 14)) == .same)
        #expect(change((0, 0, 0), (1, 1, 1)) == .new)
    }

    @Test func namesAreMatchedInTheNewOrder() {
        func record(_ name: String, _ median: Double) -> RecordedTime {
            RecordedTime(name: name, median: median, p10: median, p90: median, runs: 3)
        }
        let changes = TimeChange.changes(
            from: [record("a", 1), record("b", 2), record("gone", 1)], to: [record("c", 1), record("b", 4), record("a", 1)], threshold: 0.1)
        #expect(changes.map(\.name) == ["c", "b", "a"])
        #expect(changes.map(\.verdict) == [.new, .slower, .same])
        #expect(changes.map(\.factor) == [nil, 2, 1])
    }

    @Test func recordsSurviveAFile() throws {
        let times = try #require(Distribution([3, 1, 2]))
        let record = RecordedTime(name: "work", times)
        #expect(record.median == 2)
        #expect(record.runs == 3)
        #expect(try JSONDecoder().decode(RecordedTime.self, from: JSONEncoder().encode(record)) == record)
    }
}
