import COnnxSchema
import GraphIR
import Tensors

extension ValueType {
    /// The type that a message declares; `nil` when it declares none, or one that Cleave has no word for.
    init?(_ message: UnsafeMutablePointer<Onnx__TypeProto>?) throws {
        guard let message = message?.pointee else { return nil }
        switch message.value_case {
        case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
            guard let tensor = message.tensor_type?.pointee, let type = ElementType(rawValue: Int(tensor.elem_type)) else { return nil }
            self = .tensor(TensorType(type, try Self.shape(tensor.shape)))
        case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
            guard let tensor = message.sparse_tensor_type?.pointee, let type = ElementType(rawValue: Int(tensor.elem_type)) else {
                return nil
            }
            self = .sparseTensor(TensorType(type, try Self.shape(tensor.shape)))
        case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
            guard let element = try ValueType(message.sequence_type?.pointee.elem_type) else { return nil }
            self = .sequence(element)
        case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
            guard let element = try ValueType(message.optional_type?.pointee.elem_type) else { return nil }
            self = .optional(element)
        case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
            guard let map = message.map_type?.pointee, let key = ElementType(rawValue: Int(map.key_type)),
                let value = try ValueType(map.value_type)
            else { return nil }
            self = .map(key: key, value: value)
        case ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE:
            guard let opaque = message.opaque_type?.pointee else { return nil }
            self = .opaque(domain: try text(opaque.domain), name: try text(opaque.name))
        default:
            return nil
        }
    }

    private static func shape(_ message: UnsafeMutablePointer<Onnx__TensorShapeProto>?) throws -> [Dimension]? {
        guard let message = message?.pointee else { return nil }
        return try elements(message.dim, message.n_dim).map { dimension in
            switch dimension.pointee.value_case {
            case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE:
                // Some exporters write −1 for a length that they do not know.
                let length = Int(dimension.pointee.dim_value)
                return length < 0 ? .unknown : .known(length)
            case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM:
                let name = try text(dimension.pointee.dim_param)
                return name.isEmpty ? .unknown : .named(name)
            default:
                return .unknown
            }
        }
    }

    /// Whether both can be types of the same value: same kind, element type and rank, and no two different known lengths.
    func isCompatible(with other: ValueType) -> Bool {
        switch (self, other) {
        case (.tensor(let left), .tensor(let right)), (.sparseTensor(let left), .sparseTensor(let right)):
            guard left.elementType == right.elementType else { return false }
            guard let leftShape = left.shape, let rightShape = right.shape else { return true }
            return leftShape.count == rightShape.count
                && zip(leftShape, rightShape).allSatisfy { $0.known == nil || $1.known == nil || $0 == $1 }
        case (.sequence(let left), .sequence(let right)), (.optional(let left), .optional(let right)):
            return left.isCompatible(with: right)
        default:
            return self == other
        }
    }

    /// The message that declares the type.
    func message(in arena: MessageArena) -> UnsafeMutablePointer<Onnx__TypeProto> {
        let message = arena.make(Onnx__TypeProto.self)
        switch self {
        case .tensor(let type):
            let tensor = arena.make(Onnx__TypeProto__Tensor.self)
            tensor.pointee.has_elem_type = 1
            tensor.pointee.elem_type = Int32(type.elementType.rawValue)
            tensor.pointee.shape = Self.message(type.shape, arena)
            message.pointee.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
            message.pointee.tensor_type = tensor
        case .sparseTensor(let type):
            let tensor = arena.make(Onnx__TypeProto__SparseTensor.self)
            tensor.pointee.has_elem_type = 1
            tensor.pointee.elem_type = Int32(type.elementType.rawValue)
            tensor.pointee.shape = Self.message(type.shape, arena)
            message.pointee.value_case = ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE
            message.pointee.sparse_tensor_type = tensor
        case .sequence(let element):
            let sequence = arena.make(Onnx__TypeProto__Sequence.self)
            sequence.pointee.elem_type = element.message(in: arena)
            message.pointee.value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE
            message.pointee.sequence_type = sequence
        case .optional(let element):
            let optional = arena.make(Onnx__TypeProto__Optional.self)
            optional.pointee.elem_type = element.message(in: arena)
            message.pointee.value_case = ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE
            message.pointee.optional_type = optional
        case .map(let key, let value):
            let map = arena.make(Onnx__TypeProto__Map.self)
            map.pointee.has_key_type = 1
            map.pointee.key_type = Int32(key.rawValue)
            map.pointee.value_type = value.message(in: arena)
            message.pointee.value_case = ONNX__TYPE_PROTO__VALUE_MAP_TYPE
            message.pointee.map_type = map
        case .opaque(let domain, let name):
            let opaque = arena.make(Onnx__TypeProto__Opaque.self)
            opaque.pointee.domain = arena.string(domain)
            opaque.pointee.name = arena.string(name)
            message.pointee.value_case = ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE
            message.pointee.opaque_type = opaque
        }
        return message
    }

    private static func message(_ shape: [Dimension]?, _ arena: MessageArena) -> UnsafeMutablePointer<Onnx__TensorShapeProto>? {
        guard let shape else { return nil }
        let message = arena.make(Onnx__TensorShapeProto.self)
        let dimensions = shape.map { dimension in
            let entry = arena.make(Onnx__TensorShapeProto__Dimension.self)
            switch dimension {
            case .known(let length):
                entry.pointee.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                entry.pointee.dim_value = Int64(length)
            case .symbolic(let length):
                entry.pointee.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                entry.pointee.dim_param = arena.string(length.description)
            case .unknown: break
            }
            return entry
        }
        message.pointee.n_dim = dimensions.count
        message.pointee.dim = arena.list(dimensions)
        return message
    }
}
