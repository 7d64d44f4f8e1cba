import Execution
import Foundation
import GraphIR
import Passes
import ReferenceBackend
import Tensors
import Testing

/// The reference backend's evaluator, as fold wants it.
let referenceEvaluator: ConstantEvaluator = { operation, operands, outputCount, opset in
    try evaluate(operation, operands: operands, outputCount: outputCount, opset: opset)
}

/// Runs one rule over a graph.
func rewritten<Rule: RewriteRule>(_ graph: Graph, by rule: Rule) throws -> (graph: Graph, report: PassReport) {
    var result = graph
    let report = try RewritePass(rule).run(on: &result)
    return (result, report)
}

/// Folds, and checks what every fold must keep: the interface, what the network computes, and that a second fold does nothing.
func folded(
    _ graph: Graph, tolerance: Double = 1e-5, _ location: SourceLocation = #_sourceLocation
) throws -> (graph: Graph, reports: [PassReport]) {
    var result = graph
    let reports = try result.fold(evaluate: referenceEvaluator, options: .verifying)
    #expect(result.interface == graph.interface, sourceLocation: location)
    try expectEqualOutputs(result, graph, tolerance: tolerance, location)
    var again = result
    let rewrites = try again.fold(evaluate: referenceEvaluator).flatMap(\.rewrites)
    #expect(rewrites.isEmpty, "a second fold rewrites \(rewrites)", sourceLocation: location)
    return (result, reports)
}

/// Random numbers for every input; symbolic lengths are 2.
func randomInputs(for graph: Graph, seed: UInt64 = 3) throws -> [String: Tensor] {
    var random = SeededRandom(seed: seed)
    var inputs: [String: Tensor] = [:]
    for id in graph.inputs {
        let type = try #require(graph[id].tensorType)
        let shape = try #require(type.shape).map { $0.known ?? 2 }
        let count = try Tensor.elementCount(of: shape)
        inputs[graph[id].name] = try Tensor((0..<count).map { _ in random.uniform(-1, 1) }, shape: shape, as: type.elementType)
    }
    return inputs
}

func outputs(of graph: Graph, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
    try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(inputs, observing: [])
}

/// Expects that both graphs give the same outputs: types, shapes, and numbers within `tolerance` of the largest one; exactly
/// the same with a tolerance of 0.
func expectEqualOutputs(
    _ graph: Graph, _ original: Graph, tolerance: Double, _ location: SourceLocation = #_sourceLocation
) throws {
    let inputs = try randomInputs(for: original)
    let expected = try outputs(of: original, inputs)
    let actual = try outputs(of: graph, inputs)
    #expect(!expected.isEmpty && actual.count == expected.count, sourceLocation: location)
    for name in expected.keys.sorted() {
        let tensor = try #require(actual[name], "no output '\(name)'", sourceLocation: location)
        expectClose(tensor, try #require(expected[name]), tolerance: tolerance, name, location)
    }
}

func expectClose(
    _ actual: Tensor, _ expected: Tensor, tolerance: Double, _ name: String, _ location: SourceLocation = #_sourceLocation
) {
    #expect(
        actual.elementType == expected.elementType && actual.shape == expected.shape, "\(name): \(actual) against \(expected)",
        sourceLocation: location)
    guard let left = actual.doubles(), let right = expected.doubles(), left.count == right.count else {
        Issue.record("\(name): not comparable", sourceLocation: location)
        return
    }
    let scale = right.reduce(0) { max($0, abs($1)) }
    let worst = zip(left, right).reduce(0.0) { worst, pair in
        pair.0.isNaN && pair.1.isNaN ? worst : (abs(pair.0 - pair.1) <= .infinity ? max(worst, abs(pair.0 - pair.1)) : .infinity)
    }
    #expect(
        worst <= tolerance * max(scale, 1e-3), "\(name): differs by \(worst) where the largest number is \(scale)",
        sourceLocation: location)
}

extension Pipeline.Options {
    /// Verifies the graph after every pass.
    static let verifying = Pipeline.Options(verify: { try $0.verify() }, observe: nil, passLimit: nil)
}

extension PassReport {
    var skippedNodes: [String] { skips.map { "\($0.node): \($0.reason)" } }
}

extension [PassReport] {
    subscript(_ pass: String) -> PassReport? { first { $0.pass == pass } }
}
