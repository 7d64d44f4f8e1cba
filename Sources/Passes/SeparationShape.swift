import GraphIR
import Tensors

/// What one convolution becomes: which two layers, and how wide the path between them is.
public enum Separation: Hashable, Sendable {
    /// k₁×1 and 1×k₂ in the given order, with `rank` channels between them.
    case spatial(SpatialOrder, rank: Int)
    /// k₁×k₂ for every input channel alone, `terms` times, and a 1×1 over the results.
    case depthwise(terms: Int)

    /// The rank, or the number of terms.
    public var rank: Int {
        switch self {
        case .spatial(_, let rank): rank
        case .depthwise(let terms): terms
        }
    }
}

/// Which of the two spatial factors comes first.
public enum SpatialOrder: String, CaseIterable, Hashable, Sendable {
    case verticalFirst = "vertical first"
    case horizontalFirst = "horizontal first"
}

/// One of the two separable forms that a convolution can take.
public enum SeparableForm: String, CaseIterable, Hashable, Sendable {
    case spatial, depthwise
}

/// A dense two-dimensional convolution as far as its separation depends on it: lengths, window, and input size.
public struct ConvolutionShape: Hashable, Sendable {
    /// O, the number of filters.
    public var filters: Int
    /// I, the number of input channels that a filter sees.
    public var channels: Int
    public var groups: Int
    /// Resolved, with two spatial dimensions.
    public var window: Window
    public var hasBias: Bool
    /// Height and width of the input; `nil` when they are not known before the network runs.
    public var inputSize: [Int]?

    public init(filters: Int, channels: Int, groups: Int, window: Window, hasBias: Bool, inputSize: [Int]?) {
        self.filters = filters
        self.channels = channels
        self.groups = groups
        self.window = window
        self.hasBias = hasBias
        self.inputSize = inputSize
    }

    /// Height and width of the kernel.
    public var kernel: [Int] { window.kernel }
    public var height: Int { window.kernel[0] }
    public var width: Int { window.kernel[1] }

    /// `[O, I, k₁, k₂]`.
    public var weightShape: [Int] { [filters, channels] + window.kernel }

    /// The rank, or the number of terms, at which the separation is exact.
    ///
    /// Vertical first, the weight as an (I·k₁) × (O·k₂) matrix; horizontal first, as (I·k₂) × (O·k₁); depthwise, for every
    /// input channel as O × (k₁·k₂).
    public func fullRank(_ order: SpatialOrder) -> Int {
        switch order {
        case .verticalFirst: min(clampedProduct(channels, height), clampedProduct(filters, width))
        case .horizontalFirst: min(clampedProduct(channels, width), clampedProduct(filters, height))
        }
    }

    public var fullTerms: Int { min(clampedProduct(height, width), filters) }

    /// The layers of a separation, first to last.
    ///
    /// Strides, dilations and pads go with their axis. Only the last layer has the bias: a bias on the first would reach into
    /// the padding of the second.
    public func layers(of separation: Separation) -> [SeparatedLayer] {
        switch separation {
        case .spatial(let order, let rank):
            let axes = order == .verticalFirst ? [0, 1] : [1, 0]
            return [
                SeparatedLayer(
                    role: axes[0] == 0 ? .vertical : .horizontal, filters: rank, channels: channels, groups: 1,
                    window: window.restricted(to: axes[0]), hasBias: false),
                SeparatedLayer(
                    role: axes[1] == 0 ? .vertical : .horizontal, filters: filters, channels: rank, groups: 1,
                    window: window.restricted(to: axes[1]), hasBias: hasBias),
            ]
        case .depthwise(let terms):
            return [
                SeparatedLayer(
                    role: .depthwise, filters: clampedProduct(terms, channels), channels: 1, groups: channels, window: window,
                    hasBias: false),
                SeparatedLayer(
                    role: .pointwise, filters: filters, channels: clampedProduct(terms, channels), groups: 1, window: .pointwise,
                    hasBias: hasBias),
            ]
        }
    }

    /// The convolution itself as a layer.
    var undivided: SeparatedLayer {
        SeparatedLayer(role: .undivided, filters: filters, channels: channels, groups: groups, window: window, hasBias: hasBias)
    }
}

/// One layer of a separation.
public struct SeparatedLayer: Hashable, Sendable {
    /// What the layer does; the raw value is the suffix of its name.
    public enum Role: String, Hashable, Sendable { case undivided, vertical, horizontal, depthwise, pointwise }

    public var role: Role
    public var filters: Int
    /// Input channels that a filter sees.
    public var channels: Int
    public var groups: Int
    public var window: Window
    public var hasBias: Bool

    public var weightShape: [Int] { [filters, channels] + window.kernel }
    public var convolution: Convolution { Convolution(window: window, groups: groups) }
}

extension Window {
    /// A 1×1 kernel that moves by 1 and pads nothing.
    static let pointwise = Window(kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padding: .explicit(begin: [0, 0], end: [0, 0]))

    /// The part of a resolved two-dimensional window along `axis`; along the other axis it is a point that moves by 1.
    ///
    /// `SAME` and `VALID` stay: both are defined axis by axis, and neither pads a point.
    func restricted(to axis: Int) -> Window {
        func only(_ values: [Int], otherwise neutral: Int) -> [Int] { values.indices.map { $0 == axis ? values[$0] : neutral } }
        let padding: Padding =
            switch self.padding {
            case .explicit(let begin, let end): .explicit(begin: only(begin, otherwise: 0), end: only(end, otherwise: 0))
            case .sameUpper, .sameLower, .valid: self.padding
            }
        return Window(
            kernel: only(kernel, otherwise: 1), strides: only(strides, otherwise: 1), dilations: only(dilations, otherwise: 1),
            padding: padding)
    }
}

extension ConvolutionShape {
    /// `3×3`.
    public var kernelDescription: String { "\(height)×\(width)" }

    /// `3×3 → 3×1, 1×3 (rank 64)` or `3×3 → 3×3 depthwise, 1×1 (2 terms)`.
    func description(of separation: Separation) -> String {
        switch separation {
        case .spatial(let order, let rank):
            let factors = order == .verticalFirst ? "\(height)×1, 1×\(width)" : "1×\(width), \(height)×1"
            return "\(kernelDescription) → \(factors) (rank \(rank))"
        case .depthwise(let terms):
            return "\(kernelDescription) → \(kernelDescription) depthwise, 1×1" + (terms == 1 ? "" : " (\(terms) terms)")
        }
    }
}
