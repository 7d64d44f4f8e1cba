import GraphIR
import Tensors

extension OperatorTable {
    static let unaries: [OperatorEntry] = Unary.Function.allCases.map { function in
        OperatorEntry(function.rawValue, since: function.firstOpset) { _ in .unary(Unary(function: function)) }
    }

    static let binaries: [OperatorEntry] = Binary.Function.allCases.compactMap { function in
        switch function {
        case .fmod, .shiftRight: nil
        case .mod:
            OperatorEntry("Mod", since: 10) {
                .binary(Binary(function: try $0.bool("fmod", default: false) ? .fmod : .mod, broadcastAxis: .numpy))
            }
        case .shiftLeft:
            OperatorEntry("BitShift", since: 11) { reader in
                switch try reader.required(reader.string("direction"), "direction") {
                case "LEFT": .binary(Binary(function: .shiftLeft, broadcastAxis: .numpy))
                case "RIGHT": .binary(Binary(function: .shiftRight, broadcastAxis: .numpy))
                case let text: throw AttributeReader.unknown(text, "direction", expected: ["LEFT", "RIGHT"])
                }
            }
        case .add, .sub, .mul, .div, .pow, .prelu, .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor,
            .bitwiseAnd, .bitwiseOr, .bitwiseXor:
            OperatorEntry(function.onnxName, since: function.firstOpset) {
                .binary(Binary(function: function, broadcastAxis: try Binary.BroadcastAxis(onnx: &$0, function)))
            }
        }
    } + Variadic.Function.allCases.map { function in
        OperatorEntry(function.rawValue, since: 6) { _ in .variadic(Variadic(function: function)) }
    }

    static let selections: [OperatorEntry] = [
        OperatorEntry("IsInf", since: 10) {
            .isInfinite(
                IsInfinite(
                    detectsNegative: try $0.bool("detect_negative", default: true),
                    detectsPositive: try $0.bool("detect_positive", default: true)))
        },
        OperatorEntry("Where", since: 9) { _ in .select(Where()) },
        OperatorEntry("Clip", since: 6) {
            .clip($0.opset < 11 ? Clip(minimum: try $0.float("min"), maximum: try $0.float("max")) : Clip(minimum: nil, maximum: nil))
        },
        OperatorEntry("Cast", since: 6) { reader in
            guard let type = try reader.elementType("to") else {
                throw CleaveError(.invalidAttribute, "attribute 'to' is missing or 0, expected an element type")
            }
            return .cast(Cast(to: type, saturate: reader.opset >= 19 ? try reader.bool("saturate", default: true) : true))
        },
        OperatorEntry("CastLike", since: 15) {
            .castLike(CastLike(saturate: $0.opset >= 19 ? try $0.bool("saturate", default: true) : true))
        },
    ]
}

extension Unary.Function {
    var firstOpset: Int {
        switch self {
        case .not: 1
        case .abs, .ceil, .exp, .floor, .log, .neg, .reciprocal, .sqrt: 6
        case .acos, .asin, .atan, .cos, .sin, .tan: 7
        case .acosh, .asinh, .atanh, .cosh, .erf, .isNaN, .sign, .sinh: 9
        case .round: 11
        case .bitwiseNot: 18
        }
    }
}

extension Binary.Function {
    var firstOpset: Int {
        switch self {
        case .pow, .equal, .less, .greater, .and, .or, .xor: 1
        case .add, .sub, .mul, .div, .prelu: 6
        case .mod, .fmod: 10
        case .shiftLeft, .shiftRight: 11
        case .lessOrEqual, .greaterOrEqual: 12
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor: 18
        }
    }
}

extension Binary.BroadcastAxis {
    /// Up to opset 6, `broadcast` and `axis` tell how the second operand is aligned; PRelu's slope is one per channel.
    init(onnx reader: inout AttributeReader, _ function: Binary.Function) throws {
        if reader.opset >= 7 {
            self = .numpy
        } else if function == .prelu {
            self = .legacy(broadcast: true, axis: 1)
        } else {
            self = .legacy(broadcast: try reader.bool("broadcast", default: false), axis: try reader.int("axis"))
        }
    }
}

extension Binary {
    func write(to writer: inout AttributeWriter) throws {
        switch function {
        case .fmod: writer.int("fmod", 1)
        case .shiftLeft: writer.string("direction", "LEFT")
        case .shiftRight: writer.string("direction", "RIGHT")
        case .add, .sub, .mul, .div, .pow, .mod, .prelu, .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor,
            .bitwiseAnd, .bitwiseOr, .bitwiseXor:
            break
        }
        switch broadcastAxis {
        case .numpy:
            try writer.require(writer.opset >= 7, "the operands are broadcast as NumPy does", since: 7)
        case .legacy(let broadcast, let axis):
            guard writer.opset < 7 else {
                return try writer.require(!broadcast || axis == nil, "the second operand is aligned at dimension \(axis ?? 0)", upTo: 6)
            }
            guard function != .prelu else { return }
            writer.bool("broadcast", broadcast, default: false)
            writer.int("axis", axis)
        }
    }
}

extension IsInfinite {
    func write(to writer: inout AttributeWriter) {
        writer.bool("detect_negative", detectsNegative, default: true)
        writer.bool("detect_positive", detectsPositive, default: true)
    }
}

extension Clip {
    func write(to writer: inout AttributeWriter) throws {
        guard writer.opset < 11 else {
            return try writer.require(minimum == nil && maximum == nil, "the limits are attributes", upTo: 10)
        }
        try writer.require(writer.operandCount == 1, "the limits are operands", since: 11)
        writer.float("max", maximum)
        writer.float("min", minimum)
    }
}

extension Cast {
    func write(to writer: inout AttributeWriter) throws {
        try writer.bool("saturate", saturate, since: 19, default: true)
        writer.int("to", to.rawValue)
    }
}

extension CastLike {
    func write(to writer: inout AttributeWriter) throws { try writer.bool("saturate", saturate, since: 19, default: true) }
}
