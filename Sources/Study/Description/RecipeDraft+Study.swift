import Datasets
import Quantization
import Training

extension RecipeDraft {
    /// The settings of a recipe in a study are the options of `cleave train`. The seed is the run's.
    static let studyKeys = [
        "epochs", "batch-size", "accumulate", "optimizer", "learning-rate", "momentum", "beta1", "beta2", "epsilon", "weight-decay",
        "schedule", "warm-up", "clip", "loss", "label-smoothing", "temperature", "alpha", "average", "early-stop", "freeze", "initialize",
        "augment", "normalize", "shuffle", "skip-bad", "quantize-aware",
    ]

    /// Takes over what the fields say.
    /// - Throws: `CleaveError` for a value that makes no sense.
    mutating func read(_ fields: StudyFields) throws {
        epochs = try fields["epochs"]?.integer(in: 1...1_000_000) ?? epochs
        batchSize = try fields["batch-size"]?.integer(in: 1...1_000_000) ?? batchSize
        accumulation = try fields["accumulate"]?.integer(in: 1...1_000_000) ?? accumulation
        optimizer = try fields["optimizer"]?.choice("optimizer") ?? optimizer
        learningRate = try fields["learning-rate"]?.number ?? learningRate
        momentum = try fields["momentum"]?.number ?? momentum
        beta1 = try fields["beta1"]?.number ?? beta1
        beta2 = try fields["beta2"]?.number ?? beta2
        epsilon = try fields["epsilon"]?.number ?? epsilon
        weightDecay = try fields["weight-decay"]?.number ?? weightDecay
        schedule = try fields["schedule"]?.parsed { try LearningRateSchedule(parsing: $0) } ?? schedule
        warmUp = try fields["warm-up"]?.number ?? warmUp
        maximalGradientNorm = try fields["clip"]?.number ?? maximalGradientNorm
        try readLoss(fields)
        averageDecay = try fields["average"]?.number ?? averageDecay
        patience = try fields["early-stop"]?.integer(in: 1...1_000_000) ?? patience
        frozen = try fields["freeze"]?.elements.map { NamePattern(try $0.text) } ?? frozen
        initialization = try fields["initialize"]?.choice("initialization") ?? initialization
        augmentation = try fields["augment"]?.parsed { try Augmentation(parsing: $0) } ?? augmentation
        normalization = try fields["normalize"]?.parsed { try Normalization(parsing: $0) } ?? normalization
        shuffles = try fields["shuffle"]?.flag ?? shuffles
        skipsUnreadable = try fields["skip-bad"]?.flag ?? skipsUnreadable
        awareness = try fields["quantize-aware"].map(Self.awareness) ?? awareness
    }

    private static func awareness(_ node: StudyNode) throws -> QuantizationAwareness {
        let fields = try node.fields(["target", "format", "ranges", "exclude", "reduce-range"])
        let awareness = QuantizationAwareness(
            target: try fields["target"]?.choice("target") ?? .onnxruntime, format: try fields["format"]?.choice("format") ?? .qdq,
            ranges: try fields["ranges"]?.choice("kind of ranges") ?? .learned,
            excluded: try fields["exclude"]?.elements.map { try $0.text } ?? [], reducesRange: try fields["reduce-range"]?.flag ?? false)
        guard awareness.format == .qdq || awareness.target == .onnxruntime else {
            throw node.error("the format qoperator is for the target onnxruntime, whose operators these are")
        }
        return awareness
    }

    private mutating func readLoss(_ fields: StudyFields) throws {
        loss = try fields["loss"]?.choice("loss") ?? loss
        labelSmoothing = try fields["label-smoothing"]?.number ?? labelSmoothing
        temperature = try fields["temperature"]?.number ?? temperature
        alpha = try fields["alpha"]?.number ?? alpha
    }
}
