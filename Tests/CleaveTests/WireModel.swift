/// ONNX messages by field number, as `schemas/onnx.proto` has them.
enum WireModel {
    private static func varint(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
    }

    private static func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }

    private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] { varint(number << 3 | 2) + varint(bytes.count) + bytes }

    private static func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    private static func node(_ operation: String, domain: String, _ inputs: [String], _ output: String) -> [UInt8] {
        inputs.flatMap { field(1, $0) } + field(2, output) + field(4, operation) + field(7, domain)
    }

    private static func tensorType(_ name: String, _ lengths: [Int]) -> [UInt8] {
        let shape = lengths.flatMap { field(1, field(1, $0)) }
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))
    }

    /// y = test.Block(x, w), which is defined as Conv(x, w) with 16 filters of 3×3 over 16 channels.
    static let convolutionInAFunction: [UInt8] = {
        let opset = field(8, field(2, 17))
        let testOpset = field(8, field(1, "test") + field(2, 1))
        var weight: [UInt8] = [16, 16, 3, 3].flatMap { (length: Int) -> [UInt8] in field(1, length) }
        weight += field(2, 1)
        weight += field(8, "w")
        // Little-endian float32 numbers that are neither tiny nor NaN.
        weight += field(9, (0..<16 * 16 * 9 * 4).map { (index: Int) -> UInt8 in index % 4 == 3 ? 62 : UInt8(index % 59) })
        var graph = field(1, node("Block", domain: "test", ["x", "w"], "y"))
        graph += field(2, "main")
        graph += field(5, weight)
        graph += field(11, tensorType("x", [1, 16, 8, 8]))
        graph += field(12, field(1, "y"))
        var function = field(1, "Block")
        for input in ["a", "b"] { function += field(4, input) }
        function += field(5, "c")
        function += field(7, node("Conv", domain: "", ["a", "b"], "c"))
        function += field(9, field(2, 17))
        function += field(10, "test")
        return field(1, 8) + field(7, graph) + opset + testOpset + field(25, function)
    }()
}
