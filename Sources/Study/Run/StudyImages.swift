import Datasets
import Tensors

/// The images of a study, loaded.
struct StudyImages {
    let training: DatasetSplit
    /// What follows every epoch: `val`, else `test`; `nil` for a data set that is not split.
    let validation: DatasetSplit?
    /// What rows are measured on.
    let evaluation: DatasetSplit

    /// - Throws: `CleaveError` that says what is expected and where to get it, when they are missing or others.
    init(_ specification: DatasetSpecification, _ requirement: DataRequirement) throws {
        do {
            let dataset = try Dataset(specification)
            guard dataset.classes.count == requirement.classes else {
                throw CleaveError(
                    .invalidRequest, "the data set has \(dataset.classes.count) classes, the study is about \(requirement.classes)",
                    at: .init(file: specification.path))
            }
            let all = (training: try dataset.loadTraining(), evaluation: try dataset.loadEvaluation())
            for (split, expected, purpose) in [
                (all.training, requirement.trainingCount, "to train on"), (all.evaluation, requirement.testCount, "to test with"),
            ] {
                guard let expected, split.count != expected else { continue }
                throw CleaveError(
                    .invalidRequest, "there are \(split.count) images \(purpose), the study is about \(expected)",
                    at: .init(file: specification.path))
            }
            let evaluation = try requirement.usedTestCount.map(all.evaluation.sampled) ?? all.evaluation
            let name = ["val", "test"].first(where: dataset.splitNames.contains)
            training = try requirement.usedTrainingCount.map(all.training.sampled) ?? all.training
            validation = try name.map { try $0 == evaluation.name ? evaluation : dataset.load($0) }
            self.evaluation = evaluation
        } catch var error as CleaveError {
            error.suggestion = requirement.advice
            throw error
        }
    }
}

extension DataRequirement {
    /// What is expected, and where to get it.
    public var advice: String {
        var counts = ["\(classes) classes"]
        if let trainingCount { counts.append("\(trainingCount) images to train on") }
        if let testCount { counts.append("\(testCount) to test with") }
        let place = source.map { "; get it from \($0)" } ?? ""
        return "the study needs \(name): \(counts.joined(separator: ", "))\(place)"
    }
}
