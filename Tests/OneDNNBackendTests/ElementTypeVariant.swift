import GraphIR
import OperatorCases
import Tensors

@testable import ONNXFormat

/// A case of the table with one of its type variables bound to another element type.
struct ElementTypeVariant: CustomStringConvertible {
    var operation: Operator
    var opset: Int
    /// The variable of ONNX's signature, and what it stands for here.
    var variable: String
    var elementType: ElementType
    var operands: [Tensor?]
    /// Whether the operand at a position is of the variable's type.
    var isBound: [Bool]

    var description: String { "\(variable) = \(elementType), opset \(opset)" }

    /// The case with every element type that ONNX allows for each of its variables, in the oldest version from the case's on that does.
    static func all(of operatorCase: OperatorCase) throws -> [ElementTypeVariant] {
        let name = try operatorCase.operation.onnxName(opset: operatorCase.opset)
        let signatures = OperatorSignature.all[name] ?? []
        guard let current = signatures.last(where: { $0.version <= operatorCase.opset }) else {
            throw CleaveError(.invalidGraph, "\(name) has no signature in opset \(operatorCase.opset)")
        }
        var variants: [ElementTypeVariant] = []
        var known: Set<Binding> = []
        for signature in signatures where signature.version >= current.version && signature.inputs.count == current.inputs.count {
            for variable in signature.variables.keys.sorted() {
                for elementType in signature.variables[variable] ?? [] {
                    guard let variant = try ElementTypeVariant(operatorCase, signature, variable, elementType),
                        known.insert(Binding(isBound: variant.isBound, elementType: elementType)).inserted
                    else { continue }
                    variants.append(variant)
                }
            }
        }
        return variants
    }

    private struct Binding: Hashable {
        var isBound: [Bool]
        var elementType: ElementType
    }

    /// `nil` when neither an operand nor an attribute of the case is of the variable's type.
    private init?(
        _ operatorCase: OperatorCase, _ signature: OperatorSignature, _ variable: String, _ elementType: ElementType
    ) throws {
        opset = max(operatorCase.opset, signature.version)
        let isBound = operatorCase.operands.enumerated().map { $1 != nil && signature.input(at: $0) == variable }
        operation = operatorCase.operation
        if !isBound.contains(true) {
            guard signature.outputs.contains(variable), !signature.inputs.contains(variable), signature.variables[variable]?.count != 1,
                let changed = try operation.withResults(of: elementType)
            else { return nil }
            operation = changed
        }
        (self.variable, self.elementType, self.isBound) = (variable, elementType, isBound)
        operands = try zip(operatorCase.operands, isBound).map { try $1 ? $0?.representable(in: elementType) : $0 }
    }

    /// The same with every number of the variable's operands changed.
    func mapping(to type: ElementType, _ transform: (Int64) -> Int64) throws -> ElementTypeVariant {
        var changed = self
        changed.elementType = type
        changed.operands = try zip(operands, isBound).map { operand, isBound in
            guard isBound, let operand, let integers = operand.int64s() else { return operand }
            return try Tensor(integers.map(transform), shape: operand.shape, as: type)
        }
        return changed
    }

    /// The same with the variable's operands and attribute in another type, which holds their numbers as well.
    func widened(to type: ElementType) throws -> ElementTypeVariant {
        var wide = self
        wide.elementType = type
        if !isBound.contains(true), let changed = try operation.withResults(of: type) { wide.operation = changed }
        wide.operands = try zip(operands, isBound).map { operand, isBound in
            guard isBound, let operand else { return operand }
            return try operand.converted(to: type)
        }
        return wide
    }
}

extension Operator {
    /// The operator with the attribute changed that alone says which type its results have; `nil` when it has no such attribute.
    /// - Throws: `CleaveError` for an operator that must be listed here, because none of its operands has its results' type.
    fileprivate func withResults(of type: ElementType) throws -> Operator? {
        switch self {
        case .cast(var payload):
            payload.to = type
            return .cast(payload)
        case .eyeLike(var payload):
            payload.elementType = type
            return .eyeLike(payload)
        case .bernoulli(var payload):
            payload.elementType = type
            return .bernoulli(payload)
        case .randomNumbers(var payload):
            payload.elementType = type
            return .randomNumbers(payload)
        case .windowFunction(var payload):
            payload.elementType = type
            return .windowFunction(payload)
        case .melWeightMatrix(var payload):
            payload.elementType = type
            return .melWeightMatrix(payload)
        case .constantOfShape(var payload):
            payload.value = try Tensor(repeating: 1, shape: [1], as: type)
            return .constantOfShape(payload)
        case .constant(var payload):
            guard payload.value.form == .tensor else { return nil }
            payload.value.tensor = try payload.value.tensor.representable(in: type)
            return .constant(payload)
        case .layerNorm(var payload):
            payload.stashType = type.rawValue
            return .layerNorm(payload)
        // Only the scale's type is modelled.
        case .dequantizeLinear: return nil
        default: throw CleaveError(.invalidRequest, "nothing says how \(name) gives results of \(type)")
        }
    }
}

extension Tensor {
    /// The numbers in another type, changed to what it can hold: whole ones away from zero, so that no divisor becomes zero,
    /// none below zero where it has no sign, and none beyond its limits.
    fileprivate func representable(in type: ElementType) throws -> Tensor {
        guard let values = doubles(), !type.isFloatingPoint, type != elementType else { return try converted(to: type) }
        let whole = values.map { $0.rounded(.awayFromZero) }
        return try Tensor(type.isUnsignedInteger ? whole.map(\.magnitude) : whole, shape: shape, as: type)
    }

    /// The numbers rounded to another type and limited to what it can hold; anything but 0 is true.
    func saturated(to type: ElementType) throws -> Tensor {
        guard type != elementType, let values = doubles() else { return self }
        return try Tensor(values, shape: shape, as: type)
    }

    /// The numbers rounded to another type; integers keep their low bits.
    func converted(to type: ElementType) throws -> Tensor {
        if type == elementType { return self }
        if let integers = int64s(), !type.isFloatingPoint { return try Tensor(integers, shape: shape, as: type) }
        guard let values = doubles() else { throw CleaveError(.typeMismatch, "\(elementType) cannot be converted") }
        return try Tensor(values, shape: shape, as: type)
    }
}
