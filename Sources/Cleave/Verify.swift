import Datasets
import GraphIR
import OneDNNBackend
import Tensors
import Verification

/// As the function of the same name with a backend, on the oneDNN backend, as the command does: runs both graphs and compares
/// their outputs.
public func verify(
    _ candidate: Graph, against original: Graph, inputs: SampleSource, tolerance: Tolerance = Tolerance(), layers: Bool = false,
    leastSignalToNoise: Double? = nil, explains: Bool = true, progress: ((WorkProgress) -> Void)? = nil
) throws -> VerificationReport {
    try verify(
        candidate, against: original, inputs: inputs, backend: OneDNNBackend(), tolerance: tolerance, layers: layers,
        leastSignalToNoise: leastSignalToNoise, explains: explains, progress: progress)
}
