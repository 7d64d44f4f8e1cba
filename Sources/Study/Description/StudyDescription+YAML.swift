import Datasets
import Foundation
import ModelZoo
import Passes
import Quantization
import Tensors
import Training

extension StudyDescription {
    /// Reads a study.
    /// - Throws: `CleaveError` with file and line for anything that is unknown, missing or out of range.
    public init(contentsOf file: String) throws {
        self = try StudyReader(StudyNode(contentsOf: file), file: file, checksModels: true).study
    }

    /// - Parameters:
    ///   - file: what errors call the text.
    ///   - checksModels: whether the models that it names have to be there.
    init(yaml text: String, file: String, checksModels: Bool = false) throws {
        self = try StudyReader(StudyNode(text, file: file), file: file, checksModels: checksModels).study
    }
}

/// Makes a description of a YAML document.
private struct StudyReader {
    /// One that later ones may begin from.
    private struct Network {
        var name: String
        var seeds: [UInt64]
        var endsInIntegers: Bool
    }

    private let folder: String
    private let checksModels: Bool
    private let fields: StudyFields
    private let recipes: [(name: String, node: StudyNode, draft: RecipeDraft)]
    private let quantizations: [StudyQuantization]

    init(_ document: StudyNode, file: String, checksModels: Bool) throws {
        self.checksModels = checksModels
        folder = FilePath.folder(of: file)
        fields = try document.fields(["study", "data", "recipes", "quantizations", "networks", "seeds", "measure", "latency"])
        recipes = try fields["recipes"].map(Self.recipes) ?? []
        quantizations = try fields["quantizations"]?.entries.map { try Self.quantization($0.key, $0.value) } ?? []
    }

    var study: StudyDescription {
        get throws {
            let title = try fields.required("study").text
            let data = try Self.data(fields.required("data"))
            let measures: [StudyMeasure] = try fields["measure"]?.elements.map { try $0.choice("measure") } ?? StudyMeasure.allCases
            return StudyDescription(
                title: title, data: data, runs: try runs(data),
                measures: StudyMeasure.allCases.filter(measures.contains), latency: try Self.latency(fields["latency"]))
        }
    }

    // MARK: Data and measures

    private static func data(_ node: StudyNode) throws -> DataRequirement {
        let fields = try node.fields(["name", "classes", "image", "training", "test", "use", "get", "usual"])
        let image = try fields.required("image")
        let classes = try fields.required("classes")
        let lengths = try image.text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        let count = try classes.integer(in: 1...1_000_000)
        try image.locating { try ZooModel.check(classes: count, input: lengths) }
        let used = try fields["use"]?.fields(["training", "test"])
        return DataRequirement(
            name: try fields.required("name").text, classes: count, image: lengths,
            trainingCount: try fields["training"]?.integer(in: 1...Int(Int32.max)),
            testCount: try fields["test"]?.integer(in: 1...Int(Int32.max)),
            usedTrainingCount: try used?["training"]?.integer(in: 1...Int(Int32.max)),
            usedTestCount: try used?["test"]?.integer(in: 1...Int(Int32.max)), source: try fields["get"]?.text,
            usual: try fields["usual"]?.parsed { try DatasetSpecification(parsing: $0).description })
    }

    private static func latency(_ node: StudyNode?) throws -> LatencyPlan {
        guard let node else { return LatencyPlan(batches: [1, 32], seconds: 5) }
        let fields = try node.fields(["batches", "seconds"])
        let batches = try fields["batches"]?.elements.map { try $0.integer(in: 1...65_536) } ?? [1, 32]
        guard !batches.isEmpty else { throw node.error("\(node.path).batches is empty, expected sizes of batches: [1, 32]") }
        guard Set(batches).count == batches.count else { throw node.error("\(node.path).batches names a size twice") }
        let seconds = try fields["seconds"]?.number ?? 5
        guard seconds >= 0.01, seconds <= 86_400 else {
            throw node.error("\(node.path).seconds is \(seconds), expected 0.01 to 86400")
        }
        return LatencyPlan(batches: batches, seconds: seconds)
    }

    // MARK: Recipes and quantizations

    private static func recipes(_ node: StudyNode) throws -> [(name: String, node: StudyNode, draft: RecipeDraft)] {
        var recipes: [(name: String, node: StudyNode, draft: RecipeDraft)] = []
        for (key, value) in try node.entries {
            let fields = try value.fields(["like"] + RecipeDraft.studyKeys)
            var draft = RecipeDraft()
            if let like = fields["like"] {
                let name = try like.text
                guard let other = recipes.first(where: { $0.name == name }) else {
                    throw like.unknown("recipe", name, among: recipes.map(\.name))
                }
                draft = other.draft
            }
            try draft.read(fields)
            recipes.append((try key.text, value, draft))
        }
        return recipes
    }

    private static func quantization(_ key: StudyNode, _ node: StudyNode) throws -> StudyQuantization {
        let fields = try node.fields([
            "samples", "method", "target", "format", "exclude", "equalize", "correct-bias", "reduce-range", "integer-io",
        ])
        let options = QuantizationOptions(
            target: try fields["target"]?.choice("target") ?? .onnxruntime, format: try fields["format"]?.choice("format") ?? .qdq,
            method: try fields["method"]?.parsed { try RangeMethod(parsing: $0) } ?? .minMax,
            excluded: try fields["exclude"]?.elements.map { try $0.text } ?? [], reducesRange: try fields["reduce-range"]?.flag ?? false,
            hasIntegerInterface: try fields["integer-io"]?.flag ?? false, correctsBias: try fields["correct-bias"]?.flag ?? false)
        guard options.format == .qdq || options.target == .onnxruntime else {
            throw node.error("the format qoperator is for the target onnxruntime, whose operators these are")
        }
        return StudyQuantization(
            name: try name(key), samples: try fields["samples"]?.integer(in: 1...1_000_000_000) ?? 1000,
            equalizes: try fields["equalize"]?.flag ?? false, options: options)
    }

    /// A name that becomes part of the names of files.
    private static func name(_ key: StudyNode) throws -> String {
        let text = try key.text
        guard text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/) != nil else {
            throw key.error("the name '\(text)' is not one for a file, expected at most 64 letters, digits, and . _ - between them")
        }
        return text
    }

    // MARK: Networks

    private func runs(_ data: DataRequirement) throws -> [StudyRun] {
        let usualSeeds = try seeds(fields["seeds"]) ?? [1]
        var runs: [StudyRun] = []
        var networks: [Network] = []
        let all = try fields.required("networks")
        for (key, node) in try all.entries {
            let name = try Self.name(key)
            let fields = try node.fields([
                "title", "build", "form", "model", "continue", "convert", "rank", "energy", "exact", "scope", "recipe",
                "teacher", "quantize", "seeds",
            ])
            let seeds = try seeds(fields["seeds"]) ?? usualSeeds
            for seed in seeds {
                let id = seeds.count == 1 ? name : "\(name)-seed\(seed)"
                runs.append(try run(id, name, fields, seed, networks))
            }
            networks.append(Network(name: name, seeds: seeds, endsInIntegers: runs.last?.recipe?.awareness != nil))
        }
        let ids = runs.flatMap { run in [run.id] + run.quantizations.map { "\(run.id)-\($0.name)" } }
        if let twice = ids.first(where: { id in ids.count { $0 == id } > 1 }) {
            throw all.error(
                "two rows of the table would have the name '\(twice)'", suggestion: "rename a network or a quantization")
        }
        return runs
    }

    private func seeds(_ node: StudyNode?) throws -> [UInt64]? {
        guard let node else { return nil }
        let seeds = try node.elements.map { try $0.seed }
        guard !seeds.isEmpty, Set(seeds).count == seeds.count else { throw node.error("\(node.path) has to name seeds, each once") }
        return seeds
    }

    private func run(
        _ id: String, _ name: String, _ fields: StudyFields, _ seed: UInt64, _ networks: [Network]
    ) throws -> StudyRun {
        /// The run of the same seed of a network that comes before, or its only one.
        func earlier(_ node: StudyNode) throws -> String {
            let name = try node.text
            guard let network = networks.first(where: { $0.name == name }) else {
                throw node.unknown("network before this one", name, among: networks.map(\.name))
            }
            guard network.seeds.count > 1 else { return name }
            guard network.seeds.contains(seed) else { throw node.error("the network '\(name)' is not trained with seed \(seed)") }
            return "\(name)-seed\(seed)"
        }
        let teacher = try fields["teacher"].map(earlier)
        var run = StudyRun(
            id: id, title: try fields["title"]?.text ?? name, origin: try origin(fields, earlier), seed: seed, recipeName: nil, recipe: nil,
            teacher: teacher, quantizations: try fields["quantize"]?.elements.map(quantization) ?? [])
        if let node = fields["recipe"] {
            let name = try node.text
            guard let known = recipes.first(where: { $0.name == name }) else {
                throw node.unknown("recipe", name, among: recipes.map(\.name))
            }
            var draft = known.draft
            draft.seed = seed
            try known.node.locating { try draft.check(isDistilled: teacher != nil) }
            (run.recipeName, run.recipe) = (name, draft.recipe(normalization: .signed, isDistilled: teacher != nil))
        } else if let node = fields["teacher"] {
            throw node.error("a teacher is for training, but \(fields.node.path) has no recipe")
        }
        try check(run, fields)
        try checkOrigin(of: run, fields, networks)
        return run
    }

    /// A network that is trained for 8 bits is trained already, and ends as an int8 one.
    private func check(_ run: StudyRun, _ fields: StudyFields) throws {
        guard run.recipe?.awareness != nil else { return }
        if case .zoo = run.origin {
            throw fields.node.error(
                "\(fields.node.path) is trained for 8 bits, but its weights are fresh",
                suggestion: "train it in float first, and let this one continue that")
        }
        if let node = fields["quantize"] {
            throw node.error("\(node.path) is for networks in float; \(fields.node.path) is trained for 8 bits and ends as an int8 one")
        }
    }

    /// What is trained for 8 bits ends as an int8 network, which is neither trained further nor converted.
    private func checkOrigin(of run: StudyRun, _ fields: StudyFields, _ networks: [Network]) throws {
        for (key, verb) in [("continue", "trained further"), ("convert", "converted")] {
            guard let node = fields[key], let name = try? node.text, let network = networks.first(where: { $0.name == name }),
                network.endsInIntegers
            else { continue }
            throw node.error(
                "\(node.path) is '\(name)', which is trained for 8 bits and ends as an int8 network: that cannot be \(verb)",
                suggestion: "begin from the network in float that it continues")
        }
    }

    private func quantization(_ node: StudyNode) throws -> StudyQuantization {
        let name = try node.text
        guard let known = quantizations.first(where: { $0.name == name }) else {
            throw node.unknown("quantization", name, among: quantizations.map(\.name))
        }
        return known
    }

    private func origin(_ fields: StudyFields, _ earlier: (StudyNode) throws -> String) throws -> StudyRun.Origin {
        let kinds = ["build", "model", "continue", "convert"].filter { fields[$0] != nil }
        guard kinds.count == 1 else {
            let given = kinds.isEmpty ? "none" : kinds.joined(separator: " and ")
            throw fields.node.error("\(fields.node.path) has \(given) of build, model, continue and convert, expected one")
        }
        let conversionKeys = ["rank", "energy", "exact", "scope"]
        if kinds != ["convert"], let key = conversionKeys.first(where: { fields[$0] != nil }) {
            throw fields.node.error("\(fields.node.path).\(key) is for convert")
        }
        if let node = fields["build"] {
            return .zoo(try node.choice("network"), try fields["form"]?.choice("form") ?? .standard)
        }
        if let form = fields["form"], kinds != ["convert"] { throw form.error("\(form.path) is for build and convert") }
        if let node = fields["continue"] { return .continuation(of: try earlier(node)) }
        if let node = fields["model"] {
            let path = try node.text
            let file = path.hasPrefix("/") || folder == "." ? path : folder + "/" + path
            guard !checksModels || FileManager.default.fileExists(atPath: file) else {
                throw node.error("there is no model '\(file)'", suggestion: "paths count from the folder of the study")
            }
            return .file(file)
        }
        let node = try fields.required("convert")
        return .conversion(
            of: try earlier(node), try fields.required("form").choice("form"), try rank(fields),
            try fields["scope"]?.choice("scope") ?? .residualBlocks)
    }

    private func rank(_ fields: StudyFields) throws -> DecompositionRank {
        let given = ["rank", "energy", "exact"].filter { fields[$0] != nil }
        guard given.count <= 1 else { throw fields.node.error("\(given.joined(separator: " and ")) exclude each other") }
        if let rank = fields["rank"] { return .count(try rank.integer(in: 1...1_000_000)) }
        if let energy = fields["energy"] {
            let share = try energy.number
            guard share > 0, share <= 1 else { throw energy.error("\(energy.path) is \(share), expected above 0 and at most 1") }
            return .energy(share)
        }
        return try fields["exact"]?.flag == true ? .exact : .paper
    }
}
