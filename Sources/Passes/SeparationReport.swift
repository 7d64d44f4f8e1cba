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
            if isExact { return form + ", exact" }
            return form + String(format: ", %.3g %% of the energy", 100 * keptEnergy)
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
    public var fidelity: Fidelity

    public init(form: SeparableForm, layers: [Layer], skips: [PassReport.Skip], fidelity: Fidelity) {
        self.form = form
        self.layers = layers
        self.skips = skips
        self.fidelity = fidelity
    }

    /// The report of the pass called `name` that did this.
    public func passReport(_ name: String) -> PassReport {
        PassReport(pass: name, fidelity: fidelity, rewrites: layers.map { .init(node: $0.node, detail: $0.detail) }, skips: skips)
    }
}
