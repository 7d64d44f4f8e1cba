import Foundation
import Synchronization
import Tensors

/// Hands numbers of batches to those who prepare them, and the batches, in order, to the one who takes them. Never more than
/// `ahead` batches are under way or ready.
final class BatchQueue: @unchecked Sendable {
    // Everything below is guarded by the condition's lock.
    private let condition = NSCondition()
    private var results: [Int: Result<Batch, any Error>] = [:]
    private var nextToBegin: Int
    private var nextToTake: Int
    private var isStopped = false
    private let end: Int
    private let ahead: Int

    init(first: Int, end: Int, ahead: Int) {
        nextToBegin = first
        nextToTake = first
        self.end = end
        self.ahead = ahead
    }

    /// The next batch to prepare, as soon as there is room for it; `nil` when there is no more to do.
    func begin() -> Int? {
        condition.withLock {
            while !isStopped, nextToBegin < end, nextToBegin - nextToTake >= ahead { condition.wait() }
            guard !isStopped, nextToBegin < end else { return nil }
            nextToBegin += 1
            return nextToBegin - 1
        }
    }

    func deliver(_ number: Int, _ result: Result<Batch, any Error>) {
        condition.withLock {
            guard !isStopped else { return }
            results[number] = result
            condition.broadcast()
        }
    }

    /// The next batch in order, waiting for it if need be; `nil` after the last one.
    func take() -> Result<Batch, any Error>? {
        condition.withLock {
            while !isStopped, nextToTake < end, results[nextToTake] == nil { condition.wait() }
            guard !isStopped, let result = results.removeValue(forKey: nextToTake) else { return nil }
            nextToTake += 1
            condition.broadcast()
            return result
        }
    }

    /// The number of the batch that `take` will give.
    var taken: Int { condition.withLock { nextToTake } }

    /// Lets everybody go who waits.
    func stop() {
        condition.withLock {
            isStopped = true
            results = [:]
            condition.broadcast()
        }
    }
}

/// Memory of batches that were used up, for the next ones.
final class BufferPool: Sendable {
    private struct Buffers: @unchecked Sendable {
        var free: [UnsafeMutableRawBufferPointer] = []
    }

    private let buffers = Mutex(Buffers())

    /// Batches in flight are few, and those of one loader have one size but for the last of an epoch.
    private static let limit = 8

    func take(byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let found = buffers.withLock { buffers -> UnsafeMutableRawBufferPointer? in
            guard let index = buffers.free.lastIndex(where: { $0.count == byteCount }) else { return nil }
            return buffers.free.remove(at: index)
        }
        return found ?? .allocate(byteCount: byteCount, alignment: TensorStorage.alignment)
    }

    func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
        let surplus = buffers.withLock { buffers -> UnsafeMutableRawBufferPointer? in
            buffers.free.append(buffer)
            return buffers.free.count > Self.limit ? buffers.free.removeFirst() : nil
        }
        surplus?.deallocate()
    }

    deinit { buffers.withLock { $0.free.forEach { $0.deallocate() } } }
}
