import Autodiff
import Datasets
import Execution
import Tensors
import Testing

@testable import Reporting
@testable import Training

struct TrainingReportTests {
    private let recipe = TrainingRecipe(
        epochs: 3, batchSize: 8, optimizer: .sgd(momentum: 0.9, nesterov: true), learningRate: 0.1, normalization: .unit)

    private func state(epochs: Int) -> TrainingState {
        var state = TrainingState()
        state.epoch = epochs
        state.history = (1...epochs).map { epoch in
            EpochRecord(
                epoch: epoch, loss: 2 / Double(epoch), accuracy: 0.3 * Double(epoch), learningRate: 0.1, seconds: 65, imagesPerSecond: 1234,
                validation: .init(loss: epoch == 2 ? .infinity : 1.5, top1: 0.8357, top5: 1, seconds: 1))
        }
        return state
    }

    private func page(_ model: String, epochs: Int) -> String {
        TrainingPage(model: model, data: "npz:<a&b>", recipe: recipe, state: state(epochs: epochs)).html
    }

    @Test func pageStandsAlone() {
        let html = page("/models/a<b>.onnx", epochs: 3)
        #expect(html.contains("<title>a&lt;b&gt;.onnx · training</title>") && html.contains("npz:&lt;a&amp;b&gt;"))
        #expect(html.contains("prefers-color-scheme: dark") && html.contains("color-scheme: light dark"))
        for forbidden in ["http:", "https:", "src=", "@import", "url(", "<script"] { #expect(!html.contains(forbidden), "\(forbidden)") }
        #expect(html.components(separatedBy: "<figure").count == 5)
        #expect(html.contains("<td>83.57 %</td>") && html.contains("nesterov, momentum 0.9"))
    }

    /// Points that are not numbers are left out, and a single epoch has axes, too.
    @Test(arguments: 1...3)
    func curvesHaveCoordinates(epochs: Int) {
        let html = page("m.onnx", epochs: epochs)
        #expect(!html.contains("nan") && !html.contains("inf"))
        let curves = html.matches(of: /<polyline[^>]*points="([^"]*)"/).map { String($0.output.1) }.filter { $0 != "0,5 28,5" }
        let points = curves.map { $0.split(separator: " ").count }
        #expect(points == [epochs, epochs == 1 ? 1 : epochs - 1, epochs, epochs, epochs, epochs])
    }

    @Test func axesAreMarkedAtRoundNumbers() {
        #expect(LineChart.Axis([0.13, 0.92], isWhole: false).marks.map { ($0 * 1e6).rounded() / 1e6 } == [0, 0.2, 0.4, 0.6, 0.8, 1])
        #expect(LineChart.Axis([1, 10], isWhole: true).marks.allSatisfy { $0 == $0.rounded() })
        for values in [[5.0], [0, 0], [-1e-9, 1e-9], [1e12, 3e12], []] {
            let axis = LineChart.Axis(values, isWhole: false)
            #expect((2...9).contains(axis.marks.count) && axis.low < axis.high)
            #expect(values.allSatisfy { (0...1).contains(axis.place($0)) }, "\(values)")
        }
    }

    @Test func progressIsOneLine() {
        let progress = TrainingProgress(
            phase: .training, epoch: 3, epochs: 30, step: 120, steps: 1390, imagesPerSecond: 1234.4, secondsLeft: 125, loss: 1.23456,
            accuracy: 0.56784, learningRate: 0.01)
        let line = "epoch 3 of 30   step 120 of 1,390   1234 images/s   2 min 05 s left   loss 1.235   accuracy 56.78 %   rate 0.01"
        #expect(progress.line == line)
        #expect(
            state(epochs: 1).history[0].line(of: 30)
                == "epoch 1 of 30   loss 2   accuracy 30.00 %   test loss 1.5   top-1 83.57 %   1234 images/s   rate 0.1   1 min 05 s")
    }

    @Test func evaluationShowsTheMatrixOrTheMistakes() {
        for count in [3, 13] {
            var confusion = ConfusionMatrix(classCount: count)
            confusion[0, 0] = 5
            confusion[1, 0] = 2
            confusion[2, 2] = 3
            let evaluation = Evaluation(
                split: "test", classes: (0..<count).map { "c\($0)" }, confusion: confusion, loss: 0.25, top5Count: 9, unscoredCount: 1,
                seconds: 2, unreadable: [])
            let summary = EvaluationSummary(model: "m.onnx", data: "idx:d", normalization: .unit, evaluation: evaluation)
            let text = summary.text(style: .plain)
            #expect(text.hasPrefix("m.onnx · idx:d, test · 11 images · normalize unit\n"))
            #expect(text.hasSuffix("loss 0.25 · top-1 72.73 % (8 of 11) · top-5 81.82 % · 5.50 images/s"))
            #expect(text.contains("NO NUMBERS: the scores of 1 image are not numbers"))
            #expect(text.contains("mistaken most often") == (count > 12) && text.contains("rows: the class") == (count <= 12))
            #expect(text.contains("      0   c0           5    100 %      71.4 %"), "\(text)")
            let json = summary.json.text
            #expect(json.contains("\"top1\": 0.7272727272727273") && json.contains("\"precision\": null"))
        }
    }

    @Test func accuraciesHaveTwoDigits() {
        #expect(NumberFormat.accuracy(0.83574) == "83.57 %" && NumberFormat.accuracy(1) == "100 %")
        #expect(NumberFormat.accuracy(0.999999) == "99.99 %" && NumberFormat.accuracy(0) == "0.00 %")
    }
}
