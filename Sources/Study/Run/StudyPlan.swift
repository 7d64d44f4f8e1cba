import Foundation
import Tensors
import Training

/// All steps of a study, and what is done of them.
public struct StudyPlan: Sendable {
    public enum Action: String, Hashable, Sendable {
        case build, read, convert, train, quantize, measure
    }

    public enum State: Hashable, Sendable {
        case done
        /// What is there already.
        case begun(String)
        case todo
    }

    public struct Step: Hashable, Sendable {
        public var action: Action
        /// A run or a row.
        public var subject: String
        public var state: State
    }

    public var title: String
    public var steps: [Step]

    /// Looks at what is in the folder, and changes nothing.
    /// - Parameter rows: names; all of the study's where there are none.
    /// - Throws: `CleaveError` when the folder is another study's, or there is no such row.
    public init(_ study: StudyDescription, folder: StudyFolder, rows names: [String]) throws {
        let rows = try study.rows(named: names)
        try folder.check(StudyManifest(study))
        let state = StudyState(study: study, folder: folder)
        title = study.title
        steps = []
        for run in state.runs(for: rows) {
            let progress = try? state.progress(of: run)
            steps.append(Step(action: run.origin.action, subject: run.id, state: try state.initial(run) == nil ? .todo : .done))
            if let recipe = run.recipe {
                steps.append(Step(action: .train, subject: run.id, state: Self.training(progress, recipe)))
            }
            for row in rows where row.run == run.id { steps += Self.steps(of: row, run, progress, state) }
        }
    }

    private static func training(_ progress: RunProgress?, _ recipe: TrainingRecipe) -> State {
        guard let progress else { return .todo }
        return progress.isComplete ? .done : .begun("\(NumberFormat.epochs(progress.epochs)) of \(recipe.epochs) epochs")
    }

    private static func steps(of row: StudyRow, _ run: StudyRun, _ progress: RunProgress?, _ state: StudyState) -> [Step] {
        let trained = progress.flatMap { state.trainedSource(of: run, $0) }.flatMap {
            state.folder.receipt(of: state.folder.trainedPath(run.id), source: $0)
        }
        let model = row.quantization == nil
            ? trained
            : trained.flatMap { state.quantizedSource(of: row, trained: $0) }.flatMap {
                state.folder.receipt(of: state.folder.modelPath(row), source: $0)
            }
        let record = model.flatMap { state.record(of: row, model: $0) }
        let missing = state.missing(record)
        var steps = row.quantization == nil ? [] : [Step(action: .quantize, subject: row.id, state: model == nil ? .todo : .done)]
        let measured: State =
            if record == nil {
                .todo
            } else if !missing.isEmpty {
                .begun("without \(missing.map(\.rawValue).joined(separator: ", "))")
            } else if progress?.isComplete == true {
                .done
            } else {
                .begun("after \(NumberFormat.epochs(progress?.epochs ?? 0)) epochs")
            }
        steps.append(Step(action: .measure, subject: row.id, state: measured))
        return steps
    }

    public var isComplete: Bool { steps.allSatisfy { $0.state == .done } }
}

extension StudyRun.Origin {
    var action: StudyPlan.Action {
        switch self {
        case .zoo: .build
        case .file, .continuation: .read
        case .conversion: .convert
        }
    }
}

extension NumberFormat {
    /// `12`, or `12.6` in the middle of an epoch, never rounded up.
    public static func epochs(_ value: Double) -> String {
        value == value.rounded() ? "\(Int(value))" : String(format: "%.1f", (value * 10).rounded(.down) / 10)
    }
}
