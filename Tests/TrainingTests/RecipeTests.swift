import Autodiff
import Datasets
import Execution
import Foundation
import Tensors
import Testing

@testable import Training

struct LearningRateTests {
    private func rates(_ schedule: LearningRateSchedule, epochs: Int = 10, perEpoch: Int = 20, warmUp: Double = 0) -> [Double] {
        var recipe = quickRecipe(epochs: epochs)
        (recipe.learningRate, recipe.schedule, recipe.warmUp) = (0.5, schedule, warmUp)
        return (0..<epochs * perEpoch).map { recipe.learningRate(ofUpdate: $0, updatesPerEpoch: perEpoch) }
    }

    private func isClose(_ left: Double, _ right: Double) -> Bool {
        (left - right).magnitude <= 1e-12 * max(left.magnitude, right.magnitude)
    }

    @Test func constantStays() {
        #expect(rates(.constant) == [Double](repeating: 0.5, count: 200))
    }

    @Test func stepsComeAfterWholeEpochs() {
        let rates = rates(.step(epochs: 3, factor: 0.5))
        for (epoch, expected) in [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625].enumerated() {
            #expect(rates[epoch * 20..<epoch * 20 + 20].allSatisfy { isClose($0, expected) }, "epoch \(epoch)")
        }
    }

    @Test func cosineIsHalfAWave() {
        let rates = rates(.cosine)
        for (update, rate) in rates.enumerated() { #expect(isClose(rate, 0.25 * (1 + cos(.pi * Double(update) / 200)))) }
        #expect(rates[100] == 0.25)
    }

    @Test func warmUpRisesInEqualSteps() {
        let rates = rates(.cosine, warmUp: 1.5)
        for update in 0..<30 { #expect(isClose(rates[update], 0.5 * Double(update + 1) / 30)) }
        #expect(rates[30] == 0.5)
        #expect(isClose(rates[115], 0.25))
    }

    /// The numbers of `torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=200)`, PyTorch 2: initial 0.02, top at
    /// step 59, the end 2·10⁻⁶ at step 199.
    @Test func oneCycleIsThatOfPyTorch() {
        let rates = rates(.oneCycle)
        #expect(isClose(rates[0], 0.02))
        #expect(isClose(rates[59], 0.5))
        #expect((rates[199] - 2e-6).magnitude < 1e-15)
        #expect((rates[30] - (0.5 + (0.02 - 0.5) / 2 * (1 + cos(.pi * 30 / 59)))).magnitude < 1e-15)
        #expect((rates[129] - (2e-6 + (0.5 - 2e-6) / 2 * (1 + cos(.pi * 70 / 140)))).magnitude < 1e-15)
        #expect(rates.max() == rates[59])
    }

    @Test(arguments: 1...4)
    func shortRunsHaveRates(updates: Int) {
        for schedule in [LearningRateSchedule.constant, .step(epochs: 1, factor: 0.1), .cosine, .oneCycle] {
            #expect(rates(schedule, epochs: updates, perEpoch: 1).allSatisfy { $0 > 0 && $0 <= 0.5 }, "\(schedule)")
        }
    }

    @Test(arguments: ["constant", "step=30", "step=4,0.5", "cosine", "one-cycle"])
    func textsAreParsedAgain(text: String) throws {
        #expect(try LearningRateSchedule(parsing: text).description == text)
    }

    @Test(arguments: ["", "steps", "step", "step=", "step=0", "step=3,0", "step=3,-1", "step=a", "step=1,2,3", "cosine=1", "one-cycle=2"])
    func otherTextsAreRefused(text: String) {
        #expect(throws: CleaveError.self) { try LearningRateSchedule(parsing: text) }
    }
}

struct RecipeTests {
    private static let full = TrainingRecipe(
        epochs: 3, batchSize: 5, accumulation: 2, optimizer: .adamW(.init(beta1: 0.8, beta2: 0.99, epsilon: 1e-9)), learningRate: 0.1,
        schedule: .step(epochs: 2, factor: 0.3), warmUp: 0.7, weightDecay: 1e-4, maximalGradientNorm: 0.123456789012345678,
        loss: .distillation(temperature: 3, alpha: 0.25, labelSmoothing: 0.1), averageDecay: 0.999, patience: 4, seed: .max,
        frozen: [NamePattern("conv*"), NamePattern("a/?")], initialization: .he,
        augmentation: Augmentation(flips: true, rotation: 12.5, cropPadding: 3, cutout: 4, jitter: 0.3), normalization: .imagenet,
        shuffles: false, skipsUnreadable: true)

    @Test func survivesJSON() throws {
        for recipe in [Self.full, quickRecipe(epochs: 1)] {
            #expect(try JSONDecoder().decode(TrainingRecipe.self, from: JSONEncoder().encode(recipe)) == recipe)
        }
    }

    @Test func numbersOutOfRangeAreRefused() throws {
        try Self.full.check()
        let changes: [(inout TrainingRecipe) -> Void] = [
            { $0.epochs = 0 }, { $0.batchSize = 0 }, { $0.accumulation = 0 }, { $0.learningRate = 0 }, { $0.learningRate = .nan },
            { $0.warmUp = -1 }, { $0.warmUp = 4 }, { $0.weightDecay = -1 }, { $0.maximalGradientNorm = 0 }, { $0.averageDecay = 1 },
            { $0.patience = 0 }, { $0.schedule = .oneCycle }, { $0.optimizer = .sgd(momentum: 0, nesterov: true) },
            { $0.loss = .softmaxCrossEntropy(labelSmoothing: 1) },
        ]
        for (index, change) in changes.enumerated() {
            var recipe = Self.full
            change(&recipe)
            #expect(throws: CleaveError.self, "change \(index)") { try recipe.check() }
        }
    }

    @Test func patternsAreThoseOfShells() {
        #expect(NamePattern("conv1*").matches("conv1/weight") && NamePattern("conv?").matches("conv2"))
        #expect(NamePattern("c[ab]").matches("cb"))
        #expect(!NamePattern("conv").matches("conv1") && !NamePattern("conv?").matches("conv"))
    }
}
