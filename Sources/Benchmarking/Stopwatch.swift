/// What `body` returns, and how long it took in seconds.
public func timed<Result>(_ body: () throws -> Result) rethrows -> (result: Result, seconds: Double) {
    let start = ContinuousClock.now
    let result = try body()
    return (result, (ContinuousClock.now - start) / .seconds(1))
}

/// Calls `body` again and again and times each call.
///
/// Calls in the first tenth of the time are not counted, but at least one is made: they bring caches, threads and clock
/// frequency to where they are while the work goes on.
/// - Parameters:
///   - seconds: how long to go on.
///   - minimum: calls that are counted at least, however long they take.
///   - limit: calls after which to stop even so.
/// - Returns: seconds per call, in order.
public func repeatedTimes(for seconds: Double, minimum: Int = 1, limit: Int = 10_000, _ body: () throws -> Void) rethrows -> [Double] {
    let begin = ContinuousClock.now
    repeat { try body() } while ContinuousClock.now - begin < .seconds(seconds / 10)
    var times: [Double] = []
    repeat {
        times.append(try timed(body).seconds)
    } while times.count < minimum || (times.count < limit && ContinuousClock.now - begin < .seconds(seconds))
    return times
}
