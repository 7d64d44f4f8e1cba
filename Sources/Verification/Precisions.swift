import GraphIR
import Tensors

/// The coarsest floating-point type that each value of a graph was rounded to on its way from the inputs.
///
/// A network that is float16 inside and float32 at its ends has outputs that are no more precise than float16, whatever their type.
/// Constants do not count: they are as they are in both graphs. Neither do values that come through integers, which shapes are.
struct Precisions {
    private var coarsest: [String: ElementType] = [:]
    /// Where that is not the value's own type.
    private var coarser: [String: ElementType] = [:]
    /// Values that nodes make of inputs.
    private var data: Set<String> = []

    init(_ graph: Graph) {
        for input in graph.inputs.map({ graph[$0] }) { coarsest[input.name] = Self.floatingPoint(input) }
        for node in graph.nodes {
            let operands = node.reads.map { graph[$0] }
            guard operands.contains(where: { isData($0, in: graph) }) else { continue }
            let inside = node.operator.subgraphs.flatMap { Precisions($0.body.graph).types }
            let before = operands.compactMap { coarsest[$0.name] } + inside
            for output in node.outputs.compactMap({ $0 }).map({ graph[$0] }) {
                data.insert(output.name)
                guard let type = Self.floatingPoint(output) else { continue }
                let loosest = before.reduce(type) { Tolerance.isLooser($1, than: $0) ? $1 : $0 }
                coarsest[output.name] = loosest
                if loosest != type { coarser[output.name] = loosest }
            }
        }
    }

    /// The coarsest type behind the value called `name`; `nil` when that is its own.
    subscript(name: String) -> ElementType? { coarser[name] }

    /// All types that values have or come from, in a fixed order.
    private var types: [ElementType] { Set(coarsest.values).sorted { $0.rawValue < $1.rawValue } }

    private func isData(_ value: Value, in graph: Graph) -> Bool {
        switch value.source {
        case .graphInput, .external: true
        case .constant: false
        case .node: data.contains(value.name)
        }
    }

    private static func floatingPoint(_ value: Value) -> ElementType? {
        value.tensorType.flatMap { $0.elementType.isFloatingPoint ? $0.elementType : nil }
    }
}
