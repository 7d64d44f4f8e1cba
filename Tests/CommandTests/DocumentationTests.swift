import Foundation
import Testing

/// What the documents say against what the command and the repository have.
struct DocumentationTests {
    /// The commands and their options, as the command itself lists them.
    private struct Help: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        struct Argument: Decodable {
            var names: [Name]?
        }

        struct Command: Decodable {
            var commandName: String
            var arguments: [Argument]?
            var subcommands: [Command]?

            /// `--form`, `-o` …, those of subcommands included.
            var options: Set<String> {
                let own = (arguments ?? []).flatMap { $0.names ?? [] }.map { ($0.kind == "long" ? "--" : "-") + $0.name }
                return Set(own).union((subcommands ?? []).flatMap(\.options))
            }
        }

        var command: Command
    }

    private static let repository = Command.repository

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
    }

    private static func documents() throws -> [String] {
        try ["README.md", "CONTRIBUTING.md", "Benchmarks/README.md"]
            + names(in: repository.appendingPathComponent("docs")).filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
    }

    private static func commands() throws -> [String: Set<String>] {
        let result = try Command.run("--experimental-dump-help")
        let help = try JSONDecoder().decode(Help.self, from: Data(result.output.utf8))
        let commands = (help.command.subcommands ?? []).filter { $0.commandName != "help" }
        return Dictionary(uniqueKeysWithValues: commands.map { ($0.commandName, $0.options) })
    }

    /// Options that every command has.
    private static let common: Set<String> = ["--help", "-h", "--version", "-q", "-o", "--output"]

    /// The options in a piece of text.
    private static func options(in text: some StringProtocol) -> Set<String> {
        Set(String(text).matches(of: /--?[a-z][a-z0-9-]*/).map { String($0.output) })
    }

    /// `cleave inspect` → `docs/inspect.md`, by the table of the README.
    private static func pages() throws -> [String: String] {
        let rows = try text("README.md").matches(of: /\|\s*\[`cleave (\w+)`\]\((docs\/[\w.-]+)(#[\w-]+)?\)/)
        return Dictionary(rows.map { (String($0.output.1), String($0.output.2)) }, uniquingKeysWith: { first, _ in first })
    }

    @Test func everyCommandHasAPageThatNamesItsOptions() throws {
        let pages = try Self.pages()
        // What is alike in all commands is said once, in the README.
        let section = try #require(try Self.text("README.md").split(separator: "\n## ").first { $0.hasPrefix("Commands") })
        let shared = Self.options(in: section).union(Self.common)
        for (command, options) in try Self.commands().sorted(by: { $0.key < $1.key }) {
            let page = try #require(pages[command], "the README's table has no page for cleave \(command)")
            let missing = options.subtracting(Self.options(in: try Self.text(page))).subtracting(shared).sorted()
            #expect(missing.isEmpty, "\(page) does not name \(missing.joined(separator: ", ")) of cleave \(command)")
        }
    }

    /// In every line of code that calls the command, each option is one of that command.
    @Test func linesOfCodeUseOptionsThatThereAre() throws {
        let commands = try Self.commands()
        var checked = 0
        for document in try Self.documents() {
            // A command line goes on after a backslash.
            let text = try Self.text(document).replacing(/\\\n\s*/, with: " ")
            for match in text.matches(of: /cleave ([a-z]+)((?: [^\n`#|]*)?)/) {
                let name = String(match.output.1)
                guard let options = commands[name] else { continue }
                for option in match.output.2.matches(of: /(?:^|[\s\[(])(--?[a-z][a-z0-9-]*)/).map({ String($0.output.1) }) {
                    #expect(options.contains(option) || Self.common.contains(option), "\(document): cleave \(name) has no \(option)")
                    checked += 1
                }
            }
        }
        #expect(checked > 100, "the documents' command lines were not found")
    }

    /// Whatever else is called an option is one of some command.
    @Test func optionsInTextExist() throws {
        let known = try Self.commands().values.reduce(Self.common) { $0.union($1) }
        for (command, page) in try Self.pages().sorted(by: { $0.key < $1.key }) {
            for option in try Self.text(page).matches(of: /`(--[a-z][a-z0-9-]*)/).map({ String($0.output.1) }) {
                #expect(known.contains(option), "\(page), of cleave \(command), speaks of \(option)")
            }
        }
    }

    @Test func pathsExist() throws {
        var checked = 0
        for document in try Self.documents() {
            let text = try Self.text(document)
            let folder = Self.repository.appendingPathComponent(document).deletingLastPathComponent()
            let links = text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/).map { String($0.output.1) }.filter { !$0.contains("://") }
            for link in links {
                let target = folder.appendingPathComponent(link).path
                #expect(FileManager.default.fileExists(atPath: target), "\(document) links to \(link)")
            }
            let pattern = /(?:Sources|Tests|scripts|fixtures|studies|schemas|docs|Benchmarks)\/[A-Za-z0-9_+.\/-]*[A-Za-z0-9_+]/
            let named = text.matches(of: pattern).map { String($0.output) }
            for path in named where document == "CONTRIBUTING.md" || path.hasPrefix("studies/") || path.hasPrefix("scripts/") {
                let target = Self.repository.appendingPathComponent(path).path
                #expect(FileManager.default.fileExists(atPath: target), "\(document) names \(path)")
                checked += 1
            }
        }
        #expect(checked > 10)
    }

    /// The table of modules, lowest first, is the order of the package.
    @Test func theTableOfModulesIsThePackages() throws {
        let table = try Self.text("CONTRIBUTING.md").matches(of: /(?m)^\| `(\w+)` \|/).map { String($0.output.1) }
        let package = try Self.text("Package.swift")
        let targets = package.matches(of: /(?m)^        \.(?:executableT|t)arget\(\s*name: "(\w+)"/).map { String($0.output.1) }
        let folders = Set(try names(in: Self.repository.appendingPathComponent("Sources")))
        let swift = targets.filter { folders.contains($0) && !($0.hasPrefix("C") && $0.dropFirst().first?.isUppercase == true) }
        #expect(table == swift)
    }
}
