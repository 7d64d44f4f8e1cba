import Passes
import Tensors

/// What a results folder is of: `study.json` in it.
public struct StudyManifest: Hashable, Codable, Sendable {
    /// A fact of the study, as its file has it.
    public struct Fact: Hashable, Codable, Sendable {
        public var name: String
        public var value: String
    }

    public struct Run: Hashable, Codable, Sendable {
        public var id: String
        public var title: String
        public var facts: [Fact]
        /// Epochs of its recipe; `nil` for a network that is not trained.
        public var epochs: Int?
        public var recipe: String?
        /// Of its rows, in order.
        public var rows: [Row]

        /// Whether it is trained for 8 bits.
        public var endsInIntegers: Bool { facts.contains { $0.name == "8 bits" } }
    }

    public struct Row: Hashable, Codable, Sendable {
        public var id: String
        /// The quantization's name.
        public var quantization: String?
        public var facts: [Fact]
    }

    /// Of this file.
    public var format = 1
    public var title: String
    public var facts: [Fact]
    public var runs: [Run]
    public var measures: [StudyMeasure]

    /// The name of the file in a results folder.
    public static let fileName = "study.json"

    public init(_ study: StudyDescription) {
        title = study.title
        measures = study.measures
        facts = [
            Fact(name: "images", value: study.data.name), Fact(name: "classes", value: "\(study.data.classes)"),
            Fact(name: "image", value: study.data.image.map(String.init).joined(separator: "x")),
            Fact(name: "training images", value: Self.text(study.data.usedTrainingCount, of: study.data.trainingCount)),
            Fact(name: "test images", value: Self.text(study.data.usedTestCount, of: study.data.testCount)),
            Fact(name: "latency", value: "batches \(study.latency.batches.map(String.init).joined(separator: ", ")), "
                + "\(study.latency.seconds) s each"),
        ]
        runs = study.runs.map { run in
            Run(
                id: run.id, title: run.title, facts: Self.facts(of: run), epochs: run.recipe?.epochs, recipe: run.recipeName,
                rows: [Row(id: run.id, quantization: nil, facts: [])]
                    + run.quantizations.map { quantization in
                        Row(
                            id: StudyRow(run: run.id, quantization: quantization).id, quantization: quantization.name,
                            facts: Self.facts(of: quantization))
                    })
        }
    }

    /// `6000 of 60000`, `60000`, `any number`
    private static func text(_ used: Int?, of count: Int?) -> String {
        let all = count.map { "\($0)" }
        return used.map { "\($0)" + (all.map { " of \($0)" } ?? "") } ?? all ?? "any number"
    }

    private static func facts(of run: StudyRun) -> [Fact] {
        var facts: [Fact]
        switch run.origin {
        case .zoo(let model, let form):
            facts = [Fact(name: "build", value: model.rawValue), Fact(name: "form", value: form.rawValue)]
        case .file(let path): facts = [Fact(name: "model", value: FilePath.name(of: path))]
        case .continuation(let source): facts = [Fact(name: "continue", value: source)]
        case .conversion(let source, let form, let rank, let scope):
            facts = [
                Fact(name: "convert", value: source), Fact(name: "form", value: form.rawValue), Fact(name: "rank", value: "\(rank)"),
                Fact(name: "scope", value: scope.rawValue),
            ]
        }
        if let teacher = run.teacher { facts.append(Fact(name: "teacher", value: teacher)) }
        guard let recipe = run.recipe else { return facts + [Fact(name: "seed", value: "\(run.seed)")] }
        return facts + recipe.lines.map { Fact(name: $0.name, value: $0.value) }
    }

    static func facts(of quantization: StudyQuantization) -> [Fact] {
        let options = quantization.options
        var facts = [
            Fact(name: "samples", value: "\(quantization.samples)"), Fact(name: "method", value: options.method.description),
            Fact(name: "target", value: options.target.rawValue), Fact(name: "format", value: options.format.rawValue),
        ]
        if !options.excluded.isEmpty { facts.append(Fact(name: "exclude", value: options.excluded.joined(separator: ", "))) }
        for (name, isOn) in [
            ("equalize", quantization.equalizes), ("correct-bias", options.correctsBias), ("reduce-range", options.reducesRange),
            ("integer-io", options.hasIntegerInterface),
        ] where isOn { facts.append(Fact(name: name, value: "true")) }
        return facts
    }

    // MARK: Comparison

    /// What keeps results of `self` from being results of `other`; `nil` when the results of both can be in one folder.
    ///
    /// Networks, quantizations and measures may come and go. What both have must be the same.
    func difference(in other: StudyManifest) -> String? {
        if title != other.title { return "it is of '\(title)', and this is '\(other.title)'" }
        func first(_ place: String, _ mine: [Fact], _ theirs: [Fact]) -> String? {
            let names = mine.map(\.name) + theirs.map(\.name).filter { name in !mine.contains { $0.name == name } }
            func value(_ facts: [Fact], _ name: String) -> String { facts.first { $0.name == name }?.value ?? "nothing" }
            guard let name = names.first(where: { value(mine, $0) != value(theirs, $0) }) else { return nil }
            return "\(place)\(name) is \(value(mine, name)) there, and \(value(theirs, name)) here"
        }
        if let difference = first("", facts, other.facts) { return difference }
        for run in runs {
            guard let counterpart = other.runs.first(where: { $0.id == run.id }) else { continue }
            if let difference = first("network '\(run.id)': ", run.facts, counterpart.facts) { return difference }
            for row in run.rows {
                guard let other = counterpart.rows.first(where: { $0.id == row.id }) else { continue }
                if let difference = first("row '\(row.id)': ", row.facts, other.facts) { return difference }
            }
        }
        return nil
    }
}

extension DecompositionRank: CustomStringConvertible {
    public var description: String {
        switch self {
        case .paper: "the paper's"
        case .count(let count): "\(count)"
        case .energy(let share): "energy \(share)"
        case .exact: "exact"
        }
    }
}
