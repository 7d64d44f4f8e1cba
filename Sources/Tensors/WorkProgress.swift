/// How far a long call has come; what progress closures are given.
public struct WorkProgress: Hashable, Sendable {
    /// What is being done, as a verb: `verifying`.
    public var task: String
    public var completed: Int
    /// `nil` when the end is not known.
    public var total: Int?
    /// What is counted, in the plural: `samples`; empty when nothing is.
    public var unit: String

    public init(task: String, completed: Int, total: Int?, unit: String) {
        self.task = task
        self.completed = completed
        self.total = total
        self.unit = unit
    }

    /// Work of which nothing is known but that it has begun.
    public init(task: String) { self.init(task: task, completed: 0, total: nil, unit: "") }
}

/// Stops a long call whose task was cancelled.
/// - Throws: `CleaveError` of kind `cancelled`.
public func checkCancellation() throws {
    guard !Task.isCancelled else { throw CleaveError(.cancelled, "the work was cancelled") }
}
