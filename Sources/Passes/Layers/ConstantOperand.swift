import GraphIR
import Tensors

/// A constant that a node reads: a tensor, or a `ConstantOfShape` that is too large to be worth writing out.
struct ConstantOperand {
    enum Elements {
        case tensor(Tensor)
        /// All alike.
        case uniform(Double)
    }

    let id: ValueID
    let shape: [Int]
    let elementType: ElementType
    let elements: Elements

    var count: Int { shape.reduce(1, *) }

    /// Every element; `nil` for strings and complex numbers.
    func doubles() -> [Double]? {
        switch elements {
        case .tensor(let tensor): tensor.doubles()
        case .uniform(let value): [Double](repeating: value, count: count)
        }
    }
}

extension Graph {
    /// The constant that an operand is; `nil` when it is none, or not known to be one.
    func constantOperand(_ id: ValueID?) -> ConstantOperand? {
        guard let id else { return nil }
        if let tensor = constant(id) {
            return ConstantOperand(id: id, shape: tensor.shape, elementType: tensor.elementType, elements: .tensor(tensor))
        }
        guard case .node(let producer, _) = self[id].source, case .constantOfShape(let payload) = self[producer].operator,
            let shape = knownIntegers(self[producer].input(ConstantOfShape.Operand.shape)),
            let count = try? Tensor.elementCount(of: shape), count <= ConstantOperand.largestCount
        else { return nil }
        guard let element = payload.value else {
            return ConstantOperand(id: id, shape: shape, elementType: .float32, elements: .uniform(0))
        }
        guard let value = element.doubles()?.first else { return nil }
        return ConstantOperand(id: id, shape: shape, elementType: element.elementType, elements: .uniform(value))
    }
}

extension ConstantOperand {
    /// A fill with more elements than this is not written out: 64 MB in float32, more than any layer that is worth folding.
    static let largestCount = 1 << 24
}
