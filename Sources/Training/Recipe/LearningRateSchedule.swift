import Foundation
import Tensors

/// How the learning rate changes from update to update.
public enum LearningRateSchedule: Hashable, Codable, Sendable, CustomStringConvertible {
    case constant
    /// Times `factor` after every `epochs`.
    case step(epochs: Int, factor: Double)
    /// ½·(1 + cos(π·t/T)) at update t of T, those of the warm-up apart (Loshchilov and Hutter, arXiv 1608.03983, without restarts).
    case cosine
    /// From 1/25 up to 1 over the first 0.3 of all updates, then down to 4·10⁻⁶, both along half a cosine: PyTorch's `OneCycleLR`
    /// as it is unless told otherwise, with the momentum left alone (Smith and Topin, arXiv 1708.07120).
    case oneCycle

    private static let cycleStart = 1.0 / 25
    private static let cycleEnd = cycleStart / 1e4
    private static let cycleRise = 0.3

    /// What the learning rate is multiplied with.
    /// - Parameters:
    ///   - update: counted from 0, after the warm-up.
    ///   - warmUp: updates of the warm-up.
    ///   - total: updates of the whole run.
    func factor(ofUpdate update: Int, warmUp: Int, total: Int, updatesPerEpoch: Int) -> Double {
        switch self {
        case .constant: return 1
        case .step(let epochs, let factor): return pow(factor, Double(update / updatesPerEpoch / epochs))
        case .cosine: return (1 + cos(.pi * Double(update - warmUp) / Double(max(total - warmUp, 1)))) / 2
        case .oneCycle:
            func between(_ start: Double, _ end: Double, _ share: Double) -> Double { end + (start - end) * (1 + cos(.pi * share)) / 2 }
            let top = Self.cycleRise * Double(total) - 1
            if Double(update) <= top, top > 0 { return between(Self.cycleStart, 1, Double(update) / top) }
            let rest = Double(total - 1) - max(top, 0)
            return between(1, Self.cycleEnd, rest > 0 ? (Double(update) - max(top, 0)) / rest : 0)
        }
    }

    /// - Throws: `CleaveError` for a number out of range.
    func check() throws {
        guard case .step(let epochs, let factor) = self else { return }
        guard epochs >= 1, factor > 0, factor.isFinite else {
            throw CleaveError(
                .invalidRequest, "the schedule multiplies by \(factor) every \(epochs) epochs, expected a positive number, and at least 1")
        }
    }

    /// `constant`, `step=30` (a tenth after every 30 epochs), `step=30,0.5`, `cosine`, or `one-cycle`.
    /// - Throws: `CleaveError` for anything else.
    public init(parsing text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count) {
        case ("constant", 1): self = .constant
        case ("cosine", 1): self = .cosine
        case ("one-cycle", 1): self = .oneCycle
        case ("step", 2):
            let numbers = parts[1].split(separator: ",", omittingEmptySubsequences: false)
            guard (1...2).contains(numbers.count), let epochs = Int(numbers[0]), let factor = numbers.count > 1 ? Double(numbers[1]) : 0.1
            else { throw Self.unknown(text) }
            self = .step(epochs: epochs, factor: factor)
            try check()
        default: throw Self.unknown(text)
        }
    }

    private static func unknown(_ text: String) -> CleaveError {
        CleaveError(
            .invalidRequest, "the schedule is '\(text)', expected constant, step=EPOCHS or step=EPOCHS,FACTOR, cosine, or one-cycle",
            suggestion: text.hasPrefix("step") ? "try step=30,0.1" : nil)
    }

    /// The text that `init(parsing:)` takes.
    public var description: String {
        switch self {
        case .constant: "constant"
        case .step(let epochs, let factor): factor == 0.1 ? "step=\(epochs)" : "step=\(epochs),\(factor)"
        case .cosine: "cosine"
        case .oneCycle: "one-cycle"
        }
    }
}
