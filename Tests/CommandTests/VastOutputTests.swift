import Cleave
import Foundation
import Testing

/// Small models with an output that no machine can hold.
struct VastOutputTests {
    enum Model: String, CaseIterable {
        case fill, overflowingFill, expand, tile, pad, resize

        func graph() throws -> Graph {
            var graph = Graph(name: rawValue, opset: 17)
            try graph.edit { editor in
                func constant(_ elements: [Int]) throws -> ValueID {
                    try editor.addConstant(Tensor(vector: elements.map { Int64($0) }), name: "lengths")
                }
                func add(_ operation: Operator, _ inputs: [ValueID?], _ name: String) throws -> ValueID {
                    try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
                }
                func input() throws -> ValueID {
                    try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [1, 4, 8, 8])))
                }
                let output =
                    switch self {
                    case .fill:
                        try add(.constantOfShape(ConstantOfShape(value: nil)), [constant([1 << 20, 1 << 24])], "y")
                    case .overflowingFill:
                        try add(.constantOfShape(ConstantOfShape(value: nil)), [constant([1 << 20, 1 << 20, 1 << 20])], "y")
                    case .expand: try add(.expand(Expand()), [input(), constant([1 << 40, 1, 1, 1])], "y")
                    case .tile:
                        try add(
                            .activation(Activation(function: .relu)),
                            [add(.tile(Tile()), [input(), constant([1 << 34, 1, 1, 1])], "t")], "y")
                    case .pad:
                        try add(
                            .pad(Pad(mode: .constant, pads: nil, value: 0)), [input(), constant([0, 0, 0, 0, 1 << 34, 0, 0, 0])], "y")
                    case .resize:
                        try add(
                            .resize(
                                Resize(
                                    mode: .nearest, coordinates: .halfPixel, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
                                    excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil,
                                    aspectRatioPolicy: .stretch)),
                            [input(), nil, nil, constant([1, 4, 1 << 20, 1 << 20])], "y")
                    }
                editor.setOutputs([output])
            }
            return graph
        }
    }

    @Test(arguments: Model.allCases)
    func outputsBeyondMemoryAreRefused(model: Model) throws {
        try withTemporaryFolder { (folder: URL) throws -> Void in
            let graph = try model.graph()
            try graph.write(onnx: folder.appendingPathComponent("m.onnx").path)
            for arguments in [
                ["verify", "m.onnx", "m.onnx"], ["run", "m.onnx"], ["run", "m.onnx", "--backend", "reference"],
                ["benchmark", "m.onnx", "--seconds", "0.01"],
            ] {
                let process = try Command.run(arguments, in: folder)
                #expect(process.status == 3, "\(arguments): \(process.errors)")
                #expect(process.errors.hasPrefix("error: "), "\(arguments): \(process.errors)")
                #expect(process.errors.contains(/\d+\.?\d* [TPE]B/), "\(arguments): \(process.errors)")
            }
            let inspection = try Command.run("inspect", "m.onnx", "--json", in: folder).json()
            let peak = inspection["peak_activation_bytes"] as? Int
            #expect(model == .overflowingFill ? peak == nil : (peak ?? 0) >= 1 << 44)
        }
    }
}
