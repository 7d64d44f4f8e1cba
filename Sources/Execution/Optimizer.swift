import Tensors

/// How a parameter follows from its gradient, as PyTorch defines it.
public enum Optimizer: Hashable, Codable, Sendable {
    /// v = momentum·v + g; p −= rate·v, or with Nesterov's look ahead p −= rate·(g + momentum·v). Weight decay adds decay·p to g.
    case sgd(momentum: Double, nesterov: Bool)
    /// m = β₁·m + (1 − β₁)·g; v = β₂·v + (1 − β₂)·g²; p −= rate · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε) at step t = 1, 2 …
    /// (Kingma and Ba, arXiv 1412.6980). Weight decay adds decay·p to g.
    case adam(Moments)
    /// As Adam, but weight decay first makes p smaller by rate·decay·p and leaves g alone (Loshchilov and Hutter, arXiv 1711.05101).
    case adamW(Moments)

    /// How long Adam remembers, and what keeps its quotient finite: PyTorch's ε is 10⁻⁸, Keras' is 10⁻⁷.
    public struct Moments: Hashable, Codable, Sendable {
        public var beta1: Double
        public var beta2: Double
        public var epsilon: Double

        public init(beta1: Double, beta2: Double, epsilon: Double) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
        }
    }

    /// Numbers per element that are kept from step to step.
    public var stateCount: Int {
        switch self {
        case .sgd(let momentum, _): momentum == 0 ? 0 : 1
        case .adam, .adamW: 2
        }
    }

    /// - Throws: `CleaveError` for a number out of range.
    public func check() throws {
        switch self {
        case .sgd(let momentum, let nesterov):
            guard momentum >= 0, momentum < 1 else {
                throw CleaveError(.invalidRequest, "momentum is \(momentum), expected 0 ≤ momentum < 1")
            }
            guard !nesterov || momentum > 0 else {
                throw CleaveError(.invalidRequest, "momentum is 0, but Nesterov's look ahead needs one", suggestion: "try momentum 0.9")
            }
        case .adam(let moments), .adamW(let moments):
            for (name, beta) in [("beta1", moments.beta1), ("beta2", moments.beta2)] where !(beta >= 0 && beta < 1) {
                throw CleaveError(.invalidRequest, "\(name) is \(beta), expected 0 ≤ \(name) < 1")
            }
            guard moments.epsilon > 0, moments.epsilon.isFinite else {
                throw CleaveError(.invalidRequest, "epsilon is \(moments.epsilon), expected a positive number")
            }
        }
    }
}

/// One step of an optimizer: a description that whoever owns the parameters applies to them in place.
public struct OptimizerStep: Hashable, Sendable {
    public var optimizer: Optimizer
    public var learningRate: Double
    /// For parameters that decay; the others have 0.
    public var weightDecay: Double
    /// 1 for the first step.
    public var number: Int

    public init(optimizer: Optimizer, learningRate: Double, weightDecay: Double, number: Int) {
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.number = number
    }

    /// The obvious form of the step, in Double: what every faster one is checked against.
    /// - Parameter state: `optimizer.stateCount` arrays as long as the parameter, zeros before the first step.
    /// - Precondition: all arrays have one length.
    public func apply(to parameter: inout [Double], gradient: [Double], state: inout [[Double]]) {
        precondition(gradient.count == parameter.count && state.count == optimizer.stateCount, "the arrays do not fit the optimizer")
        precondition(state.allSatisfy { $0.count == parameter.count }, "the arrays have different lengths")
        switch optimizer {
        case .sgd(let momentum, let nesterov):
            for index in parameter.indices {
                var slope = gradient[index] + weightDecay * parameter[index]
                if momentum != 0 {
                    state[0][index] = momentum * state[0][index] + slope
                    slope = nesterov ? slope + momentum * state[0][index] : state[0][index]
                }
                parameter[index] -= learningRate * slope
            }
        case .adam(let moments):
            for index in parameter.indices {
                let slope = gradient[index] + weightDecay * parameter[index]
                parameter[index] -= learningRate * direction(moments, slope, at: index, &state)
            }
        case .adamW(let moments):
            for index in parameter.indices {
                parameter[index] -= learningRate * weightDecay * parameter[index]
                parameter[index] -= learningRate * direction(moments, gradient[index], at: index, &state)
            }
        }
    }

    /// Updates both moments and gives their quotient, each freed of the bias that it has towards its initial 0.
    private func direction(_ moments: Optimizer.Moments, _ slope: Double, at index: Int, _ state: inout [[Double]]) -> Double {
        state[0][index] = moments.beta1 * state[0][index] + (1 - moments.beta1) * slope
        state[1][index] = moments.beta2 * state[1][index] + (1 - moments.beta2) * slope * slope
        let mean = state[0][index] / (1 - Self.power(moments.beta1, number))
        let square = state[1][index] / (1 - Self.power(moments.beta2, number))
        return mean / (square.squareRoot() + moments.epsilon)
    }

    /// base^exponent for an exponent from 1 up: 1 − βᵗ frees Adam's moments of their bias.
    public static func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}
