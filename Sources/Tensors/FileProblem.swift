import Foundation

/// Why the system could not do something with a file, in its own words: `no such file or directory`.
/// - Parameter error: one that Foundation throws.
package func fileProblem(_ error: any Error) -> String {
    let given = error as NSError
    func words(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }
    for cause in [given, given.userInfo[NSUnderlyingErrorKey] as? NSError] {
        if let cause, cause.domain == NSPOSIXErrorDomain { return words(Int32(truncatingIfNeeded: cause.code)) }
    }
    switch (error as? CocoaError)?.code {
    case .fileNoSuchFile?, .fileReadNoSuchFile?: return words(ENOENT)
    case .fileReadNoPermission?, .fileWriteNoPermission?: return words(EACCES)
    case .fileWriteFileExists?: return words(EEXIST)
    case .fileWriteOutOfSpace?: return words(ENOSPC)
    case .fileWriteVolumeReadOnly?: return words(EROFS)
    default: return given.localizedDescription
    }
}
