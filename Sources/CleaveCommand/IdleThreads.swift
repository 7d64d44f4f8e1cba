import ArgumentParser
import Foundation

/// A command that runs networks, and so uses the threads of OpenMP.
protocol NetworkCommand: ParsableCommand {}

/// Lets the threads that compute sleep soon after they run out of work.
///
/// OpenMP's threads spin for milliseconds between two steps unless its environment says otherwise. On a machine with other work,
/// they then take the processor from the very thread that they wait for, which makes a network up to 40 times slower. The library
/// reads its settings while it is loaded, before any code of this program runs: so the program starts itself once more, with the
/// setting, unless the caller has made one. Where that fails, everything works all the same.
func letIdleThreadsSleep() {
    #if os(Linux)
    guard getenv("GOMP_SPINCOUNT") == nil, getenv("OMP_WAIT_POLICY") == nil,
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    else { return }
    // Some ten microseconds: longer than the way from one step to the next, shorter than waking a thread costs.
    setenv("GOMP_SPINCOUNT", "2000", 1)
    execv(program, CommandLine.unsafeArgv)
    #endif
}
