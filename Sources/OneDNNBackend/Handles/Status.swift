import COneDNN
import Tensors

/// A call into oneDNN that failed.
struct OneDNNFailure: Error {
    var status: onednn_status
    /// What was asked for: "a convolution".
    var request: String

    /// Whether another way of computing the same may work.
    var isUnsupported: Bool { status == ONEDNN_UNIMPLEMENTED || status == ONEDNN_INVALID_ARGUMENTS }

    var cleaveError: CleaveError {
        CleaveError(.unsupported, "oneDNN \(String(cString: onednn_version())): \(request): \(String(cString: onednn_status_text(status)))")
    }
}

/// Calls a function of the shim that makes a handle.
func makeHandle(_ request: String, _ body: (UnsafeMutablePointer<OpaquePointer?>) -> onednn_status) throws -> OpaquePointer {
    var handle: OpaquePointer?
    let status = body(&handle)
    guard status == ONEDNN_OK, let handle else { throw OneDNNFailure(status: status, request: request) }
    return handle
}

func check(_ status: onednn_status, _ request: String) throws {
    guard status == ONEDNN_OK else { throw OneDNNFailure(status: status, request: request) }
}
