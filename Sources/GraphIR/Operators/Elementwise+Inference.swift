import Tensors

extension Unary {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, function.operandTypes)
        let outputType = function == .isNaN ? input.elementType.map { _ in ElementType.bool } : input.elementType
        let contents = outputType.flatMap { type in
            context.contents(Operand.input)?.map { function.apply($0).limited(to: type) }
        }
        return [InferredValue(outputType, input.shape, contents: contents)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Unary.Function {
    fileprivate var operandTypes: ElementTypeClass {
        switch self {
        case .abs, .neg, .sign, .erf: .numbers
        case .bitwiseNot: .integers
        case .not: .booleans
        case .acos, .acosh, .asin, .asinh, .atan, .atanh, .ceil, .cos, .cosh, .exp, .floor, .log, .reciprocal, .round, .sin, .sinh,
            .sqrt, .tan: .floats
        case .isNaN: .allFloats
        }
    }

    /// The function of a whole number or length, where the result is one again.
    fileprivate func apply(_ element: Dimension) -> Dimension {
        switch self {
        case .abs: (element.lowerBound ?? -1) >= 0 ? element : (element.known == nil ? .unknown : element * -1)
        case .neg: element * .known(-1)
        case .ceil, .floor, .round: element
        case .sign: element.known.map { .known($0.signum()) } ?? ((element.lowerBound ?? 0) > 0 ? 1 : .unknown)
        case .not: Dimension(element.truth.map { !$0 })
        case .bitwiseNot: element.known.map { .known(~$0) } ?? .unknown
        case .isNaN: element == .unknown ? .unknown : 0
        case .acos, .acosh, .asin, .asinh, .atan, .atanh, .cos, .cosh, .erf, .exp, .log, .reciprocal, .sin, .sinh, .sqrt, .tan: .unknown
        }
    }
}

extension IsInfinite {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .allFloats)
        return [InferredValue(.bool, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Binary {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let a = try context.type(of: Operand.a, function.operandTypes)
        let b = try context.type(of: Operand.b, function.operandTypes)
        let elementType = function == .pow ? a.elementType : try commonElementType([a, b])
        let shape = try outputShape(a, b)
        let outputType = function.isPredicate ? elementType.map { _ in ElementType.bool } : elementType
        let contents = contents(context, shape: shape, operandType: elementType, outputType: outputType)
        return [InferredValue(outputType, shape, contents: contents)]
    }

    private func outputShape(_ a: OperandType, _ b: OperandType) throws -> [Dimension]? {
        switch broadcastAxis {
        case .numpy:
            guard function == .prelu else { return try broadcastShape([a, b]) }
            try requireBroadcastable(b, to: a.shape, of: "a")
            return a.shape
        case .legacy(let broadcast, let axis):
            guard let left = a.shape, let right = b.shape else { return a.shape }
            if broadcast, right.allSatisfy({ $0 == .known(1) }) { return left }
            let first = broadcast ? axis ?? left.count - right.count : 0
            let start = first < 0 && axis != nil ? first + left.count : first
            let fits =
                (broadcast || left.count == right.count) && start >= 0 && right.count <= left.count && start <= left.count - right.count
                && zip(left[start...], right).allSatisfy { !$0.isCertainlyDifferent(from: $1) || (broadcast && $1 == .known(1)) }
            guard fits else {
                throw CleaveError(
                    .shapeMismatch,
                    broadcast
                        ? "b \(text(of: right)) does not fit into a \(text(of: left)) from dimension \(start) on"
                        : "a \(text(of: left)) and b \(text(of: right)) differ, expected equal shapes (broadcast is 0)")
            }
            return left
        }
    }

    private func contents(
        _ context: InferenceContext, shape: [Dimension]?, operandType: ElementType?, outputType: ElementType?
    ) -> [Dimension]? {
        guard broadcastAxis == .numpy, function != .prelu, context.contents(Operand.a) != nil || context.contents(Operand.b) != nil,
            let a = context.small(Operand.a), let b = context.small(Operand.b), let operandType, let outputType,
            let lengths = shape.flatMap({ TensorType(outputType, $0).knownShape })
        else { return nil }
        return SmallTensor(shape: lengths) { coordinates in
            function.apply(a.broadcastElement(coordinates), b.broadcastElement(coordinates), of: operandType).limited(to: outputType)
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Binary.Function {
    fileprivate var operandTypes: ElementTypeClass {
        switch self {
        case .add, .sub, .mul, .div, .pow, .mod, .fmod, .prelu, .less, .lessOrEqual, .greater, .greaterOrEqual: .numbers
        case .equal: .any
        case .and, .or, .xor: .booleans
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor: .integers
        case .shiftLeft, .shiftRight: .unsignedIntegers
        }
    }

    /// The function of two whole numbers or lengths, where the result is one again.
    fileprivate func apply(_ a: Dimension, _ b: Dimension, of type: ElementType) -> Dimension {
        switch self {
        case .add: return a + b
        case .sub: return a - b
        case .mul: return a * b
        case .div: return a.divided(by: b, as: type)
        case .pow: return a.power(b)
        case .mod: return a.remainder(by: b, truncating: false)
        case .fmod: return a.remainder(by: b, truncating: true)
        case .equal: return Dimension(a.isEqual(to: b))
        case .less: return Dimension(a.isLess(than: b))
        case .lessOrEqual: return Dimension(b.isLess(than: a).map { !$0 })
        case .greater: return Dimension(b.isLess(than: a))
        case .greaterOrEqual: return Dimension(a.isLess(than: b).map { !$0 })
        case .and: return a == 0 || b == 0 ? 0 : a * b
        case .or: return a == 1 || b == 1 ? 1 : (a == 0 && b == 0 ? 0 : .unknown)
        case .xor: return Dimension(a.isEqual(to: b).map { !$0 })
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight, .prelu: break
        }
        guard let a = a.known, let b = b.known else { return .unknown }
        switch self {
        case .bitwiseAnd: return .known(a & b)
        case .bitwiseOr: return .known(a | b)
        case .bitwiseXor: return .known(a ^ b)
        case .shiftRight: return .known(a >> b)
        default: return .unknown
        }
    }
}

extension Variadic {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let operands = try context.allTypes(function.operandTypes)
        let elementType = try commonElementType(operands)
        let shape = try broadcastShape(operands)
        return [InferredValue(elementType, shape, contents: contents(context, shape: shape, type: elementType))]
    }

    private func contents(_ context: InferenceContext, shape: [Dimension]?, type: ElementType?) -> [Dimension]? {
        guard context.contents.contains(where: { $0 != nil }), let type,
            let lengths = shape.flatMap({ TensorType(type, $0).knownShape })
        else { return nil }
        let operands = (0..<context.operandCount).compactMap { context.small(at: $0) }
        guard operands.count == context.operandCount else { return nil }
        return SmallTensor(shape: lengths) { coordinates in
            let elements = operands.map { $0.broadcastElement(coordinates) }
            return elements.dropFirst().reduce(elements[0]) { function.apply($0, $1) }.limited(to: type)
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Variadic.Function {
    fileprivate var operandTypes: ElementTypeClass {
        switch self {
        case .max, .min: .numbers
        case .sum, .mean: .floats
        }
    }

    fileprivate func apply(_ a: Dimension, _ b: Dimension) -> Dimension {
        switch self {
        case .max: a.maximum(b)
        case .min: a.minimum(b)
        case .sum: a + b
        case .mean: .unknown
        }
    }
}

extension Where {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let condition = try context.type(of: Operand.condition, .booleans)
        let whenTrue = try context.type(of: Operand.whenTrue, .any)
        let whenFalse = try context.type(of: Operand.whenFalse, .any)
        let elementType = try commonElementType([whenTrue, whenFalse])
        let shape = try broadcastShape([condition, whenTrue, whenFalse])
        return [InferredValue(elementType, shape, contents: contents(context, shape: shape))]
    }

    private func contents(_ context: InferenceContext, shape: [Dimension]?) -> [Dimension]? {
        guard let lengths = shape.flatMap({ TensorType(.int64, $0).knownShape }), let condition = context.small(Operand.condition),
            let whenTrue = context.small(Operand.whenTrue), let whenFalse = context.small(Operand.whenFalse)
        else { return nil }
        return SmallTensor(shape: lengths) { coordinates in
            let yes = whenTrue.broadcastElement(coordinates)
            let no = whenFalse.broadcastElement(coordinates)
            guard let truth = condition.broadcastElement(coordinates).truth else { return yes == no ? yes : .unknown }
            return truth ? yes : no
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Clip {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .numbers)
        let lower = try context.type(of: Operand.minimum, .numbers)
        let upper = try context.type(of: Operand.maximum, .numbers)
        for limit in [lower, upper] { try limit.requireScalar() }
        return [InferredValue(try commonElementType([input, lower, upper]), input.shape, contents: contents(context))]
    }

    /// With limits as operands, or none.
    private func contents(_ context: InferenceContext) -> [Dimension]? {
        guard minimum == nil, maximum == nil, let elements = context.contents(Operand.input) else { return nil }
        func limit(_ operand: Operand) -> Dimension? { context.has(operand) ? context.contents(operand)?.first ?? .unknown : nil }
        let (lower, upper) = (limit(.minimum), limit(.maximum))
        return elements.map { element in
            let raised = lower.map { element.maximum($0) } ?? element
            return upper.map { raised.minimum($0) } ?? raised
        }
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

/// The contents of a conversion: numbers that the new type holds; others are unknown.
private func converted(_ context: InferenceContext, to type: ElementType) -> [Dimension]? {
    guard type != .string else { return nil }
    return context.contents(at: 0)?.map { type == .bool ? Dimension($0.truth) : $0.limited(to: type) }
}

extension Cast {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        return [InferredValue(to, input.shape, contents: converted(context, to: to))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension CastLike {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let target = try context.type(of: Operand.target, .any)
        return [InferredValue(target.elementType, input.shape, contents: target.elementType.flatMap { converted(context, to: $0) })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
