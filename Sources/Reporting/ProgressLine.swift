@preconcurrency import Dispatch
import Foundation
import Synchronization
import Tensors

/// One line on standard error that says how far long work has come.
///
/// Nothing is shown for the first second. In a terminal the line then moves; in a log it becomes a plain line every
/// thirty seconds. `finish` leaves no trace in a terminal.
public final class ProgressLine: Sendable {
    private enum Progress {
        case work(WorkProgress)
        /// The line itself.
        case text(String)

        func isSameTask(as other: Progress?) -> Bool {
            switch (self, other) {
            case (.work(let work), .work(let other)): work.task == other.task
            case (.text, .text): true
            default: false
            }
        }

        func text(elapsed: Double) -> String {
            switch self {
            case .work(let work): ProgressLine.text(work, elapsed: elapsed)
            case .text(let text): text.printable()
            }
        }
    }

    private struct State {
        var progress: Progress?
        var taskStart = ContinuousClock.now
        var lastLine: ContinuousClock.Instant?
        var lineWidth = 0
        var isFinished = false
    }

    private let state = Mutex(State())
    private let timer: (any DispatchSourceTimer)?
    private let isTerminal: Bool
    private let write: @Sendable (String) -> Void
    /// Columns of the terminal; `nil` when there is none, or it does not know.
    private let width: @Sendable () -> Int?

    private static let patience = Duration.seconds(1)
    private static let logInterval = Duration.seconds(30)

    /// - Parameter isEnabled: `false` shows nothing at all.
    public convenience init(isEnabled: Bool) {
        self.init(
            isEnabled: isEnabled, isTerminal: isatty(STDERR_FILENO) == 1, width: { TextStyle(descriptor: STDERR_FILENO, environment: [:]).width }
        ) { text in
            FileHandle.standardError.write(Data(text.utf8))
        }
    }

    init(
        isEnabled: Bool, isTerminal: Bool, width: @escaping @Sendable () -> Int? = { nil }, write: @escaping @Sendable (String) -> Void
    ) {
        self.width = width
        self.isTerminal = isTerminal
        self.write = write
        guard isEnabled else {
            timer = nil
            return
        }
        let timer = DispatchSource.makeTimerSource(queue: .global(qos: .utility))
        self.timer = timer
        timer.schedule(deadline: .now() + 0.1, repeating: 0.1)
        timer.setEventHandler { [weak self] in self?.draw(at: .now) }
        timer.resume()
    }

    deinit { timer?.cancel() }

    /// Takes note of how far the work has come; cheap enough for every sample.
    public func update(_ progress: WorkProgress) { update(.work(progress)) }

    /// Shows this line from now on.
    public func update(line: String) { update(.text(line)) }

    private func update(_ progress: Progress) {
        state.withLock { state in
            if !progress.isSameTask(as: state.progress) { state.taskStart = .now }
            state.progress = progress
        }
    }

    /// Writes a line that stays, above the one that moves.
    public func note(_ line: String) {
        guard timer != nil else { return }
        state.withLock { state in
            let padding = String(repeating: " ", count: max(0, state.lineWidth - line.count))
            write((isTerminal ? "\r" : "") + line.printable() + (isTerminal ? padding : "") + "\n")
            state.lineWidth = 0
        }
    }

    /// Takes the line away.
    public func finish() {
        timer?.cancel()
        state.withLock { state in
            guard !state.isFinished else { return }
            state.isFinished = true
            if isTerminal && state.lineWidth > 0 { write("\r" + String(repeating: " ", count: state.lineWidth) + "\r") }
        }
    }

    func draw(at now: ContinuousClock.Instant) {
        state.withLock { state in
            let elapsed = now - state.taskStart
            guard !state.isFinished, let progress = state.progress, elapsed >= Self.patience else { return }
            if !isTerminal, let last = state.lastLine, now - last < Self.logInterval { return }
            state.lastLine = now
            let text = progress.text(elapsed: elapsed / .seconds(1))
            guard isTerminal else { return write(text + "\n") }
            // A line that wraps could not be taken back.
            let shown = width().map { String(text.prefix(max($0 - 1, 0))) } ?? text
            let padding = String(repeating: " ", count: max(0, state.lineWidth - shown.count))
            state.lineWidth = shown.count
            write("\r" + shown + padding)
        }
    }

    /// `verifying   3 of 8 samples   1.2 samples/s   4.2 s left`
    static func text(_ progress: WorkProgress, elapsed: Double) -> String {
        guard !progress.unit.isEmpty else { return "\(progress.task.printable())   \(NumberFormat.seconds(elapsed))" }
        let rate = elapsed > 0 ? Double(progress.completed) / elapsed : 0
        var parts = [progress.task.printable()]
        if let total = progress.total {
            parts.append("\(NumberFormat.grouped(progress.completed)) of \(NumberFormat.grouped(total)) \(progress.unit)")
        } else {
            parts.append("\(NumberFormat.grouped(progress.completed)) \(progress.unit)")
        }
        if rate >= 0.5 {
            parts.append("\(NumberFormat.significant(rate)) \(progress.unit)/s")
        }
        if let total = progress.total, progress.completed > 0, total > progress.completed, rate > 0 {
            parts.append("\(NumberFormat.seconds(Double(total - progress.completed) / rate)) left")
        } else {
            parts.append(NumberFormat.seconds(elapsed))
        }
        return parts.joined(separator: "   ")
    }
}
