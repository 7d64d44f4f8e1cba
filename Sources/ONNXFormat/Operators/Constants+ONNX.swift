import GraphIR
import Tensors

extension OperatorTable {
    static let constants: [OperatorEntry] = [
        OperatorEntry("Constant", since: 1) { .constant(try Constant(onnx: &$0)) },
        OperatorEntry("ConstantOfShape", since: 9) { .constantOfShape(ConstantOfShape(value: try $0.tensor("value", .copy))) },
        OperatorEntry("EyeLike", since: 9) {
            .eyeLike(EyeLike(elementType: try $0.elementType("dtype"), diagonal: try $0.int("k", default: 0)))
        },
        OperatorEntry("Range", since: 11) { _ in .range(NumberRange()) },
    ]
}

extension Constant {
    /// Takes the tensor out of the message, once it is sure that the operator is a typed one.
    init(onnx reader: inout AttributeReader) throws {
        if reader.has("sparse_value") { throw NotModelled() }
        let forms = Form.allCases.filter { reader.has($0.rawValue) }
        guard let form = forms.first, forms.count == 1 else {
            throw CleaveError(
                .invalidAttribute, forms.isEmpty ? "attribute 'value' is missing, and it is required"
                    : "has attributes \(forms.map { "'\($0.rawValue)'" }.joined(separator: " and ")), expected one value")
        }
        let name = form.rawValue
        let value: Tensor? =
            switch form {
            case .tensor: nil
            case .float: try reader.float(name).map { Tensor(scalar: $0) }
            case .floats: try reader.floats(name).map { Tensor(vector: $0) }
            case .int: try reader.int(name).map { Tensor(scalar: Int64($0)) }
            case .ints: try reader.ints(name).map { Tensor(vector: $0.map { Int64($0) }) }
            case .string: try reader.bytes(name).map { try Tensor(shape: [], strings: [$0]) }
            case .strings: try reader.strings(name).map { try Tensor(shape: [$0.count], strings: $0) }
            }
        if let value {
            self.init(value: Value(tensor: value, form: form))
            return
        }
        try reader.expectAllRead(except: name)
        self.init(value: Value(tensor: try reader.required(reader.tensor(name, .takeOver), name), form: form))
    }

    /// Writes a tensor up to opset 11, which has no other form.
    func write(to writer: inout AttributeWriter) throws {
        let tensor = value.tensor
        let form = writer.opset < 12 ? .tensor : value.form
        let name = form.rawValue
        switch form {
        case .tensor: writer.tensor(name, tensor)
        case .float: writer.float(name, try tensor.elements(as: Float.self).first)
        case .floats: writer.floats(name, try tensor.elements(as: Float.self))
        case .int: writer.int(name, try tensor.elements(as: Int64.self).first.map { Int($0) })
        case .ints: writer.ints(name, try tensor.elements(as: Int64.self).map { Int($0) })
        case .string: writer.bytes(name, tensor.strings?.first ?? [])
        case .strings: writer.strings(name, tensor.strings ?? [])
        }
    }
}

extension ConstantOfShape {
    func write(to writer: inout AttributeWriter) { writer.tensor("value", value) }
}

extension EyeLike {
    func write(to writer: inout AttributeWriter) {
        writer.int("dtype", elementType?.rawValue)
        writer.int("k", diagonal, default: 0)
    }
}
