import Cleave

/// Keras's ResNet50V2 for 224×224 images: 102 MB, 190 nodes.
private func resnet(form: NetworkForm = .standard) throws -> Graph {
    try ZooModel.resnet50v2.graph(classes: 1000, input: [3, 224, 224], form: form, seed: 1, softmax: true)
}

/// A network of `count` nodes: 1×1 convolutions of four channels, each with batch norm, an activation and a node that does nothing.
private func chain(of count: Int) throws -> Graph {
    try GraphSketch.graph { sketch in
        var value = try sketch.input([1, 4, 8, 8])
        for _ in 0..<(count / 4) {
            value = try sketch.convolution(value, [4, 4, 1, 1])
            value = try sketch.batchNorm(value, channels: 4)
            value = try sketch.relu(value)
            value = try sketch.node(.identity(Identity()), value)
        }
        return [value]
    }
}

/// Reading and writing models.
func fileBenchmarks(folder: String) -> [Microbenchmark] {
    func both(_ name: String, _ graph: @escaping () throws -> Graph) -> [Microbenchmark] {
        let path = "\(folder)/model.onnx"
        return [
            Microbenchmark("file/import \(name)") {
                try graph().write(onnx: path)
                return { _ = try Graph(onnx: path) }
            },
            Microbenchmark("file/export \(name)") {
                let graph = try graph()
                return { try graph.write(onnx: path) }
            },
        ]
    }
    return both("resnet50v2, 102 MB") { try resnet() } + both("10,000 nodes") { try chain(of: 10_000) }
}

/// Every pass of the fold pipeline by itself, the whole of it, and both separations.
func passBenchmarks() -> [Microbenchmark] {
    func pass(_ name: String, _ graph: @escaping () throws -> Graph, _ change: @escaping (inout Graph) throws -> Void) -> Microbenchmark {
        Microbenchmark("pass/\(name)") {
            let original = try graph()
            return {
                var graph = original
                try change(&graph)
            }
        }
    }
    let single = Pipeline.fold(evaluate: evaluate).steps.flatMap { step -> [any Pass] in
        switch step {
        case .once(let pass): [pass]
        case .untilStable(let passes, _): passes
        }
    }
    var seen: Set<String> = []
    let distinct = single.filter { seen.insert($0.name).inserted }
    return distinct.map { one in pass("\(one.name), 10,000 nodes", { try chain(of: 10_000) }, { _ = try one.run(on: &$0) }) } + [
        pass("fold resnet50v2", { try resnet() }, { try $0.apply(.fold) }),
        pass("fold 25,000 nodes", { try chain(of: 25_000) }, { try $0.apply(.fold) }),
        pass("fold 100,000 nodes", { try chain(of: 100_000) }, { try $0.apply(.fold) }),
        pass("decompose resnet50v2, spatial", { try resnet() }, { try $0.apply(.separate(.spatial)) }),
        pass("decompose resnet50v2, depthwise", { try resnet() }, { try $0.apply(.separate(.depthwise)) }),
    ]
}

/// Whole networks on the default backend: compiled, and run.
func networkBenchmarks(threads: Int?) -> [Microbenchmark] {
    let backend = OneDNNBackend(threads: threads)
    let small: [(String, NetworkForm)] = [("", .standard), ("-spatial", .spatial), ("-depthwise", .depthwise)]
    let networks: [(name: String, batch: Int, graph: () throws -> Graph)] =
        small.flatMap { suffix, form in
            [1, 32].map { batch in
                ("resnet50v2\(suffix), 32×32", batch, {
                    try ZooModel.resnet50v2.graph(classes: 10, input: [3, 32, 32], form: form, seed: 1, softmax: true)
                })
            }
        } + [("resnet50v2, 224×224", 1, { try resnet() }), ("resnet50v2, 224×224", 8, { try resnet() })]
    return networks.map { network in
        Microbenchmark("network/run \(network.name), batch \(network.batch)") {
            let graph = try network.graph()
            let inputs = try randomInputs(for: graph, shapes: InputShapes(batch: network.batch), seed: 1, index: 0)
            let session = try backend.prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession()
            return { _ = try session.run(inputs) }
        }
    } + [
        Microbenchmark("network/compile resnet50v2, 224×224") {
            let graph = try resnet()
            return { _ = try backend.prepare(graph, inputShapes: ["input": [1, 3, 224, 224]]).makeSession() }
        }
    ]
}
