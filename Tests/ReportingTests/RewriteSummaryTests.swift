import GraphIR
import Quantization
import Testing

@testable import Passes
@testable import Reporting

struct RewriteSummaryTests {
    private func size(parameters: Int) throws -> ModelSize {
        var size = try ModelSize(Graph(name: "m", opset: 17), file: "m.onnx", fileSize: 1000)
        size.parameters = parameters
        size.multiplyAccumulates = 500
        return size
    }

    private func report(_ pass: String, rewrites: Int = 0, skips: [String] = []) -> PassReport {
        PassReport(
            pass: pass, fidelity: .exact, rewrites: (0..<rewrites).map { .init(node: "n\($0)", detail: "detail \($0)") },
            skips: skips.enumerated().map { .init(node: "s\($0.offset)", reason: SkipReason($0.element)) })
    }

    private func summary(
        _ reports: [PassReport], _ separation: SeparationReport? = nil, after: Int = 90, showsLayers: Bool = false
    ) throws -> RewriteSummary {
        RewriteSummary(
            before: try size(parameters: 100), after: try size(parameters: after), reports: reports, separation: separation,
            remarks: [], seconds: 0.1, showsLayers: showsLayers)
    }

    private func separation(_ energies: [Double?], ranks: [Int], excessive: [SeparationReport.ExcessiveRank] = []) -> SeparationReport {
        let shape = ConvolutionShape(
            filters: 4, channels: 4, groups: 1,
            window: Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padding: .explicit(begin: [0, 0], end: [0, 0])),
            hasBias: false, inputSize: nil)
        return SeparationReport(
            form: .spatial,
            layers: zip(energies, ranks).map { energy, rank in
                .init(
                    node: "c", shape: shape, separation: .spatial(.verticalFirst, rank: rank), before: shape.cost, after: shape.cost,
                    keptEnergy: energy, squaredError: nil)
            }, skips: [], order: [], fidelity: .approximate, excessiveRanks: excessive)
    }

    @Test func layersAreInTheOrderOfTheGraph() throws {
        var report = separation([0.5, 0.5], ranks: [4, 4])
        report.layers[0].node = "second"
        report.layers[1].node = "fourth"
        report.skips = [.init(node: "first", reason: SkipReason("no")), .init(node: "third", reason: SkipReason("no"))]
        report.order = ["first", "second", "third", "fourth"]
        let words = try summary([], report, showsLayers: true).text(style: .plain).split { $0 == " " || $0 == "\n" }.map(String.init)
        #expect(words.filter(report.order.contains) == report.order)
    }

    @Test func aModelThatStaysAsItIsIsCalledSo() throws {
        let text = try summary([report("fold-pad", skips: ["no"])]).text(style: .plain)
        #expect(text.hasSuffix("\nnothing was rewritten: the model computes what it did, as it did"))
        #expect(try !summary([report("fold-pad", rewrites: 1)]).text(style: .plain).contains("nothing was rewritten"))
    }

    @Test func passesAreGroupedByWhatTheyMean() throws {
        let summary = try summary([
            report("remove-dead-code", rewrites: 3), report("merge-reshapes", rewrites: 1), report("fold-batch-norm", rewrites: 2),
            report("merge-transposes", rewrites: 1), report("fold-pad", rewrites: 1), report("other", rewrites: 1),
            report("fold-constants"),
        ])
        #expect(
            summary.rewritten == [
                .init(count: 2, detail: "batch norms folded into the layer before them"),
                .init(count: 1, detail: "pad absorbed by the layer after it"),
                .init(count: 2, detail: "reshapes, transposes, slices and concatenations merged with the one before them"),
                .init(count: 3, detail: "unused nodes and constants removed"), .init(count: 1, detail: "other"),
            ])
    }

    /// A pass that a pipeline gains must get its words.
    @Test func everyPassHasAMeaning() {
        let named = Set(RewriteMeaning.all.flatMap(\.passes))
        let steps = Pipeline.fold { _, _, _, _ in [] }.steps + Pipeline.prepareForQuantization.steps
        let passes = steps.flatMap { step -> [any Pass] in
            switch step {
            case .once(let pass): [pass]
            case .untilStable(let passes, _): passes
            }
        }
        for pass in passes { #expect(named.contains(pass.name), "\(pass.name)") }
        let others: Set = ["quantize", ToIntegerOperators().name, "equalize-layers"]
        #expect(named.isSubset(of: others.union(passes.map(\.name))))
    }

    @Test func reasonsThatDifferInNumbersAreOne() throws {
        let summary = try summary([
            report(
                "fold-constants",
                skips: [
                    "its result would take 9 bytes, but its operands only 32", "it is random",
                    "its result would take 4096 bytes, but its operands only 32",
                    "its result would take 100 bytes, but its operands only 32",
                ])
        ])
        #expect(
            summary.leftAlone == [
                .init(count: 3, detail: "constant: its result would take 9 to 4096 bytes, but its operands only 32"),
                .init(count: 1, detail: "s1: constant: it is random"),
            ])
    }

    @Test(arguments: [
        (["kernel is already 3×1", "kernel is already 1×3"], ["kernel is already 3×1", "kernel is already 1×3"]),
        (["parameters 1.10×, more", "parameters 2.00×, more"], ["parameters 1.10 to 2.00×, more"]),
        (["shared with 'conv_1'", "shared with 'conv_2'"], ["shared with '…'"]),
        (["of float32", "of float16"], ["of float32", "of float16"]),
        (["an apostrophe's 5", "an apostrophe's 6"], ["an apostrophe's 5 to 6"]),
    ])
    func reasonsAreMergedWhereOnlyNamesAndNumbersDiffer(texts: [String], expected: [String]) {
        let reasons = texts.map { ReasonText($0) }
        var merged: [String] = []
        for pattern in reasons.map(\.pattern) where merged.count < Set(reasons.map(\.pattern)).count {
            merged.append(ReasonText.merged(reasons.filter { $0.pattern == pattern }))
        }
        #expect(merged == expected)
    }

    @Test func theEnergyLineSaysHowMuchIsKept() throws {
        func text(_ separation: SeparationReport) throws -> String { try summary([], separation).text(style: .plain) }
        #expect(try text(separation([0.5, 0.973], ranks: [2, 2])).contains("the weights keep 50.0 to 97.3 % of their energy"))
        #expect(try text(separation([0.999999, 0.999999], ranks: [2, 2])).contains("the weights keep 99.9999 % of their energy"))
        #expect(try text(separation([1, 1], ranks: [12, 12])).contains("the same function: every weight keeps its full rank"))
        #expect(try !text(separation([nil], ranks: [4])).contains("energy"))
    }

    @Test func anEmptyFormulaIsExplained() throws {
        let other = try summary([], separation([0.5], ranks: [2])).text(style: .plain)
        #expect(other.contains("no formula for parameters and multiply-accumulates: the paper's are for square kernels and its own ranks"))
        let unknownSize = try summary([], separation([0.5], ranks: [4])).text(style: .plain)
        #expect(unknownSize.contains("no formula for multiply-accumulates: the paper's are for kernels of 3×3 on inputs of known size"))
        #expect(try !summary([report("fold-pad", rewrites: 1)]).text(style: .plain).contains("formula"))
    }

    @Test func warnsOfRanksThatNoWeightHasAndOfGrowth() throws {
        let excessive = [SeparationReport.ExcessiveRank(node: "c", asked: 99, fullRank: 12), .init(node: "d", asked: 99, fullRank: 24)]
        let separated = try summary([], separation([], ranks: [], excessive: excessive))
        #expect(separated.warnings.map { $0.hasPrefix("rank 99 is above the full rank of 2 convolutions, 12 to 24, ") } == [true])
        #expect(separated.text(style: .plain).contains("\nwarning: rank 99 "))
        #expect(try summary([], after: 120).warnings.map { $0.hasPrefix("the model has 20 parameters more") } == [true])
        #expect(try summary([], after: 80).warnings.isEmpty)
        var remarked = try summary([], after: 120)
        remarked.remarks = ["old"]
        #expect(remarked.warnings.count == 2 && remarked.warnings[0] == "old")
    }
}
