import GraphIR
import Tensors

/// How a graph is written.
public struct ONNXWriteOptions: Hashable, Sendable {
    /// Where weights go.
    public enum ExternalData: String, CaseIterable, Hashable, Sendable {
        /// Into the model, unless that makes it larger than the format allows.
        case automatic
        /// Into a file beside the model: its name with `.data` appended.
        case always
        /// Into the model, or not at all.
        case never
    }

    public var externalData: ExternalData
    /// The size in bytes above which `automatic` moves weights out of the model. The format allows 2 GiB − 1.
    public var sizeLimit: Int
    /// Initializers of fewer bytes stay in the model.
    public var smallestExternalTensor: Int

    public init(externalData: ExternalData = .automatic, sizeLimit: Int = Int(Int32.max), smallestExternalTensor: Int = 1024) {
        self.externalData = externalData
        self.sizeLimit = min(sizeLimit, Int(Int32.max))
        self.smallestExternalTensor = smallestExternalTensor
    }
}

/// What writing a graph made.
public struct ONNXWriteResult: Hashable, Sendable {
    /// Bytes of the model file.
    public var modelSize: Int
    /// Path and bytes of the file with external data, if there is one.
    public var externalData: (path: String, size: Int)? { dataPath.map { ($0, dataSize) } }

    var dataPath: String?
    var dataSize: Int

    /// Bytes of both files.
    public var totalSize: Int { modelSize + dataSize }
}
