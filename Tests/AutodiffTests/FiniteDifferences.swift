import GraphIR
import OperatorCases
import ReferenceBackend
import Tensors

@testable import Autodiff

/// A scalar function of the floating-point operands of one operator: the sum of its outputs' elements, each with a weight of its own.
struct ScalarFunction {
    let operation: Operator
    let opset: Int
    /// Everything in float64; floating-point operands are moved a little, away from the corners and ties that round numbers make.
    var operands: [Tensor?]
    let outputCount: Int

    init(_ row: OperatorCase) throws {
        operation = row.operation.inDouble
        opset = row.opset
        outputCount = row.outputs.count
        var random = SeededRandom(seed: 5)
        operands = try row.operands.enumerated().map { index, tensor in
            guard let tensor, tensor.elementType.isFloatingPoint, let values = tensor.doubles() else { return tensor }
            let isMoved = row.operation.hasSmoothOperand(index)
            let moved = values.map { isMoved ? $0 * (1 - 0.02 * random.unit()) - 0.003 * random.unit() : $0 }
            return try Tensor(moved, shape: tensor.shape, as: .float64)
        }
    }

    /// The first output, as far as it is made of numbers that change.
    func outputs(_ operands: [Tensor?]) throws -> [[Double]] {
        try evaluate(operation, operands: operands, outputCount: outputCount, opset: opset).map { tensor in
            guard let tensor, tensor.elementType.isFloatingPoint else { return [] }
            return tensor.doubles() ?? []
        }
    }

    /// The function, weights[i] standing for output i.
    func value(_ operands: [Tensor?], weights: [[Double]]) throws -> Double {
        zip(try outputs(operands), weights).reduce(0) { sum, pair in
            zip(pair.0, pair.1).reduce(sum) { $1.1 == 0 ? $0 : $0 + $1.0 * $1.1 }
        }
    }

    /// Weights for all outputs that a loss may depend on; 0 for the others and for elements that are no finite number.
    func weights() throws -> [[Double]] {
        var random = SeededRandom(seed: 11)
        return try outputs(operands).enumerated().map { index, values in
            let counts = index == 0 || operation.hasSeveralDifferentiableOutputs
            return values.map { counts && $0.isFinite ? random.uniform(0.5, 1.5) : 0 }
        }
    }

    /// The gradients that differentiation of the graph gives.
    /// - Returns: per operand, `nil` where there is none.
    func gradients(weights: [[Double]]) throws -> [Tensor?] {
        var graph = Graph(name: "case", opset: opset)
        let (scalar, values) = try graph.edit { editor -> (ValueID, [ValueID?]) in
            let ids = try operands.enumerated().map { index, tensor in
                try tensor.map { try editor.addConstant($0, name: "operand\(index)") }
            }
            let node = try editor.insert(
                operation, inputs: ids, outputs: (0..<outputCount).map { .new(name: "output\($0)") }, name: "node", before: nil,
                origin: nil)
            var writer = NodeWriter(editor, prefix: "sum")
            var total: ValueID?
            for (output, weights) in zip(writer.graph[node].outputs, weights) where weights.contains(where: { $0 != 0 }) {
                guard let output else { continue }
                let factors = try writer.editor.addConstant(Tensor(weights, shape: writer.shape(output)), name: "weights")
                let sum = try writer.reduce(
                    .sum, writer.multiply(output, factors), axes: nil, keepDimensions: false, output: nil)
                total = try total.map { try writer.add($0, sum) } ?? sum
            }
            editor = writer.editor
            guard let total else { throw CleaveError(.invalidRequest, "no output changes with the operands") }
            return (total, ids)
        }
        let wanted = zip(values, operands).compactMap { $1?.elementType == .float64 ? $0 : nil }
        let found = Dictionary(uniqueKeysWithValues: zip(wanted, try graph.addGradients(of: scalar, withRespectTo: wanted)))
        let results = values.map { $0.flatMap { found[$0] ?? nil } }
        let names = Set(results.compactMap { $0.map { graph[$0].name } })
        let run = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run([:], observing: names.sorted())
        return results.map { $0.flatMap { run[graph[$0].name] } }
    }
}

extension Operator {
    /// The operator with what an attribute says of an element type replaced, so that floats stay float64.
    fileprivate var inDouble: Operator {
        switch self {
        case .cast(var payload) where payload.to.isFloatingPoint:
            payload.to = .float64
            return .cast(payload)
        case .layerNorm(var payload):
            payload.stashType = ElementType.float64.rawValue
            return .layerNorm(payload)
        default: return self
        }
    }

    /// Whether the loss may depend on all outputs and not on the first only.
    fileprivate var hasSeveralDifferentiableOutputs: Bool { if case .split = self { true } else { false } }

    /// Whether an operand is a number that the output changes with, and not a shape, a scale or a limit in a floating-point tensor.
    fileprivate func hasSmoothOperand(_ index: Int) -> Bool {
        switch gradientRule {
        case .differentiable(let rule): rule.reaches(operand: index)
        case .constant, .notDifferentiable: false
        }
    }
}

/// The derivative of a function of one number, from both sides.
struct Slopes {
    let central: Double
    /// Whether both sides agree, so that the function has no corner here.
    let isSmooth: Bool

    init(step: Double, _ function: (Double) throws -> Double) rethrows {
        let (low, middle, high) = (try function(-step), try function(0), try function(step))
        // Richardson's extrapolation of two central differences leaves an error of step⁴.
        let wide = try (function(2 * step) - function(-2 * step)) / (4 * step)
        let narrow = (high - low) / (2 * step)
        central = (4 * narrow - wide) / 3
        let (left, right) = ((middle - low) / step, (high - middle) / step)
        isSmooth = central.isFinite && (left - right).magnitude <= 1e-2 * max(1, central.magnitude)
    }
}
