import Synchronization
import Tensors
import Testing

@testable import Reporting

struct ProgressLineTests {
    private final class Output: Sendable {
        private let parts = Mutex<[String]>([])
        func append(_ text: String) { parts.withLock { $0.append(text) } }
        var texts: [String] { parts.withLock { $0 } }
    }

    private let progress = WorkProgress(task: "verifying", completed: 3, total: 8, unit: "samples")

    @Test func saysHowFarHowFastAndHowLong() {
        #expect(ProgressLine.text(progress, elapsed: 1.5) == "verifying   3 of 8 samples   2.00 samples/s   2.5 s left")
        #expect(ProgressLine.text(WorkProgress(task: "reading a\nb"), elapsed: 2) == "reading a\\nb   2.0 s")
        let open = WorkProgress(task: "reading", completed: 0, total: nil, unit: "files")
        #expect(ProgressLine.text(open, elapsed: 2) == "reading   0 files   2.0 s")
    }

    @Test func isSilentForTheFirstSecond() {
        let output = Output()
        let line = ProgressLine(isEnabled: true, isTerminal: true) { output.append($0) }
        line.update(progress)
        line.draw(at: .now)
        line.finish()
        #expect(output.texts.isEmpty)
    }

    @Test func movesInATerminalAndIsTakenAway() {
        let output = Output()
        let line = ProgressLine(isEnabled: false, isTerminal: true) { output.append($0) }
        line.update(progress)
        line.draw(at: .now + .seconds(2))
        line.draw(at: .now + .seconds(3))
        line.finish()
        line.draw(at: .now + .seconds(4))
        #expect(output.texts.count == 3)
        #expect(output.texts[0].hasPrefix("\rverifying   3 of 8 samples"))
        #expect(output.texts[2].hasPrefix("\r ") && output.texts[2].hasSuffix(" \r"))
    }

    @Test func isAPlainLineNowAndThenInALog() {
        let output = Output()
        let line = ProgressLine(isEnabled: false, isTerminal: false) { output.append($0) }
        line.update(progress)
        for second in 1...45 { line.draw(at: .now + .seconds(second) + .milliseconds(1)) }
        line.finish()
        #expect(output.texts.count == 2)
        #expect(output.texts.allSatisfy { $0.hasSuffix("\n") && !$0.contains("\r") })
    }

    @Test func notesStayAboveTheLine() {
        let output = Output()
        let line = ProgressLine(isEnabled: true, isTerminal: true, width: { 20 }) { output.append($0) }
        line.update(line: "a line that is longer than the terminal is wide")
        line.draw(at: .now + .seconds(2))
        line.note("done")
        line.note("and done")
        line.finish()
        #expect(output.texts == ["\ra line that is long", "\rdone" + String(repeating: " ", count: 15) + "\n", "\rand done\n"])
    }
}
