import GraphIR
import Passes
import Tensors

/// The layers that have to stay in float so that an int8 model loses no more accuracy than allowed.
public struct AccuracyBudget: Hashable, Sendable {
    /// Shares of 1.
    public var floatAccuracy: Double
    /// With everything in integers.
    public var integerAccuracy: Double
    /// With `floatLayers` in float.
    public var accuracy: Double
    /// Labels of the nodes, the most sensitive first.
    public var floatLayers: [String]
    /// How many models were evaluated.
    public var evaluationCount: Int

    /// Finds few layers with which the budget is kept: the shortest beginning of `ranking` by bisection, as if every further layer in
    /// float could only help, and of these only such that are not in there for nothing.
    /// - Parameters:
    ///   - ranking: labels of the layers, the most sensitive first.
    ///   - loss: how much less than `floatAccuracy` is allowed, as a share of 1.
    ///   - evaluate: the accuracy with the given layers in float.
    public init(
        ranking: [String], floatAccuracy: Double, loss: Double, evaluate: ([String]) throws -> Double
    ) throws {
        var known: [[String]: Double] = [:]
        func accuracy(_ layers: [String]) throws -> Double {
            if let accuracy = known[layers] { return accuracy }
            // With everything in float, there is nothing to evaluate.
            let result = layers.count == ranking.count ? floatAccuracy : try evaluate(layers)
            known[layers] = result
            return result
        }
        func isGood(_ layers: [String]) throws -> Bool { try accuracy(layers) >= floatAccuracy - loss }
        let integer = try accuracy([])
        var layers: [String] = []
        if try !isGood([]) {
            var (bad, good) = (0, ranking.count)
            while good - bad > 1 {
                let middle = (bad + good) / 2
                if try isGood(Array(ranking.prefix(middle))) { good = middle } else { bad = middle }
            }
            layers = Array(ranking.prefix(good))
            for layer in layers.reversed() where layers.count > 1 && layers.count < ranking.count {
                let fewer = layers.filter { $0 != layer }
                if try isGood(fewer) { layers = fewer }
            }
        }
        self.floatAccuracy = floatAccuracy
        integerAccuracy = integer
        self.accuracy = try accuracy(layers)
        floatLayers = layers
        evaluationCount = known.count
    }
}

extension Graph {
    /// The int8 network with the given layers in float, computed in float: for measuring what it is worth.
    /// - Parameter floatLayers: labels of nodes.
    public func simulated(
        _ record: CalibrationRecord, options: QuantizationOptions, floatLayers: [String]
    ) throws -> Graph {
        var graph = self
        var options = options
        options.floatLayers += floatLayers
        _ = try QuantizeGraph(record, options: options).run(on: &graph)
        _ = try SimulateQuantization().run(on: &graph)
        return graph
    }
}
