extension SeededRandom {
    /// A generator for the part of a task called `name`: its numbers depend on `seed` and the name only, not on what was
    /// drawn before (FNV-1a of the name's UTF-8 picks the stream).
    public init(seed: UInt64, name: String) {
        let hash = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        self.init(seed: seed, stream: hash)
    }
}

extension Tensor {
    /// Initial weights uniform in ±√(6 / (fanIn + fanOut)) (Glorot and Bengio, 2010).
    ///
    /// - Parameters:
    ///   - shape: of the weight.
    ///   - fanIn: inputs that feed one output.
    ///   - fanOut: outputs that one input feeds.
    ///   - elementType: a floating-point type; numbers are rounded to it.
    /// - Throws: `CleaveError` when the shape is absurd or the type is not numeric.
    public static func glorotUniform(
        shape: [Int], fanIn: Double, fanOut: Double, as elementType: ElementType, using generator: inout SeededRandom
    ) throws -> Tensor {
        let limit = (6 / max(fanIn + fanOut, 1)).squareRoot()
        if elementType == .float32 {
            return try Tensor(shape: shape, of: Float.self) { buffer in
                for index in buffer.indices { buffer[index] = Float(generator.uniform(-limit, limit)) }
            }
        }
        let values = (0..<(try elementCount(of: shape))).map { _ in generator.uniform(-limit, limit) }
        return try Tensor(values, shape: shape, as: elementType)
    }

    /// Initial weights of a convolution `[filters, channels, k₁, k₂]`, uniform as Keras has them: with r the kernel's area,
    /// fan-in channels·r and fan-out filters·r.
    ///
    /// A depthwise weight `[terms·I, 1, k₁, k₂]` has, as in Keras, fan-in I·r and fan-out terms·r: its kernel is stored as
    /// (k₁, k₂, I, terms) there.
    public static func glorotUniform(
        convolution shape: [Int], groups: Int, as elementType: ElementType, using generator: inout SeededRandom
    ) throws -> Tensor {
        guard shape.count > 2 else {
            throw CleaveError(.shapeMismatch, "a convolution's weight of shape \(shape) has \(shape.count) dimensions, expected at least 3")
        }
        let area = shape[2...].reduce(1) { $0 * Double($1) }
        let isDepthwise = groups > 1 && shape[1] == 1
        return try glorotUniform(
            shape: shape, fanIn: area * Double(isDepthwise ? groups : shape[1]),
            fanOut: area * Double(isDepthwise ? shape[0] / groups : shape[0]), as: elementType, using: &generator)
    }
}
