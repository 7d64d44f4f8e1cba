import Cleave
@preconcurrency import Dispatch
import Foundation

func writeToStandardError(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
}

/// `error: ` and what is wrong, on one line; below it, indented, what to try.
func printError(_ problem: String, suggestion: String?) {
    let style = TextStyle(descriptor: STDERR_FILENO)
    var text = style.apply(.bad, to: "error:") + " " + problem.printable(limit: 2000) + "\n"
    if let suggestion { text += "       " + suggestion.printable(limit: 2000) + "\n" }
    writeToStandardError(text)
}

private let interruptSources = [SIGINT, SIGTERM, SIGHUP].compactMap { number -> (any DispatchSourceSignal)? in
    var previous = sigaction()
    guard sigaction(number, nil, &previous) == 0, !isIgnored(previous) else { return nil }
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
    source.setEventHandler {
        AtomicFile.removeUnfinished()
        _exit(128 + number)
    }
    source.resume()
    return source
}

private func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}

/// Makes an interrupted command leave nothing half-written behind. A signal that the parent ignores (`nohup`) stays ignored.
func removeUnfinishedFilesOnInterrupt() { _ = interruptSources }
