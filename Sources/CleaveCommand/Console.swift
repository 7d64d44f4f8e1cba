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

private let interruptSources = [SIGINT, SIGTERM, SIGHUP].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
    source.setEventHandler {
        AtomicFile.removeUnfinished()
        _exit(128 + number)
    }
    source.resume()
    return source
}

/// Makes an interrupted command leave nothing half-written behind.
func removeUnfinishedFilesOnInterrupt() { _ = interruptSources }
