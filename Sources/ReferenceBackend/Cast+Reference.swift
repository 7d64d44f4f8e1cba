import Foundation
import GraphIR
import Tensors

extension Cast: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        [try arguments.required(Operand.input).cast(to: to, saturatingFloat8: saturate)]
    }
}

extension CastLike: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let target = try arguments.required(Operand.target)
        return [try arguments.required(Operand.input).cast(to: target.elementType, saturatingFloat8: saturate)]
    }
}

extension Tensor {
    /// The same numbers in another type: floats round to nearest even; floats to integers are truncated and limited to what the type
    /// holds, NaN becoming 0; integers to narrower ones keep their low bits; anything but 0 is true.
    /// - Throws: `CleaveError` for complex numbers, and for text that is not a number.
    func cast(to type: ElementType, saturatingFloat8: Bool) throws -> Tensor {
        if type == elementType { return self }
        if let strings {
            if type.isInteger, let integers = Self.integers(strings) { return try Tensor(integers, shape: shape, as: type) }
            return try Tensor(strings.map(Self.number), shape: shape, as: type, saturatingFloat8: saturatingFloat8)
        }
        if type == .string { return try Tensor(shape: shape, strings: texts().map { Array($0.utf8) }) }
        guard elementType.isInteger || elementType == .bool else {
            return try Tensor(reals(), shape: shape, as: type, saturatingFloat8: saturatingFloat8)
        }
        let values = try integers()
        // From 64-bit integers straight to the result: a stop in Double would round twice.
        switch (type, elementType == .uint64) {
        case (.float32, false): return try Tensor(values.map { Float($0) }, shape: shape)
        case (.float32, true): return try Tensor(values.map { Float(UInt64(bitPattern: $0)) }, shape: shape)
        case (_, _) where type.isFloatingPoint:
            return try Tensor(reals(), shape: shape, as: type, saturatingFloat8: saturatingFloat8)
        default: return try Tensor(values, shape: shape, as: type)
        }
    }

    /// Numbers as Python prints them: the shortest decimals that read back as the same number, `nan`, `inf`.
    private func texts() throws -> [String] {
        switch elementType {
        case .bool: return try integers().map { $0 == 0 ? "False" : "True" }
        case .uint64: return try integers().map { String(UInt64(bitPattern: $0)) }
        case .float64: return try reals().map(\.description)
        case .float16: return try elements(as: Float16.self).map(\.description)
        case _ where elementType.isInteger: return try integers().map(String.init)
        default: return try reals().map { Float($0).description }
        }
    }

    /// The texts as integers; `nil` unless each is one.
    private static func integers(_ texts: [[UInt8]]) -> [Int64]? {
        let values = texts.compactMap { text -> Int64? in
            let text = trimmed(text)
            return Int64(text) ?? UInt64(text).map { Int64(bitPattern: $0) }
        }
        return values.count == texts.count ? values : nil
    }

    private static func number(_ text: [UInt8]) throws -> Double {
        guard let value = Double(trimmed(text)) else {
            throw CleaveError(.invalidNumbers, "the text '\(String(decoding: text.prefix(40), as: UTF8.self))' is not a number")
        }
        return value
    }

    private static func trimmed(_ text: [UInt8]) -> String {
        String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }
}
