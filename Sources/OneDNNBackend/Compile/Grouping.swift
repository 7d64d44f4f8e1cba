import CKernels
import GraphIR
import Tensors

/// Nodes that one kernel computes: an anchor and what is applied to its result before that is stored.
struct Group {
    var anchor: Node
    /// A node that the anchor takes in: the gradient of a ReLU before that of a normalization, a comparison before a selection.
    var prologue: Node?
    /// Per-channel scales and shifts that go into the anchor's weights, in order.
    var affine: [ChannelAffine] = []
    var epilogue: [Epilogue] = []
    /// A normalization of the result that the kernel stores besides it, as pre-activation networks have them.
    var second: Second?
    /// An addition of integers after a convolution or product of integers.
    var addition: Addition?
    /// Index of the last node; the group runs there, when all operands are known.
    var position: Int

    struct Addition {
        var node: Node
        var payload: IntegerOperator
        /// Which of its operands the anchor makes, and the other one.
        var place: Int
        var other: ValueID
    }

    /// x · scale[c] + shift[c].
    struct ChannelAffine {
        var node: Node
        var scale: [Float]
        var shift: [Float]
        var output: ValueID
    }

    struct Epilogue {
        enum Kind {
            case activation(FusedActivation)
            /// Adds a value of the same shape.
            case add(ValueID)
        }
        var nodes: [Node]
        var kind: Kind
        var output: ValueID
    }

    struct Second {
        var affine: ChannelAffine
        var activation: Epilogue?

        var nodes: [Node] { [affine.node] + (activation?.nodes ?? []) }
        var output: ValueID { activation?.output ?? affine.output }
        /// The same as a group of its own.
        var group: Group { Group(anchor: affine.node, epilogue: activation.map { [$0] } ?? [], position: 0) }
    }

    /// The nodes that make the first result.
    var mainNodes: [Node] { mainNodes(withEpilogue: epilogue.count) }
    /// The nodes that make it with the first `count` parts of the epilogue.
    func mainNodes(withEpilogue count: Int) -> [Node] {
        (prologue.map { [$0] } ?? []) + [anchor] + affine.map(\.node) + epilogue[..<count].flatMap(\.nodes)
            + (addition.map { [$0.node] } ?? [])
    }
    var nodes: [Node] { mainNodes + (second?.nodes ?? []) }

    /// The value that the group makes with the first `count` parts of its epilogue.
    func output(afterEpilogue count: Int) -> ValueID? {
        if count > 0 { return epilogue[count - 1].output }
        return affine.last?.output ?? anchor.outputs.first ?? nil
    }
}

/// Finds the groups of a simplified graph.
struct Grouping {
    private let program: Simplification
    private let graph: Graph
    private var taken: [Bool]

    /// The groups in the order in which they run.
    static func groups(of program: Simplification) -> [Group] {
        var grouping = Grouping(program)
        var groups: [Group] = []
        for index in program.nodes.indices where !grouping.taken[index] { groups.append(grouping.group(at: index)) }
        return groups.sorted { $0.position < $1.position }
    }

    private init(_ program: Simplification) {
        self.program = program
        graph = program.graph
        taken = Array(repeating: false, count: program.nodes.count)
    }

    private mutating func group(at index: Int) -> Group {
        taken[index] = true
        var group = Group(anchor: program.nodes[index], position: index)
        if let gradient = normGradient(behind: group.anchor) ?? clipGradient(behind: group.anchor) {
            group.prologue = group.anchor
            group.anchor = program.nodes[gradient]
            absorb(gradient, into: &group)
        }
        if case .integer(let payload) = group.anchor.operator { takeAddition(after: payload, into: &group) }
        let anchor = group.anchor
        guard var value = anchor.outputs.first ?? nil, isFloat(value) else { return group }
        switch anchor.operator {
        case .convolution, .convolutionTranspose, .gemm, .matMul:
            let axis = { (rank: Int) in if case .matMul = anchor.operator { rank - 1 } else { 1 } }
            while let (affine, reader) = channelAffine(after: value, axis: axis) {
                group.affine.append(affine)
                value = affine.output
                absorb(reader, into: &group)
            }
            var adds = 0
            while let (epilogue, readers) = epilogue(after: value, allowingAdd: adds == 0) {
                if case .add = epilogue.kind { adds += 1 }
                group.epilogue.append(epilogue)
                value = epilogue.output
                for reader in readers { absorb(reader, into: &group) }
            }
            if case .convolution = anchor.operator { takeSecond(of: value, into: &group) }
        case .batchNorm:
            while let (affine, reader) = channelAffine(after: value, axis: { _ in 1 }) {
                group.affine.append(affine)
                value = affine.output
                absorb(reader, into: &group)
            }
            takeActivation(of: value, into: &group)
        case .batchNormGradient:
            guard let (epilogue, readers) = epilogue(after: value, allowingAdd: true), case .add = epilogue.kind else { break }
            group.epilogue.append(epilogue)
            for reader in readers { absorb(reader, into: &group) }
        case .binary, .variadic, .instanceNorm, .groupNorm: takeActivation(of: value, into: &group)
        default: break
        }
        return group
    }

    /// The gradient of the batch norm whose ReLU `node` is the gradient of: that can find out again what the ReLU has cut off.
    private func normGradient(behind node: Node) -> Int? {
        guard case .activationGradient(let gradient) = node.operator, gradient.forward.function == .relu,
            let output = node.outputs.first ?? nil, isFloat(output), let readers = privateReaders(of: output), readers.count == 1,
            case .batchNormGradient(let norm) = program.nodes[readers[0]].operator, norm.forward.trainingMode,
            let value = node.input(ActivationGradient.Operand.value), let relu = graph.producer(of: program.resolve(value)),
            case .activation(let activation) = relu.operator, activation.function == .relu, let sum = relu.inputs.first ?? nil,
            let forward = graph.producer(of: program.resolve(sum)), program.isForward(forward, of: program.nodes[readers[0]]),
            program.nodes[readers[0]].input(BatchNormGradient.Operand.outputGradient).map(program.resolve) == output
        else { return nil }
        return readers[0]
    }

    /// The selection that is the gradient of a Clip, where `node` compares the operand of that with its result.
    private func clipGradient(behind node: Node) -> Int? {
        guard case .binary(let binary) = node.operator, binary.function == .equal, let condition = node.outputs.first ?? nil,
            let readers = privateReaders(of: condition), readers.count == 1, case .select = program.nodes[readers[0]].operator,
            program.clipGradient(of: program.nodes[readers[0]], comparison: node) != nil
        else { return nil }
        return readers[0]
    }

    /// Takes the addition that alone reads the integers that a convolution or product makes.
    private mutating func takeAddition(after payload: IntegerOperator, into group: inout Group) {
        switch payload.function {
        case .convolution, .product: break
        case .add, .multiply, .averagePool, .globalAverage, .table: return
        }
        guard payload.rounding == .float32, payload.operands.count == 1, payload.result.elementType != .float32,
            let value = group.anchor.outputs.first ?? nil, let readers = privateReaders(of: value), readers.count == 1
        else { return }
        let node = program.nodes[readers[0]]
        guard case .integer(let sum) = node.operator, case .add = sum.function, let a = node.inputs[0], let b = node.inputs[1],
            let output = node.outputs.first ?? nil, program.resolve(a) != program.resolve(b),
            let shape = shape(value), self.shape(a) == shape, self.shape(b) == shape, self.shape(output) == shape,
            !shape.contains(0)
        else { return }
        let place = program.resolve(a) == value ? 0 : 1, other = program.resolve(place == 0 ? b : a)
        guard program.constant(other) == nil else { return }
        group.addition = Group.Addition(node: node, payload: sum, place: place, other: other)
        absorb(readers[0], into: &group)
    }

    private mutating func takeActivation(of value: ValueID, into group: inout Group) {
        guard let (epilogue, readers) = epilogue(after: value, allowingAdd: false), case .activation = epilogue.kind else { return }
        group.epilogue.append(epilogue)
        for reader in readers { absorb(reader, into: &group) }
    }

    /// Takes a batch normalization that reads the group's result, whoever else reads that, with the activation after it.
    private mutating func takeSecond(of value: ValueID, into group: inout Group) {
        for reader in program.readers[value] ?? [] where !taken[reader] {
            let node = program.nodes[reader]
            guard case .batchNorm(let norm) = node.operator, node.inputs.first.flatMap({ $0 }).map(program.resolve) == value,
                let (scale, shift) = program.affine(of: norm, node), let output = node.outputs.first ?? nil, isFloat(output)
            else { continue }
            var second = Group.Second(affine: .init(node: node, scale: scale, shift: shift, output: output))
            taken[reader] = true
            if let (epilogue, readers) = epilogue(after: output, allowingAdd: false),
                case .activation(let function) = epilogue.kind, function.native.kind == CK_CLAMP
            {
                second.activation = epilogue
                for reader in readers { taken[reader] = true }
            }
            group.second = second
            return
        }
    }

    private mutating func absorb(_ index: Int, into group: inout Group) {
        taken[index] = true
        group.position = max(group.position, index)
    }

    private func isFloat(_ id: ValueID) -> Bool { graph[id].tensorType?.elementType == .float32 }

    private func shape(_ id: ValueID?) -> [Int]? { id.flatMap { graph[program.resolve($0)].tensorType?.knownShape } }

    /// The readers of a value that nobody else sees.
    private func privateReaders(of value: ValueID) -> [Int]? {
        guard !program.outputs.contains(value), let readers = program.readers[value], !readers.contains(where: { taken[$0] }) else {
            return nil
        }
        return readers
    }

    private func channelAffine(after value: ValueID, axis: (Int) -> Int) -> (Group.ChannelAffine, Int)? {
        guard let readers = privateReaders(of: value), readers.count == 1, let shape = shape(value), shape.count >= 2 else { return nil }
        let node = program.nodes[readers[0]]
        guard let output = node.outputs.first ?? nil else { return nil }
        let axis = axis(shape.count)
        switch node.operator {
        case .batchNorm(let norm):
            guard axis == 1, node.inputs.first == value, let (scale, shift) = program.affine(of: norm, node),
                scale.count == shape[1]
            else { return nil }
            return (.init(node: node, scale: scale, shift: shift, output: output), readers[0])
        case .binary(let binary):
            guard case .numpy = binary.broadcastAxis, self.shape(output) == shape else { return nil }
            let isFirst = node.inputs.first.flatMap { $0 }.map(program.resolve) == value
            guard let operand = isFirst ? node.inputs[1] : node.inputs[0],
                let vector = perChannel(operand, axis: axis, shape: shape)
            else { return nil }
            let ones = [Float](repeating: 1, count: vector.count), zeros = [Float](repeating: 0, count: vector.count)
            switch binary.function {
            case .add: return (.init(node: node, scale: ones, shift: vector, output: output), readers[0])
            case .sub where isFirst: return (.init(node: node, scale: ones, shift: vector.map { -$0 }, output: output), readers[0])
            case .mul: return (.init(node: node, scale: vector, shift: zeros, output: output), readers[0])
            default: return nil
            }
        default: return nil
        }
    }

    /// The elements of a constant that varies along one axis only, one per channel.
    private func perChannel(_ operand: ValueID, axis: Int, shape: [Int]) -> [Float]? {
        guard let tensor = program.constant(operand), tensor.elementType == .float32, tensor.rank <= shape.count else { return nil }
        let lengths = [Int](repeating: 1, count: shape.count - tensor.rank) + tensor.shape
        guard lengths.enumerated().allSatisfy({ $0.element == 1 || ($0.offset == axis && $0.element == shape[axis]) }),
            let elements = try? tensor.elements(as: Float.self)
        else { return nil }
        return elements.count == 1 ? [Float](repeating: elements[0], count: shape[axis]) : elements
    }

    private func epilogue(after value: ValueID, allowingAdd: Bool) -> (Group.Epilogue, [Int])? {
        guard let readers = privateReaders(of: value) else { return nil }
        if readers.count == 2 { return swish(of: value, readers) }
        guard readers.count == 1 else { return nil }
        let node = program.nodes[readers[0]]
        guard let output = node.outputs.first ?? nil, isFloat(output) else { return nil }
        if let function = program.activation(of: node), node.inputs.first.flatMap({ $0 }).map(program.resolve) == value {
            return (.init(nodes: [node], kind: .activation(function), output: output), readers)
        }
        guard allowingAdd, isAddition(node), let other = otherOperand(of: node, than: value), program.constant(other) == nil,
            isFloat(other), let shape = shape(value), self.shape(other) == shape
        else { return nil }
        return (.init(nodes: [node], kind: .add(program.resolve(other)), output: output), readers)
    }

    private func isAddition(_ node: Node) -> Bool {
        switch node.operator {
        case .binary(let binary): binary.function == .add && node.inputs.count == 2
        case .variadic(let variadic): variadic.function == .sum && node.inputs.count == 2
        default: false
        }
    }

    private func otherOperand(of node: Node, than value: ValueID) -> ValueID? {
        let operands = node.inputs.compactMap { $0 }.map(program.resolve)
        guard operands.count == 2 else { return nil }
        return operands[0] == value ? operands[1] : operands[0]
    }

    /// x · sigmoid(x) and x · hardSigmoid(x), written as two nodes.
    private func swish(of value: ValueID, _ readers: [Int]) -> (Group.Epilogue, [Int])? {
        let nodes = readers.map { program.nodes[$0] }
        for (first, second) in [(0, 1), (1, 0)] {
            guard case .activation(let activation) = nodes[first].operator, let function = activation.function.gated,
                case .binary(let product) = nodes[second].operator, product.function == .mul,
                let gate = nodes[first].outputs.first ?? nil, let output = nodes[second].outputs.first ?? nil,
                otherOperand(of: nodes[second], than: value) == gate, privateReaders(of: gate) == [readers[second]]
            else { continue }
            return (.init(nodes: [nodes[first], nodes[second]], kind: .activation(function), output: output), readers)
        }
        return nil
    }
}

extension Activation.Function {
    /// x · f(x) as one function.
    fileprivate var gated: FusedActivation? {
        switch self {
        case .sigmoid: .init(CK_SWISH, low: 1)
        case .hardSigmoid(let alpha, let beta): alpha == 1 / 6 && beta == 0.5 ? .init(CK_HARD_SWISH) : nil
        default: nil
        }
    }
}

extension Simplification {
    /// Batch normalization with constant statistics as x · scale[c] + shift[c].
    func affine(of norm: BatchNorm, _ node: Node) -> (scale: [Float], shift: [Float])? {
        func vector(_ operand: BatchNorm.Operand) -> [Double]? {
            guard let tensor = constant(node.input(operand)), tensor.rank == 1 else { return nil }
            return tensor.doubles()
        }
        guard !norm.trainingMode, node.outputs.dropFirst().allSatisfy({ $0.map { readers[$0] == nil && !outputs.contains($0) } ?? true }),
            let scale = vector(.scale), let bias = vector(.bias), let mean = vector(.mean), let variance = vector(.variance),
            bias.count == scale.count, mean.count == scale.count, variance.count == scale.count
        else { return nil }
        let factors = zip(scale, variance).map { $0 / ($1 + Double(norm.epsilon)).squareRoot() }
        let shifts = factors.indices.map { bias[$0] - mean[$0] * factors[$0] }
        return (factors.map { Float($0) }, shifts.map { Float($0) })
    }

    /// Whether a node is the batch norm for training that another one computes the gradient of.
    func isForward(_ forward: Node, of gradient: Node) -> Bool {
        guard case .batchNorm(let norm) = forward.operator, case .batchNormGradient(let payload) = gradient.operator else { return false }
        func same(_ operand: BatchNorm.Operand, _ other: BatchNormGradient.Operand) -> Bool {
            forward.input(operand).map(resolve) == gradient.input(other).map(resolve)
        }
        return norm == payload.forward && same(.input, .input) && same(.scale, .scale)
    }

    /// What a selection computes from a comparison if that is the gradient of a Clip with constant limits: dy where these did nothing.
    func clipGradient(of select: Node, comparison: Node) -> (value: ValueID, slope: ValueID, limits: FusedActivation)? {
        guard let value = comparison.inputs.first ?? nil, let result = comparison.inputs.last ?? nil,
            let clip = graph.producer(of: resolve(result)), case .clip = clip.operator, let limits = activation(of: clip),
            clip.inputs.first.flatMap({ $0 }).map(resolve) == resolve(value),
            select.input(Where.Operand.condition).map(resolve) == comparison.outputs.first.flatMap({ $0 }).map(resolve),
            let slope = select.input(Where.Operand.whenTrue), let zero = constant(select.input(Where.Operand.whenFalse)),
            zero.doubles() == [0], graph[resolve(slope)].tensorType?.knownShape == graph[resolve(value)].tensorType?.knownShape
        else { return nil }
        return (value, slope, limits)
    }
}
