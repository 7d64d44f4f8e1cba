import Execution
import Foundation
import Tensors

/// Where the time of a run goes, step by step.
public struct ProfileSummary: Sendable {
    public var model: String
    public var profile: ExecutionProfile

    public init(model: String, profile: ExecutionProfile) {
        self.model = model
        self.profile = profile
    }
}

extension ProfileSummary: Report {
    public func text(style: TextStyle) -> String {
        let total = profile.seconds
        var table = Table([
            .right("time"), .right("share"), .right("GFLOP/s"), .right("GB/s"), .left("operator"), .left("kernel"), .left("nodes"),
        ])
        for step in profile.steps {
            table.addRow([
                .init(NumberFormat.duration(step.seconds)), .init(total > 0 ? NumberFormat.percent(step.seconds / total) : "–"),
                .init(step.multiplyAccumulates > 0 ? String(format: "%.1f", step.gigaflopsPerSecond) : "–"),
                .init(String(format: "%.1f", step.gigabytesPerSecond)), .init(step.operatorName),
                .init(step.kernel, step.isFallback ? .bad : .plain), .init(step.isReorder ? "–" : step.nodes.joined(separator: " + ")),
            ])
        }
        let work = profile.steps.reduce(0) { $0 &+ $1.multiplyAccumulates }
        var summary = [
            NumberFormat.duration(total), NumberFormat.quantity(profile.steps.count, "step"),
            NumberFormat.quantity(profile.reorderCount, "reorder"),
            NumberFormat.quantity(profile.fallbackCount, "step") + " on the reference kernels",
        ]
        if work > 0, total > 0 { summary.append(String(format: "%.1f GFLOP/s", 2 * Double(work) / total / 1e9)) }
        return (["\(model.printable())", ""] + table.lines(style: style) + ["", summary.joined(separator: " · ")]).joined(separator: "\n")
    }

    public var json: JSONValue {
        [
            "model": .string(model), "seconds": .number(profile.seconds), "reorders": .integer(profile.reorderCount),
            "fallbacks": .integer(profile.fallbackCount),
            "steps": .array(
                profile.steps.map { step in
                    [
                        "nodes": .array(step.nodes.map { .string($0) }), "operator": .string(step.operatorName),
                        "kernel": .string(step.kernel), "seconds": .number(step.seconds),
                        "multiplyAccumulates": .integer(step.multiplyAccumulates), "bytes": .integer(step.byteCount),
                        "fallback": .bool(step.isFallback),
                    ]
                }),
        ]
    }
}
