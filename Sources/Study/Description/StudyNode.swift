import Foundation
import Tensors
import Yams

/// A value of a study's YAML file that knows where it stands, so that errors name file and line.
struct StudyNode {
    private let node: Node
    private let file: String
    /// What errors call it: `networks.full.recipe`; empty for the whole document.
    let path: String

    /// No study is longer than this.
    private static let byteLimit = 1 << 18

    /// - Throws: `CleaveError` when the file cannot be read, or is not YAML.
    init(contentsOf file: String) throws {
        let storage = try TensorStorage(contentsOf: file)
        guard storage.bytes.count <= Self.byteLimit else {
            throw CleaveError(
                .malformedFile, "the file has \(storage.bytes.count) bytes, a study has at most \(Self.byteLimit)", at: .init(file: file))
        }
        guard let text = String(validating: storage.bytes, as: UTF8.self) else {
            throw CleaveError(.malformedFile, "the file is not text in UTF-8", at: .init(file: file))
        }
        try self.init(text, file: file)
    }

    init(_ text: String, file: String) throws {
        func refuse(_ problem: String, line: Int?) -> CleaveError {
            let place = line.map { "\(file):\($0)" } ?? file
            return CleaveError(.malformedFile, "the file is not YAML: \(problem)", at: .init(file: place))
        }
        let nesting = text.utf8.count { Self.openers.contains($0) }
        guard nesting <= Self.openerLimit else { throw refuse("it nests too deeply", line: nil) }
        do {
            guard let node = try Yams.compose(yaml: text) else {
                throw CleaveError(.malformedFile, "the file is empty, expected a study", at: .init(file: file))
            }
            self.init(node: node, file: file, path: "")
        } catch let error as YamlError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
                throw refuse(problem, line: mark.line)
            case .duplicatedKeysInMapping(let duplicates, let context):
                throw refuse("the key '\(duplicates.first ?? "")' occurs twice", line: context.mark.line)
            case .reader(let problem, _, _, _): throw refuse(problem, line: nil)
            default: throw refuse("\(error)", line: nil)
            }
        }
    }

    /// What begins something nested. The parser recurses, and a file of nothing else would take the stack from it.
    private static let openers = Set("[{-?".utf8)
    private static let openerLimit = 1000

    private init(node: Node, file: String, path: String) {
        self.node = node
        self.file = file
        self.path = path
    }

    // MARK: Errors

    private var location: CleaveError.Location { .init(file: node.mark.map { "\(file):\($0.line)" } ?? file) }

    /// An error about this value.
    func error(_ problem: String, suggestion: String? = nil) -> CleaveError {
        CleaveError(.invalidRequest, problem, at: location, suggestion: suggestion)
    }

    /// Runs `body`; an error without a file gets this line.
    func locating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as CleaveError where error.location.file == nil {
            throw error.at(file: location.file)
        }
    }

    /// The error about a name that there is none of.
    func unknown(_ what: String, _ name: String, among names: [String]) -> CleaveError {
        let nearest = nearestName(to: name, in: names)
        let all = names.isEmpty ? "there are none" : "expected \(names.joined(separator: ", "))"
        return error("there is no \(what) '\(name)', \(all)", suggestion: nearest.map { "did you mean \($0)?" })
    }

    // MARK: Values

    private var kind: String {
        switch node {
        case .scalar: "a single value"
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }

    private func expected(_ what: String) -> CleaveError {
        error("\(path.isEmpty ? "the study" : path) is \(kind), expected \(what)")
    }

    var text: String {
        get throws {
            guard case .scalar(let scalar) = node else { throw expected("a single value") }
            return scalar.string.trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    func integer(in range: ClosedRange<Int> = 0...1_000_000_000) throws -> Int {
        guard let value = try Int(text), range.contains(value) else {
            throw error("\(path) is '\(try text)', expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    var seed: UInt64 {
        get throws {
            guard let value = try UInt64(text) else { throw error("\(path) is '\(try text)', expected a whole number from 0") }
            return value
        }
    }

    var number: Double {
        get throws {
            guard let value = try Double(text), value.isFinite else { throw error("\(path) is '\(try text)', expected a number") }
            return value
        }
    }

    var flag: Bool {
        get throws {
            switch try text {
            case "true", "yes", "on": return true
            case "false", "no", "off": return false
            case let other: throw error("\(path) is '\(other)', expected true or false")
            }
        }
    }

    /// One of the names of a type.
    func choice<Value: RawRepresentable & CaseIterable>(_ what: String) throws -> Value where Value.RawValue == String {
        let name = try text
        guard let value = Value(rawValue: name) else { throw unknown(what, name, among: Value.allCases.map(\.rawValue)) }
        return value
    }

    /// What `parse` makes of the text; its errors get this line.
    func parsed<Value>(_ parse: (String) throws -> Value) throws -> Value {
        let text = try text
        return try locating { try parse(text) }
    }

    /// The elements of a list; a single value counts as a list of one.
    var elements: [StudyNode] {
        get throws {
            switch node {
            case .scalar: return [self]
            case .sequence(let sequence):
                return sequence.enumerated().map { StudyNode(node: $1, file: file, path: "\(path)[\($0)]") }
            case .mapping, .alias: throw expected("a list")
            }
        }
    }

    /// Keys and values of a mapping whose keys are free, in the order of the file.
    var entries: [(key: StudyNode, value: StudyNode)] {
        get throws {
            guard case .mapping(let mapping) = node else { throw expected("a mapping: names, each followed by a colon") }
            return try mapping.map { key, value in
                let key = StudyNode(node: key, file: file, path: path)
                return (key, StudyNode(node: value, file: file, path: (path.isEmpty ? "" : path + ".") + (try key.text)))
            }
        }
    }

    /// The values of a mapping whose keys are these.
    /// - Throws: `CleaveError` for another key, with the nearest one.
    func fields(_ keys: [String]) throws -> StudyFields {
        let entries = try entries
        for entry in entries {
            let name = try entry.key.text
            guard !keys.contains(name) else { continue }
            let nearest = nearestName(to: name, in: keys)
            throw entry.key.error(
                "unknown key '\(name)'\(path.isEmpty ? "" : " in \(path)"), expected \(keys.joined(separator: ", "))",
                suggestion: nearest.map { "did you mean \($0)?" })
        }
        let pairs = try entries.map { (try $0.key.text, $0.value) }
        return StudyFields(node: self, values: Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
    }
}

/// The values of a mapping by key.
struct StudyFields {
    let node: StudyNode
    fileprivate let values: [String: StudyNode]

    subscript(key: String) -> StudyNode? { values[key] }

    /// - Throws: `CleaveError` when the key is missing.
    func required(_ key: String) throws -> StudyNode {
        guard let value = values[key] else {
            throw node.error("\(node.path.isEmpty ? "the study" : node.path) has no '\(key)'")
        }
        return value
    }
}
