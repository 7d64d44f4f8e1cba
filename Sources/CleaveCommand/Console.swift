import Cleave
@preconcurrency import Dispatch
import Foundation
import Synchronization

/// Writes all of `text` to standard output, which a report that nobody could read is not.
/// - Throws: `CleaveError` when standard output takes no more: a full disk, a limit on the size of files.
func writeToStandardOutput(_ text: String) throws {
    try Data(text.utf8).withUnsafeBytes { try AtomicFile.append($0, to: STDOUT_FILENO, path: "standard output") }
}

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

/// Signals that ask the process to end. One that it was started without, by `nohup` or as a job in the background, stays off.
private let interruptSources = [SIGINT, SIGTERM, SIGHUP].filter { !isIgnored($0) }.map { (number: Int32) -> any DispatchSourceSignal in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
    source.setEventHandler {
        let interruption = currentInterruption.withLock { $0 }
        if interruption?.request(number) != true { AtomicFile.removeUnfinishedAndExit(128 + number) }
    }
    source.resume()
    return source
}

private let currentInterruption = Mutex<Interruption?>(nil)

/// A request to end that the work under way meets by itself, at the next good moment. A second one ends the process at once.
final class Interruption: Sendable {
    private let requested = Mutex<Int32?>(nil)

    /// The signal that asked for it.
    var signal: Int32? { requested.withLock { $0 } }

    /// From now on, signals come here first.
    func install() { currentInterruption.withLock { $0 = self } }

    /// - Returns: whether this is the first request.
    fileprivate func request(_ number: Int32) -> Bool {
        requested.withLock { requested in
            guard requested == nil else { return false }
            requested = number
            return true
        }
    }
}

private func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
}

/// Makes an interrupted command leave nothing half-written behind.
func removeUnfinishedFilesOnInterrupt() { _ = interruptSources }

/// Makes a write beyond the limit on the size of files fail as any other that does not succeed.
func reportFilesThatGrowTooLarge() { signal(SIGXFSZ, SIG_IGN) }

/// Gives the crash that reading a mapped file ends in, when someone cuts it short meanwhile, the form of an error.
func explainFilesThatShrink() {
    signal(SIGBUS) { _ in
        let text: StaticString = """
            error: a model, or its external data, became shorter while it was read
                   leave the files alone while a command reads them, and try again

            """
        _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        _exit(ExitStatus.badInput)
    }
}
