import Foundation
import GraphIR
import Tensors

/// What a separation did, layer by layer.
public struct SeparationReport: Hashable, Sendable {
    /// A convolution that was replaced.
    public struct Layer: Hashable, Sendable {
        /// Label of the convolution.
        public var node: String
        public var shape: ConvolutionShape
        public var separation: Separation
        public var before: LayerCost
        public var after: LayerCost
        /// Share of the weight's Σσ² that is kept; `nil` for random weights.
        public var keptEnergy: Double?
        /// ‖W − W′‖², with W′ the weight that the two layers make up; `nil` for random weights.
        public var squaredError: Double?

        /// What became of the convolution: `3×3 → 3×1, 1×3 (rank 64), 97.3 % of the energy`.
        public var detail: String {
            let form = shape.description(of: separation)
            guard let keptEnergy else { return form + ", random weights" }
            return form + (isExact ? ", exact" : ", \(SeparationReport.percent(keptEnergy)) of the energy")
        }

        /// Whether the two layers compute the same function in real arithmetic, whatever the weight.
        public var isExact: Bool {
            guard keptEnergy != nil else { return false }
            switch separation {
            case .spatial(let order, let rank): return rank >= shape.fullRank(order)
            case .depthwise(let terms): return terms >= shape.fullTerms
            }
        }
    }

    public var form: SeparableForm
    /// In execution order.
    public var layers: [Layer]
    /// Convolutions left alone, in execution order.
    public var skips: [PassReport.Skip]
    /// Labels of all of them, replaced or not, in execution order.
    public var order: [String]
    public var fidelity: Fidelity
    /// Convolutions for which a higher rank was asked than their weight can have, in execution order.
    public var excessiveRanks: [ExcessiveRank]

    /// A convolution whose weight has a lower full rank, at which the form is exact, than the one that was asked for.
    public struct ExcessiveRank: Hashable, Sendable {
        /// Label of the convolution.
        public var node: String
        public var asked: Int
        public var fullRank: Int
    }

    public init(
        form: SeparableForm, layers: [Layer], skips: [PassReport.Skip], order: [String], fidelity: Fidelity,
        excessiveRanks: [ExcessiveRank]
    ) {
        self.excessiveRanks = excessiveRanks
        self.form = form
        self.layers = layers
        self.skips = skips
        self.order = order
        self.fidelity = fidelity
    }

    /// A share of the energy, with as many digits as it takes not to be rounded up to all of it: `74.0 %`, `99.9998 %`.
    public static func percent(_ share: Double) -> String {
        for digits in 3...12 {
            let text = String(format: "%#.\(digits)g", 100 * share)
            if !text.hasPrefix("100") { return text + " %" }
        }
        return "100 %"
    }

    /// The report of the pass called `name` that did this.
    public func passReport(_ name: String) -> PassReport {
        PassReport(pass: name, fidelity: fidelity, rewrites: layers.map { .init(node: $0.node, detail: $0.detail) }, skips: skips)
    }
}
