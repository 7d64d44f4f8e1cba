import Foundation
import ModelZoo
import Passes
import Quantization
import Tensors
import Training

/// What a study trains, compresses and measures, as its YAML file says it.
public struct StudyDescription: Hashable, Sendable {
    public var title: String
    public var data: DataRequirement
    /// In the order of the file; every run that another begins from comes before it.
    public var runs: [StudyRun]
    public var measures: [StudyMeasure]
    public var latency: LatencyPlan

    /// All rows of the table, in order.
    public var rows: [StudyRow] {
        runs.flatMap { run in
            [StudyRow(run: run.id, quantization: nil)] + run.quantizations.map { StudyRow(run: run.id, quantization: $0) }
        }
    }

    public func run(_ id: String) -> StudyRun? { runs.first { $0.id == id } }

    /// The rows of these names.
    /// - Throws: `CleaveError` for a name that no row has, with the nearest one that there is.
    public func rows(named names: [String]) throws -> [StudyRow] {
        let all = rows
        for name in names where !all.contains(where: { $0.id == name }) {
            throw CleaveError(
                .invalidRequest, "the study has no row '\(name)', expected \(all.map(\.id).joined(separator: ", "))",
                suggestion: nearestName(to: name, in: all.map(\.id)).map { "did you mean \($0)?" })
        }
        return names.isEmpty ? all : all.filter { names.contains($0.id) }
    }
}

/// The images that a study needs.
public struct DataRequirement: Hashable, Sendable {
    /// `CIFAR-10`
    public var name: String
    public var classes: Int
    /// [C, H, W] that networks are built for.
    public var image: [Int]
    /// Images to train on and to test with; `nil` for any number.
    public var trainingCount: Int?
    public var testCount: Int?
    /// How many of them are used, at equal distances; `nil` for all.
    public var usedTrainingCount: Int?
    public var usedTestCount: Int?
    /// Where to get them, and how to name them then.
    public var source: String?
    /// The data set's specification where nobody names one.
    public var usual: String?
}

/// A network that is trained, once, from one seed.
public struct StudyRun: Hashable, Sendable {
    /// Where its weights come from before training.
    public enum Origin: Hashable, Sendable {
        /// The model zoo; the weights are random.
        case zoo(ZooModel, NetworkForm)
        /// An ONNX file; the path is absolute, or from the working folder.
        case file(String)
        /// The trained network of another run, to be trained further.
        case continuation(of: String)
        /// The trained network of another run, its convolutions decomposed.
        case conversion(of: String, SeparableForm, DecompositionRank, SeparateConvolutions.Scope)

        /// The run that has to be trained before.
        var source: String? {
            switch self {
            case .zoo, .file: nil
            case .continuation(let run), .conversion(let run, _, _, _): run
            }
        }
    }

    /// `full`, or where there are several seeds `full-seed2`.
    public var id: String
    public var title: String
    public var origin: Origin
    /// Of initial weights and of everything random in training.
    public var seed: UInt64
    /// The recipe's name in the study; `nil` for a network that is taken as it is.
    public var recipeName: String?
    public var recipe: TrainingRecipe?
    /// The run whose trained network is the teacher.
    public var teacher: String?
    public var quantizations: [StudyQuantization]

    /// Runs that have to be trained before.
    public var requirements: [String] { [origin.source, teacher].compactMap { $0 } }
}

/// A way to make a trained network compute in integers.
public struct StudyQuantization: Hashable, Sendable {
    public var name: String
    /// Images of the training set to calibrate on.
    public var samples: Int
    public var equalizes: Bool
    public var options: QuantizationOptions
}

/// A row of the table: a trained network in float, or in integers.
public struct StudyRow: Hashable, Sendable {
    public var run: String
    public var quantization: StudyQuantization?

    /// `full`, `full-int8`
    public var id: String { quantization.map { "\(run)-\($0.name)" } ?? run }
}

/// What a row is measured for.
public enum StudyMeasure: String, CaseIterable, Hashable, Codable, Sendable {
    /// Cross-entropy on the test images.
    case loss
    case accuracy
    /// Bytes of the ONNX file.
    case size
    case parameters
    /// Multiply-accumulates for one image.
    case macs
    case latency
    /// Parameters and multiply-accumulates of every layer, and what computing it alone in integers costs.
    case layers

    /// The measures that one evaluation on the test images gives.
    static let evaluated: Set<StudyMeasure> = [.loss, .accuracy]
}

public struct LatencyPlan: Hashable, Sendable {
    /// Images per run.
    public var batches: [Int]
    /// To measure each batch size for.
    public var seconds: Double
}
