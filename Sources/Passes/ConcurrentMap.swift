import Dispatch
import Synchronization

/// The results of `transform` for all elements, in their order, computed on all processors; large pieces of work start first,
/// so that none is left over at the end.
/// - Throws: what `transform` throws for the first element, in order, that fails.
func concurrentMap<Element: Sendable, Result: Sendable>(
    _ elements: [Element], largestFirst size: (Element) -> Int, _ transform: @Sendable (Element) throws -> Result
) throws -> [Result] {
    let sizes = elements.map(size)
    let schedule = elements.indices.sorted { sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : $0 < $1 }
    let results = Mutex([Swift.Result<Result, any Error>?](repeating: nil, count: elements.count))
    withoutActuallyEscaping(transform) { transform in
        DispatchQueue.concurrentPerform(iterations: elements.count) { iteration in
            let index = schedule[iteration]
            let result = Swift.Result { try transform(elements[index]) }
            results.withLock { $0[index] = result }
        }
    }
    return try results.withLock { $0 }.compactMap { try $0?.get() }
}
