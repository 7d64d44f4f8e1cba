import Tensors
import Training

/// Where the time of a training step goes.
public struct TrainingProfileSummary: Sendable {
    public var model: String
    public var profile: TrainingProfile

    public init(model: String, profile: TrainingProfile) {
        self.model = model
        self.profile = profile
    }

    private var parts: [(name: String, seconds: Double)] {
        [
            ("waiting for images", profile.times.loading), ("teacher", profile.times.teacher), ("loss and gradients", profile.times.gradients),
            ("optimizer", profile.times.update),
        ].map { ($0.0, $0.1 / Double(max(profile.times.updates, 1))) }
    }

    private var secondsPerUpdate: Double { profile.times.seconds / Double(max(profile.times.updates, 1)) }
    private var imagesPerSecond: Double { secondsPerUpdate > 0 ? Double(profile.imagesPerUpdate) / secondsPerUpdate : 0 }
}

extension TrainingProfileSummary: Report {
    public func text(style: TextStyle) -> String {
        var table = Table([.left("part"), .right("per update"), .right("share")])
        for part in parts where part.seconds > 0 {
            table.addRow([.init(part.name), .init(NumberFormat.duration(part.seconds)), .init(NumberFormat.percent(part.seconds / secondsPerUpdate))])
        }
        var lines = ["\(model.printable()) · \(NumberFormat.quantity(profile.imagesPerUpdate, "image")) per update", ""]
        lines += table.lines(style: style)
        lines += ["", "\(NumberFormat.duration(secondsPerUpdate)) per update · \(NumberFormat.significant(imagesPerSecond)) images/s"]
        if let steps = profile.steps {
            lines += ["", ProfileSummary(model: "loss and gradients of one batch", profile: steps).text(style: style)]
        }
        return lines.joined(separator: "\n")
    }

    public var json: JSONValue {
        [
            "model": .string(model), "images_per_update": .integer(profile.imagesPerUpdate), "updates": .integer(profile.times.updates),
            "seconds_per_update": .number(secondsPerUpdate), "images_per_second": .number(imagesPerSecond),
            "parts": .array(parts.map { ["part": .string($0.name), "seconds": .number($0.seconds)] }),
            "steps": profile.steps.map { ProfileSummary(model: model, profile: $0).json } ?? .null,
        ]
    }
}
