import Execution
import Tensors
import Testing

struct MemoryPlanTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func buffersNeededAtTheSameTimeDoNotOverlap(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let requests = (0..<120).map { _ in
            let first = Int(random.uniform(0, 60))
            return MemoryPlan.Request(byteCount: Int(random.uniform(0, 5000)), lifetime: first...(first + Int(random.uniform(0, 12))))
        }
        let plan = try MemoryPlan(requests)
        for (index, request) in requests.enumerated() {
            let start = plan.offsets[index]
            #expect(start.isMultiple(of: MemoryPlan.alignment))
            #expect(start >= 0 && start + request.byteCount <= plan.byteCount)
            for (other, later) in requests.enumerated().dropFirst(index + 1) where request.lifetime.overlaps(later.lifetime) {
                let end = start + max(request.byteCount, 1), otherStart = plan.offsets[other]
                #expect(end <= otherStart || otherStart + max(later.byteCount, 1) <= start)
            }
        }
        #expect(plan.byteCount <= requests.reduce(0) { $0 + ($1.byteCount + 63) / 64 * 64 + 64 })
    }

    @Test func aChainNeedsTwoBuffers() throws {
        let requests = (0..<50).map { MemoryPlan.Request(byteCount: 1000, lifetime: $0...($0 + 1)) }
        #expect(try MemoryPlan(requests).byteCount == 2 * 1024)
    }

    @Test func sizesBeyondMemoryAreRefused() {
        let requests = [MemoryPlan.Request](repeating: .init(byteCount: .max / 2, lifetime: 0...1), count: 3)
        #expect(throws: CleaveError.self) { try MemoryPlan(requests) }
    }
}
