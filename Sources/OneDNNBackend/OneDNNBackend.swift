import CKernels
import COneDNN
import Execution
import GraphIR
import Tensors

/// Runs networks on oneDNN, and on kernels of our own where those are faster or oneDNN has none.
///
/// A graph is compiled once per input shapes: constants are evaluated, convolutions take in what follows them, tensors stay
/// in the layouts that the kernels choose. Operators and element types without a fast kernel run on the reference kernels
/// inside the same plan. Results are the same from run to run for one number of threads.
public struct OneDNNBackend: Backend {
    /// Threads that compute a step.
    public let threads: Int
    /// Bytes that weights and buffers of a plan may take.
    public let memoryLimit: Int

    /// How it computes what lies between `DequantizeLinear` and `QuantizeLinear`.
    public let semantics: IntegerSemantics
    /// Whether integer kernels use AVX-512 VNNI where the processor has it; they compute the same without.
    var usesVNNI = true

    /// - Parameters:
    ///   - threads: `nil` for one per processor.
    ///   - memoryLimit: in bytes; `nil` for the machine's memory.
    public init(threads: Int? = nil, memoryLimit: Int? = nil, semantics: IntegerSemantics = .fused) {
        self.semantics = semantics
        self.threads = max(1, threads ?? Int(ck_processors()))
        self.memoryLimit = memoryLimit ?? Int(clamping: ck_memory_limit())
    }

    public var name: String { "onednn" }

    public func prepare(_ graph: Graph, inputShapes: [String: [Int]]) throws -> any ExecutionPlan {
        try compile(graph, specialized: graph.specialized(inputShapes: inputShapes))
    }

    func compile(_ graph: Graph, specialized: Graph, training: TrainedValues = TrainedValues()) throws -> OneDNNPlan {
        onednn_set_threads(Int32(threads))
        do {
            var compiler = try PlanCompiler(specialized, backend: self, training: training)
            return try compiler.compile(original: graph, specialized: specialized)
        } catch let failure as OneDNNFailure {
            throw failure.cleaveError
        }
    }
}
