import Tensors

/// What one run of a plan took, step by step.
public struct ExecutionProfile: Sendable {
    public struct Step: Sendable {
        /// Labels of the nodes that the step computes, in order; empty for a change of layout.
        public var nodes: [String]
        /// The operator of the first node: `Conv`; `Reorder` for a change of layout.
        public var operatorName: String
        /// The implementation that ran: `jit:avx512_core`.
        public var kernel: String
        public var seconds: Double
        /// Multiply-accumulate operations; 0 where an operator does none or they are not known.
        public var multiplyAccumulates: Int
        /// Bytes read and written, each operand and result once.
        public var byteCount: Int
        /// Whether the reference kernel ran because the backend has none of its own.
        public var isFallback: Bool
        /// Whether only gradients need the step, no result and no new state.
        public var isBackward = false

        public init(
            nodes: [String], operatorName: String, kernel: String, seconds: Double, multiplyAccumulates: Int, byteCount: Int,
            isFallback: Bool
        ) {
            self.nodes = nodes
            self.operatorName = operatorName
            self.kernel = kernel
            self.seconds = seconds
            self.multiplyAccumulates = multiplyAccumulates
            self.byteCount = byteCount
            self.isFallback = isFallback
        }

        /// 10⁹ floating-point operations per second, a multiply-accumulate being two.
        public var gigaflopsPerSecond: Double { seconds > 0 ? 2 * Double(multiplyAccumulates) / seconds / 1e9 : 0 }
        /// 10⁹ bytes per second.
        public var gigabytesPerSecond: Double { seconds > 0 ? Double(byteCount) / seconds / 1e9 : 0 }
        /// Whether the step only changes how a tensor lies in memory.
        public var isReorder: Bool { nodes.isEmpty }
    }

    public var steps: [Step]

    public init(steps: [Step]) { self.steps = steps }

    public var seconds: Double { steps.reduce(0) { $0 + $1.seconds } }
    public var reorderCount: Int { steps.count { $0.isReorder } }
    public var fallbackCount: Int { steps.count { $0.isFallback } }
}

/// A session that can tell where its time goes.
public protocol ProfilingSession: Session {
    /// Runs once like `run` and times every step.
    func profile(_ inputs: [String: Tensor]) throws -> (outputs: [String: Tensor], profile: ExecutionProfile)
}

/// A training session that can tell where its time goes.
public protocol ProfilingTrainingSession: TrainingSession {
    /// As `accumulate`, and times every step.
    func profileAccumulation(
        _ inputs: [String: Tensor], scale: Double
    ) throws -> (results: [String: Tensor], profile: ExecutionProfile)
}

/// A plan that knows how much memory its sessions take.
public protocol MeasuredPlan: ExecutionPlan {
    /// Bytes of weights, shared by all sessions.
    var weightByteCount: Int { get }
    /// Bytes that each session takes besides inputs and outputs.
    var sessionByteCount: Int { get }
}
