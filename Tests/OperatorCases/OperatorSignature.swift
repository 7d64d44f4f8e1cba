import Foundation
import Tensors

/// Which element types ONNX's specification allows for an operator, from one version of the operator set on.
public struct OperatorSignature: Sendable {
    /// The version of the operator set that brought it.
    public let version: Int
    /// The type of each operand and output: a variable, or the name of an element type.
    public let inputs, outputs: [String]
    /// Whether the last operand may be repeated.
    public let isVariadic: Bool
    /// What each variable may stand for, `string` and complex numbers left out.
    public let variables: [String: [ElementType]]

    /// The type of the operand at a position.
    public func input(at index: Int) -> String? { index < inputs.count ? inputs[index] : isVariadic ? inputs.last : nil }

    /// All versions of each operator of the default domain, oldest first, by ONNX's name (`fixtures/operators/element_types.py`).
    public static let all: [String: [OperatorSignature]] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(components: "fixtures", "operators", "element-types.txt")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { preconditionFailure("\(file.path) cannot be read") }
        var signatures: [String: [OperatorSignature]] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            signatures[fields[0], default: []].append(OperatorSignature(fields))
        }
        return signatures.mapValues { $0.sorted { $0.version < $1.version } }
    }()

    private init(_ fields: [String]) {
        func names(_ field: String) -> [String] { field.split(separator: " ").map(String.init) }
        guard fields.count == 5, let version = Int(fields[1]) else { preconditionFailure("malformed signature: \(fields)") }
        self.version = version
        inputs = names(fields[2]).map { $0.replacing("*", with: "") }
        outputs = names(fields[3]).map { $0.replacing("*", with: "") }
        isVariadic = fields[2].hasSuffix("*")
        let types = Dictionary(uniqueKeysWithValues: ElementType.allCases.map { ($0.description, $0) })
        variables = names(fields[4]).reduce(into: [:]) { variables, entry in
            let parts = entry.split(separator: "=", omittingEmptySubsequences: false)
            let allowed = parts[1].split(separator: ",").compactMap { types[String($0)] }
            variables[String(parts[0])] = allowed.filter { ![.string, .complex64, .complex128].contains($0) }
        }
    }
}
