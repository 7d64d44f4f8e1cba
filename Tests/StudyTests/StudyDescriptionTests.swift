import Foundation
import ModelZoo
import Passes
import Quantization
import Tensors
import Testing
import Training

@testable import Study

private let head = """
    study: Small
    data: { name: Quarters, classes: 3, image: 3x8x8 }

    """

private func study(_ rest: String) throws -> StudyDescription { try StudyDescription(yaml: head + rest, file: "s.yaml") }

/// What reading the text is refused with.
private func refusal(_ text: String) throws -> CleaveError {
    try #require(throws: CleaveError.self) { _ = try StudyDescription(yaml: text, file: "s.yaml") }
}

struct StudyDescriptionTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func readsEverySettingOfARecipe() throws {
        let study = try study(
            """
            recipes:
              all:
                epochs: 3
                batch-size: 8
                accumulate: 2
                optimizer: nesterov
                learning-rate: 0.05
                momentum: 0.8
                weight-decay: 0.001
                schedule: step=2,0.5
                warm-up: 0.5
                clip: 1
                loss: cross-entropy
                label-smoothing: 0.1
                average: 0.99
                early-stop: 2
                freeze: ['stem*', head]
                initialize: he
                augment: flip,crop=1
                normalize: unit
                shuffle: false
                skip-bad: true
              moments: { like: all, optimizer: adamw, momentum: 0.8, beta1: 0.8, beta2: 0.9, epsilon: 1e-8 }
            networks:
              net: { build: resnet8, recipe: all, seeds: 7 }
            """)
        let recipe = try #require(study.runs[0].recipe)
        #expect(
            recipe
                == TrainingRecipe(
                    epochs: 3, batchSize: 8, accumulation: 2, optimizer: .sgd(momentum: 0.8, nesterov: true), learningRate: 0.05,
                    schedule: .step(epochs: 2, factor: 0.5), warmUp: 0.5, weightDecay: 0.001, maximalGradientNorm: 1,
                    loss: .softmaxCrossEntropy(labelSmoothing: 0.1), averageDecay: 0.99, patience: 2, seed: 7,
                    frozen: [NamePattern("stem*"), NamePattern("head")], initialization: .he,
                    augmentation: try .init(parsing: "flip,crop=1"), normalization: .unit, shuffles: false, skipsUnreadable: true))
    }

    @Test func defaultsAreThoseOfTheCommand() throws {
        let study = try study("recipes: { short: { epochs: 1 } }\nnetworks: { net: { build: resnet8, recipe: short } }")
        let recipe = try #require(study.runs[0].recipe)
        #expect(
            recipe
                == TrainingRecipe(
                    epochs: 1, batchSize: 32, optimizer: .adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)), learningRate: 0.001,
                    normalization: .signed))
        #expect(study.latency == LatencyPlan(batches: [1, 32], seconds: 5) && study.measures == StudyMeasure.allCases)
    }

    @Test func networksRowsAndSeeds() throws {
        let study = try study(
            """
            recipes: { short: { epochs: 1 }, taught: { like: short, temperature: 2 } }
            quantizations:
              int8: { samples: 12, method: percentile=99.9, target: tensorrt, equalize: true }
              q: { format: qoperator, exclude: 'head/*', correct-bias: true }
            networks:
              full: { title: Full, build: resnet20, recipe: short, quantize: [int8, q], seeds: [1, 2] }
              small: { convert: full, form: depthwise, rank: 2, recipe: short, seeds: [1, 2] }
              taught: { build: resnet8, form: spatial, recipe: taught, teacher: small, seeds: 2 }
              longer: { continue: taught, recipe: short, seeds: 2 }
              given: { model: models/a.onnx, quantize: int8 }
            measure: [accuracy, latency]
            latency: { batches: 4, seconds: 0.5 }
            """)
        #expect(
            study.rows.map(\.id) == [
                "full-seed1", "full-seed1-int8", "full-seed1-q", "full-seed2", "full-seed2-int8", "full-seed2-q", "small-seed1",
                "small-seed2", "taught", "longer", "given", "given-int8",
            ])
        #expect(study.run("small-seed2")?.origin == .conversion(of: "full-seed2", .depthwise, .count(2), .residualBlocks))
        #expect(study.run("full-seed2")?.recipe?.seed == 2 && study.run("longer")?.origin == .continuation(of: "taught"))
        let taught = try #require(study.run("taught"))
        #expect(taught.teacher == "small-seed2" && taught.origin == .zoo(.resnet8, .spatial))
        #expect(taught.recipe?.loss == .distillation(temperature: 2, alpha: 0.5, labelSmoothing: 0))
        #expect(study.run("given")?.recipe == nil && study.run("given")?.origin == .file("models/a.onnx"))
        let int8 = try #require(study.run("full-seed1")?.quantizations.first)
        #expect(int8.samples == 12 && int8.equalizes && int8.options.method == .percentile(99.9) && int8.options.target == .tensorrt)
        #expect(study.measures == [.accuracy, .latency] && study.latency == LatencyPlan(batches: [4], seconds: 0.5))
    }

    @Test(arguments: [
        ("recipes: { a: { epoch: 3 } }\nnetworks: {}", 3, "unknown key 'epoch' in recipes.a", "did you mean epochs?"),
        ("network: {}", 3, "unknown key 'network'", "did you mean networks?"),
        ("networks:\n  a:\n    build: resnet51v2", 5, "there is no network 'resnet51v2'", "did you mean resnet50v2?"),
        ("networks:\n  a: { build: resnet8, form: spacial }", 4, "there is no form 'spacial'", "did you mean spatial?"),
        (
            "recipes: { paper: { epochs: 1 } }\nnetworks:\n  a: { build: resnet8, recipe: papier }", 5, "there is no recipe 'papier'",
            "did you mean paper?"
        ),
        ("networks:\n  a: { build: resnet8, quantize: int8 }", 4, "there is no quantization 'int8', there are none", nil),
        ("networks:\n  a: { build: resnet8 }\n  b: { convert: c, form: spatial }", 5, "there is no network before this one 'c'", nil),
        ("recipes: { a: { epochs: none } }\nnetworks: {}", 3, "recipes.a.epochs is 'none', expected a whole number from 1", nil),
        ("recipes: { a: { learning-rate: 0.1.2 } }\nnetworks: {}", 3, "recipes.a.learning-rate is '0.1.2', expected a number", nil),
        ("recipes: { a: { schedule: round } }\nnetworks: {}", 3, "the schedule is 'round'", nil),
        ("recipes: { a: { shuffle: maybe } }\nnetworks: {}", 3, "recipes.a.shuffle is 'maybe', expected true or false", nil),
        ("recipes: { a: { momentum: 0.5 } }\nnetworks: { n: { build: resnet8, recipe: a } }", 3, "momentum is for optimizer sgd", nil),
        ("recipes: { a: { alpha: 0.5 } }\nnetworks: { n: { build: resnet8, recipe: a } }", 3, "alpha is for distillation", nil),
        ("quantizations: { q: { method: mice } }\nnetworks: {}", 3, "the method is 'mice'", nil),
        ("quantizations: { q: { target: tensort } }\nnetworks: {}", 3, "there is no target 'tensort'", "did you mean tensorrt?"),
        ("quantizations: { 'a/b': {} }\nnetworks: {}", 3, "the name 'a/b' is not one for a file", nil),
        ("measure: [loss, speed]\nnetworks: {}", 3, "there is no measure 'speed'", nil),
        ("networks:\n  a: { build: resnet8, model: a.onnx }", 4, "networks.a has build and model of build, model, continue and", nil),
        ("networks:\n  a: { build: resnet8, rank: 2 }", 4, "networks.a.rank is for convert", nil),
        ("networks:\n  a: { form: spatial }", 4, "networks.a has none of build, model, continue and convert", nil),
        ("networks:\n  a: { build: resnet8, teacher: a }", 4, "there is no network before this one 'a'", nil),
        ("networks:\n  a: [resnet8]", 4, "networks.a is a list, expected a mapping", nil),
        ("networks:\n  a: { build: resnet8 }\n  a: { build: resnet20 }", 4, "the key 'a' occurs twice", nil),
        ("networks: {", 4, "the file is not YAML: ", nil),
        ("latency: { batches: [] }\nnetworks: {}", 3, "latency.batches is empty", nil),
        (
            """
            recipes: { a: { quantize-aware: {} }, f: {} }
            networks:
              n: { build: resnet8, recipe: f }
              aware: { continue: n, recipe: a }
              c: { convert: aware, form: spatial, recipe: f }
            """, 7, "networks.c.convert is 'aware', which is trained for 8 bits", "begin from the network in float that it continues"
        ),
        ("latency: { batches: [1, 1] }\nnetworks: {}", 3, "latency.batches names a size twice", nil),
        (
            "recipes: { a: { quantize-aware: { range: learned } } }\nnetworks: {}", 3, "unknown key 'range' in recipes.a.quantize-aware",
            "did you mean ranges?"
        ),
        (
            "recipes: { a: { quantize-aware: {} } }\nnetworks: { n: { build: resnet8, recipe: a } }", 4,
            "networks.n is trained for 8 bits, but its weights are fresh", nil
        ),
        (
            "recipes: { a: { quantize-aware: {} } }\nquantizations: { q: {} }\nnetworks: { n: { model: a, recipe: a, quantize: q } }", 5,
            "networks.n.quantize is for networks in float", nil
        ),
        (
            "quantizations: { b: {} }\nnetworks: { a: { build: resnet8, quantize: b }, a-b: { build: resnet8 } }", 4,
            "two rows of the table would have the name 'a-b'", nil
        ),
    ])
    func errorsNameTheLine(rest: String, line: Int, problem: String, suggestion: String?) throws {
        let error = try refusal(head + rest)
        #expect(error.location.file == "s.yaml:\(line)", "\(error)")
        #expect(error.problem.contains(problem), "\(error)")
        if let suggestion { #expect(error.suggestion == suggestion) }
    }

    @Test func missingModelsAreNamed() throws {
        let text = head + "networks:\n  given: { model: nothere.onnx }"
        let error = try #require(throws: CleaveError.self) { _ = try StudyDescription(yaml: text, file: "s.yaml", checksModels: true) }
        #expect(error.location.file == "s.yaml:4" && error.problem == "there is no model 'nothere.onnx'")
    }

    @Test func missingPartsAreNamed() throws {
        #expect(try refusal("").problem == "the file is empty, expected a study")
        #expect(try refusal("study: A").problem == "the study has no 'data'")
        #expect(try refusal("study: A\ndata: { name: B, classes: 3 }\nnetworks: {}").problem == "data has no 'image'")
        let image = try refusal("study: A\ndata: { name: B, classes: 3, image: 3x8 }\nnetworks: {}")
        #expect(image.problem.hasPrefix("the input is [3, 8], expected three lengths") && image.location.file == "s.yaml:2")
    }

    /// The parser recurses: the file must be refused before the stack ends.
    @Test(arguments: ["[", "{", "- ", "? "])
    func deepNestingIsRefused(opener: String) throws {
        #expect(try refusal(String(repeating: opener, count: 100_000)).problem.contains("it nests too deeply"))
        _ = try refusal(String(repeating: opener, count: 900))
    }

    @Test(arguments: ["resnet50v2-cifar10.yaml", "quick.yaml"])
    func theStudiesThatShipAreWhole(name: String) throws {
        let study = try StudyDescription(contentsOf: Self.repository.appendingPathComponent("studies/\(name)").path)
        #expect(study.rows.count >= 4 && study.measures == StudyMeasure.allCases)
        #expect(Set(study.rows.map(\.id)).count == study.rows.count)
    }

    /// The paper's rows, trained as the paper says, are the ones that `cleave train` has been told to train so.
    @Test func thePapersStudyTrainsAsThePaperSays() throws {
        let path = Self.repository.appendingPathComponent("studies/resnet50v2-cifar10.yaml").path
        let study = try StudyDescription(contentsOf: path)
        let recipe = TrainingRecipe(
            epochs: 30, batchSize: 32, optimizer: .adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)), learningRate: 0.001, seed: 1,
            augmentation: try .init(parsing: "flip,rotate=15,crop=4"), normalization: .signed)
        for (id, form) in [("full", NetworkForm.standard), ("spatial", .spatial), ("depthwise", .depthwise)] {
            let run = try #require(study.run(id))
            #expect(run.recipe == recipe && run.seed == 1 && run.origin == .zoo(.resnet50v2, form))
            let int8 = try #require(run.quantizations.first)
            #expect(int8.samples == 1000 && int8.options.target == .onnxruntime)
        }
        #expect(study.data.image == [3, 32, 32] && study.data.classes == 10)
    }
}
