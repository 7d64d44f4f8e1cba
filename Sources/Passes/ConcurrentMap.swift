import Dispatch
import Synchronization
import Tensors

/// The results of `transform` for all elements, in their order, computed on all processors; large pieces of work start first,
/// so that none is left over at the end.
/// - Throws: what `transform` throws for the first element, in order, that fails; `CleaveError` of kind `cancelled` when the task
///   was cancelled before all elements had begun.
func concurrentMap<Element: Sendable, Result: Sendable>(
    _ elements: [Element], largestFirst size: (Element) -> Int, _ transform: @Sendable (Element) throws -> Result
) throws -> [Result] {
    let sizes = elements.map(size)
    let schedule = elements.indices.sorted { sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : $0 < $1 }
    let results = Mutex([Swift.Result<Result, any Error>?](repeating: nil, count: elements.count))
    let isCancelled = Atomic(false)
    withoutActuallyEscaping(transform) { transform in
        DispatchQueue.concurrentPerform(iterations: elements.count) { iteration in
            // Only the calling thread, which does its share, knows the task.
            if Task.isCancelled { isCancelled.store(true, ordering: .relaxed) }
            guard !isCancelled.load(ordering: .relaxed) else { return }
            let index = schedule[iteration]
            let result = Swift.Result { try transform(elements[index]) }
            results.withLock { $0[index] = result }
        }
    }
    try checkCancellation()
    return try results.withLock { $0 }.compactMap { try $0?.get() }
}
