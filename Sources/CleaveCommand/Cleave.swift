import ArgumentParser

@main
struct CleaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleave",
        abstract: "A compiler for convolutional networks: separable forms, folding, verification.")
}
