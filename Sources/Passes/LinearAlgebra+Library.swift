import CLAPACK
import Tensors

extension Matrix {
    private static let routines: Result<cl_routines, CleaveError> = {
        withUnsafeTemporaryAllocation(of: cl_routines.self, capacity: 1) { routines in
            var problem: UnsafePointer<CChar>?
            if let routine = routines.baseAddress, cl_load(routine, &problem) != 0 { return .success(routine.pointee) }
            return .failure(
                CleaveError(
                    .unsupported, "LAPACK cannot be loaded: \(problem.map { String(cString: $0) } ?? "no reason given")",
                    suggestion: "install liblapacke and OpenBLAS (scripts/install-dependencies.sh), or initialize the layers at random"))
        }
    }()

    /// The routines of LAPACK and BLAS, loaded when first asked for.
    ///
    /// They stay on the calling thread. Layers are decomposed side by side (`concurrentMap`), and threads within each would only
    /// wait for each other; nor do the numbers then depend on how many processors there are.
    /// - Throws: `CleaveError` when the library is not there.
    static func lapack() throws -> cl_routines { try routines.get() }
}
