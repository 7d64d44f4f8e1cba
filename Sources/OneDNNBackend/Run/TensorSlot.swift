import Tensors

/// A tensor that a session holds as such, for values that are not float32 or whose shape only the run tells.
struct TensorSlot: Sendable {
    /// Bytes that the session allocates for it: 0 for one that the caller gives, and where the shape is not known.
    var byteCount: Int
    /// The steps from the one that computes it to the last one that reads it; beyond the steps for an output.
    var lifetime: ClosedRange<Int>
}

/// A kernel after which nobody reads some tensors any more.
struct ReleasingKernel: Kernel {
    let kernel: any Kernel
    let slots: [Int]

    var name: String { kernel.name }
    var scratchpadByteCount: Int { kernel.scratchpadByteCount }

    func bind(to memory: SessionMemory, scratchpad: BufferID?) throws -> BoundKernel {
        let (bound, slots) = (try kernel.bind(to: memory, scratchpad: scratchpad), slots)
        return BoundKernel {
            try bound.run()
            for slot in slots { memory.slots[slot] = nil }
        }
    }
}

extension [TensorSlot] {
    /// The steps of a plan, each with a kernel that lets go of what it is the last to read.
    func released(by steps: [OneDNNPlan.Step]) -> [OneDNNPlan.Step] {
        var steps = steps
        let dying = Dictionary(grouping: indices) { self[$0].lifetime.upperBound }
        for index in steps.indices {
            guard let slots = dying[index] else { continue }
            steps[index].kernel = ReleasingKernel(kernel: steps[index].kernel, slots: slots)
        }
        return steps
    }

    /// The most bytes that are allocated at once: tensors while they are needed, and the results of reference kernels before they
    /// are copied to their buffers.
    func peakByteCount(_ steps: [OneDNNPlan.Step], _ buffers: [OneDNNPlan.Buffer]) -> Int {
        var changes = [Int](repeating: 0, count: steps.count + 2)
        for slot in self {
            changes[slot.lifetime.lowerBound] = changes[slot.lifetime.lowerBound].saturatingSum(slot.byteCount)
        }
        let ends = Dictionary(grouping: self) { $0.lifetime.upperBound + 1 }
        var (live, peak) = (0, 0)
        for index in 0...steps.count {
            live = live.saturatingSum(changes[index])
            for slot in ends[index] ?? [] { live = Swift.max(0, live - slot.byteCount) }
            let results = index < steps.count && steps[index].isFallback ? steps[index].writes : []
            peak = Swift.max(peak, results.reduce(live) { $0.saturatingSum(buffers[$1.index].byteCount) })
        }
        return peak
    }
}

extension Int {
    /// The sum, or the largest number where it does not fit.
    func saturatingSum(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
