import GraphIR
import Tensors
import Testing

@testable import Passes

@Suite struct SeparationScopeTests {
    /// Names of the convolutions inside residual blocks.
    func inside(_ body: (inout GraphBuilder) throws -> Void) throws -> [String] {
        let graph = try makeGraph(body)
        let blocks = ResidualBlocks(graph)
        return graph.nodes.filter { blocks.contains($0.id) && $0.operator.name == "Conv" }.map { graph.label(of: $0) }
    }

    static func image(_ builder: inout GraphBuilder) throws -> ValueID { try builder.input("x", [.named("N"), 4, 8, 8].map { $0 }) }

    static func conv(_ builder: inout GraphBuilder, _ x: ValueID, _ name: String) throws -> ValueID {
        try builder.conv(x, [4, 4, 3, 3], name: name, pads: [1, 1, 1, 1])
    }

    @Test(arguments: [true, false])
    func basicBlocksAndTheirProjectionsAreInside(branchFirst: Bool) throws {
        let names = try inside { b in
            let stem = try Self.conv(&b, try Self.image(&b), "stem")
            let x = try b.relu(stem, name: "stem_relu")
            var y = try b.relu(try b.batchNorm(try Self.conv(&b, x, "a1"), 4, name: "bn"), name: "a_relu")
            y = try Self.conv(&b, y, "a2")
            let first = try b.binary(.add, branchFirst ? y : x, branchFirst ? x : y, name: "add1")
            let transition = try Self.conv(&b, try b.relu(first, name: "r"), "transition")
            let projection = try Self.conv(&b, transition, "projection")
            let branch = try Self.conv(&b, try b.pad(transition, [0, 0, 0, 0, 0, 0, 0, 0], name: "pad"), "b1")
            let second = try b.binary(.add, branchFirst ? branch : projection, branchFirst ? projection : branch, name: "add2")
            b.output(try Self.conv(&b, second, "head"))
        }
        #expect(names == ["a1", "a2", "projection", "b1"])
    }

    @Test func preActivationBlocksForkBeforeTheNorm() throws {
        let names = try inside { b in
            let x = try Self.conv(&b, try Self.image(&b), "stem")
            let first = try b.relu(try b.batchNorm(x, 4, name: "bn1"), name: "preact1")
            let projected = try Self.conv(&b, first, "p")
            let join = try b.binary(.add, projected, try Self.conv(&b, first, "c1"), name: "add1")
            let second = try b.relu(try b.batchNorm(join, 4, name: "bn2"), name: "preact2")
            b.output(try b.binary(.add, join, try Self.conv(&b, second, "c2"), name: "add2"))
        }
        #expect(names == ["p", "c1", "c2"])
    }

    @Test func sumsJoinAnyNumberOfBranches() throws {
        let names = try inside { b in
            let x = try Self.conv(&b, try Self.image(&b), "stem")
            let branches = [x, try Self.conv(&b, x, "c1"), try Self.conv(&b, x, "c2")]
            b.output(try b.node(.variadic(Variadic(function: .sum)), branches, name: "sum"))
        }
        #expect(names == ["c1", "c2"])
    }

    /// Exporters fold the sum of a block into its shortcut, whose bias is then data.
    @Test func aBiasThatIsDataJoins() throws {
        let names = try inside { b in
            let x = try Self.conv(&b, try Self.image(&b), "stem")
            let pooled = try b.node(.globalPool(GlobalPool(function: .average)), [try Self.conv(&b, x, "c1")], name: "pool")
            let bias = try b.reshape(pooled, [4], name: "bias")
            let weight = try b.weights("join.weight", [4, 4, 3, 3])
            let operation = Operator.convolution(Convolution(window: b.window([], [], [1, 1, 1, 1]), groups: 1))
            let join = try b.node(operation, [x, weight, bias], name: "join")
            b.output(try Self.conv(&b, join, "head"))
        }
        #expect(names == ["c1", "join"])
    }

    @Test func blocksWithinABlockAreInsideToo() throws {
        let names = try inside { b in
            let x = try Self.conv(&b, try Self.image(&b), "stem")
            let before = try Self.conv(&b, x, "before")
            let inner = try b.binary(.add, before, try Self.conv(&b, before, "inner"), name: "add1")
            let after = try Self.conv(&b, inner, "after")
            b.output(try Self.conv(&b, try b.binary(.add, after, x, name: "add2"), "head"))
        }
        #expect(names == ["before", "inner", "after"])
    }

    @Test func quantizedBlocksAreFoundThroughTheirScales() throws {
        func quantized(_ b: inout GraphBuilder, _ x: ValueID, _ name: String) throws -> ValueID {
            let scale = try b.floats(name + ".scale", [0.1], shape: [])
            let zero = try b.constant(name + ".zero", Tensor(scalar: Int8(0)))
            let quantize = QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)
            let q = try b.node(.quantizeLinear(quantize), [x, scale, zero], name: name + "_q")
            return try b.node(.dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)), [q, scale, zero], name: name + "_dq")
        }
        let names = try inside { b in
            let x = try quantized(&b, try Self.conv(&b, try Self.image(&b), "stem"), "a")
            let y = try quantized(&b, try Self.conv(&b, x, "c1"), "b")
            b.output(try b.binary(.add, try quantized(&b, y, "c"), x, name: "add"))
        }
        #expect(names == ["c1"])
    }

    @Test func concatenationsGatesBiasesAndStrangersJoinNothing() throws {
        let names = try inside { b in
            let x = try Self.conv(&b, try Self.image(&b), "stem")
            let dense = try b.node(.concat(Concat(axis: 1)), [x, try Self.conv(&b, x, "growth")], name: "concat")
            let reduced = try b.conv(dense, [4, 8, 3, 3], name: "reduce", pads: [1, 1, 1, 1])
            let gated = try b.binary(.mul, reduced, try Self.conv(&b, reduced, "gate"), name: "mul")
            let biased = try b.binary(.add, try Self.conv(&b, gated, "biased"), try b.weights("shift", [4, 1, 1]), name: "bias")
            let other = try Self.conv(&b, try b.input("z", [.named("N"), 4, 8, 8]), "other")
            b.output(try b.binary(.add, biased, other, name: "strangers"))
        }
        #expect(names == [])
    }

    /// The height of a feature map plus a constant is arithmetic on shapes, though both descend from the same map.
    @Test func sumsOfShapesJoinNothing() throws {
        let names = try inside { b in
            let x = try Self.conv(&b, try Self.image(&b), "stem")
            let y = try Self.conv(&b, x, "c1")
            let shapes = try [(x, "sx"), (y, "sy")].map { try b.node(.shapeOf(ShapeOf(start: 2, end: 4)), [$0.0], name: $0.1) }
            b.output(y, try b.binary(.add, shapes[0], shapes[1], name: "sizes"))
        }
        #expect(names == [])
    }

    @Test func aSkipAroundTheWholeNetworkHoldsAllOfIt() throws {
        let names = try inside { b in
            let x = try Self.image(&b)
            b.output(try b.binary(.add, x, try Self.conv(&b, try Self.conv(&b, x, "c1"), "c2"), name: "add"))
        }
        #expect(names == ["c1", "c2"])
    }

    /// The definition, word by word: a node is inside when some join has it between its immediate dominator and itself.
    @Test(arguments: 1...30 as ClosedRange<UInt64>)
    func agreesWithTheDefinitionOnRandomGraphs(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let graph = try makeGraph { b in
            var values = [try Self.image(&b)]
            for index in 0..<40 {
                func pick() -> ValueID { values[max(0, values.count - 1 - Int(random.unit() * Double(min(values.count, 6))))] }
                let name = "n\(index)"
                values.append(
                    random.unit() < 0.4 ? try b.binary(.add, pick(), pick(), name: name) : try b.relu(pick(), name: name))
            }
            b.output(values[values.count - 1])
        }
        let blocks = ResidualBlocks(graph)
        let expected = Self.insideByDefinition(graph)
        for node in graph.nodes { #expect(blocks.contains(node.id) == expected.contains(node.id), "\(graph.label(of: node))") }
    }

    /// Dominators by removing a node and asking what can still be reached; blocks by asking what reaches what.
    private static func insideByDefinition(_ graph: Graph) -> Set<NodeID> {
        let nodes = Array(graph.nodes)
        func reachable(from starts: [ValueID], without removed: NodeID?) -> Set<NodeID> {
            var result: Set<NodeID> = []
            var pending = starts
            while let value = pending.popLast() {
                for node in graph.consumers(of: value) where node.id != removed && result.insert(node.id).inserted {
                    pending += node.outputs.compactMap { $0 }
                }
            }
            return result
        }
        func descendants(_ node: Node) -> Set<NodeID> { reachable(from: node.outputs.compactMap { $0 }, without: nil) }
        let position = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1.id, $0) })
        let unreachedWithout = nodes.map { reachable(from: graph.inputs, without: $0.id) }
        let below = Dictionary(uniqueKeysWithValues: nodes.map { ($0.id, descendants($0)) })
        var inside: Set<NodeID> = []
        for (index, join) in nodes.enumerated() where join.operator.name == "Add" {
            let dominators = nodes.indices.filter { $0 != index && !unreachedWithout[$0].contains(join.id) }
            let fork = dominators.max { (position[nodes[$0].id] ?? 0) < (position[nodes[$1].id] ?? 0) }
            for node in nodes where below[node.id]?.contains(join.id) == true {
                if let fork {
                    if below[nodes[fork].id]?.contains(node.id) == true { inside.insert(node.id) }
                } else {
                    // The input itself is the fork.
                    inside.insert(node.id)
                }
            }
        }
        return inside
    }
}
