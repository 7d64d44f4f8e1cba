import GraphIR
import Tensors

extension OperatorTable {
    static let randoms: [OperatorEntry] = [
        OperatorEntry("Bernoulli", since: 15) {
            .bernoulli(Bernoulli(elementType: try $0.elementType("dtype"), seed: try $0.float("seed")))
        },
        OperatorEntry("RandomUniform", since: 1) { .randomNumbers(try RandomNumbers(uniform: &$0, hasShape: true)) },
        OperatorEntry("RandomUniformLike", since: 1) { .randomNumbers(try RandomNumbers(uniform: &$0, hasShape: false)) },
        OperatorEntry("RandomNormal", since: 1) { .randomNumbers(try RandomNumbers(normal: &$0, hasShape: true)) },
        OperatorEntry("RandomNormalLike", since: 1) { .randomNumbers(try RandomNumbers(normal: &$0, hasShape: false)) },
    ]
}

extension Bernoulli {
    func write(to writer: inout AttributeWriter) {
        writer.int("dtype", elementType?.rawValue)
        writer.float("seed", seed)
    }
}

extension RandomNumbers {
    init(uniform reader: inout AttributeReader, hasShape: Bool) throws {
        let distribution = Distribution.uniform(low: try reader.float("low", default: 0), high: try reader.float("high", default: 1))
        try self.init(distribution, &reader, hasShape: hasShape)
    }

    init(normal reader: inout AttributeReader, hasShape: Bool) throws {
        let distribution = Distribution.normal(mean: try reader.float("mean", default: 0), scale: try reader.float("scale", default: 1))
        try self.init(distribution, &reader, hasShape: hasShape)
    }

    private init(_ distribution: Distribution, _ reader: inout AttributeReader, hasShape: Bool) throws {
        self.init(
            distribution: distribution, elementType: try reader.elementType("dtype"), seed: try reader.float("seed"),
            shape: hasShape ? try reader.requiredInts("shape") : nil)
    }

    func write(to writer: inout AttributeWriter) {
        writer.int("dtype", elementType?.rawValue)
        switch distribution {
        case .uniform(let low, let high):
            writer.float("high", high, default: 1)
            writer.float("low", low, default: 0)
        case .normal(let mean, let scale):
            writer.float("mean", mean, default: 0)
            writer.float("scale", scale, default: 1)
        }
        writer.float("seed", seed)
        writer.ints("shape", shape)
    }
}
