import Execution
import GraphIR
import ModelZoo
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

@Test func oneDNNAgreesWithTheReferenceOnAResNet() throws {
    let graph = try ZooModel.resnet20.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 3, softmax: true)
    var random = SeededRandom(seed: 1)
    let input = try Tensor((0..<2 * 3 * 32 * 32).map { _ in Float(random.normal()) }, shape: [2, 3, 32, 32])
    let name = graph[graph.inputs[0]].name
    func run(_ backend: some Backend) throws -> [Float] {
        let session = try backend.prepare(graph, inputShapes: [name: input.shape]).makeSession()
        let outputs = try session.run([name: input])
        return try #require(outputs[graph[graph.outputs[0]].name]).elements()
    }
    let expected = try run(ReferenceBackend())
    let actual = try run(OneDNNBackend())
    #expect(expected.count == actual.count)
    for (left, right) in zip(actual, expected) { #expect(abs(left - right) <= 1e-4 * abs(right) + 1e-6) }
}
