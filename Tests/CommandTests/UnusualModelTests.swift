import Cleave
import Foundation
import Testing

/// Models that are legitimate and rare, through the commands.
struct UnusualModelTests {
    /// x · w, where w is a constant of 2^62 elements.
    @Test func aWeightOfMoreElementsThanMemoryIsNeverMade() throws {
        var graph = Graph(name: "vast", opset: 17)
        let side = 1 << 31
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [1, side])))
            let shape = try editor.addConstant(Tensor(vector: [Int64(side), Int64(side)]), name: "shape")
            let weight = try editor.insertSingle(
                .constantOfShape(ConstantOfShape(value: nil)), inputs: [shape], output: .new(name: "w"), name: "w", before: nil,
                origin: nil)
            let product = try editor.insertSingle(
                .matMul(MatMul()), inputs: [x, weight], output: .new(name: "y"), name: "product", before: nil, origin: nil)
            editor.setOutputs([product])
        }
        try withTemporaryFolder { (folder: URL) throws -> Void in
            try graph.write(onnx: folder.appendingPathComponent("vast.onnx").path)
            for (name, options) in [
                ("inspect", []), ("fold", ["-o", "folded.onnx"]), ("convert", ["--form", "spatial", "--scope", "all", "-o", "c.onnx"]),
            ] {
                let process = try Command.run([name, "vast.onnx"] + options, in: folder)
                #expect(process.status == 0, "\(name): \(process.errors)")
                #expect(process.errors.isEmpty)
            }
            let check = try Command.run("check", "vast.onnx", in: folder)
            #expect(check.status == 1)
            #expect(check.output.contains("tensor 'w': the tensor is float32[2147483648, 2147483648], more than memory can address"))
            let run = try Command.run("run", "vast.onnx", in: folder)
            #expect(run.status == 3)
            #expect(run.errors.split(separator: "\n").count <= 2, "\(run.errors)")
        }
    }

    @Test func pathsOfOneLetterHaveExternalDataToo() throws {
        try withTemporaryFolder { (folder: URL) throws -> Void in
            for data in ["m.data", "m.data.1"] {
                let source = data == "m.data" ? Command.fixture : "m"
                #expect(try Command.run("fold", source, "-o", "m", "--external-data", "always", in: folder).status == 0)
                #expect(try names(in: folder) == ["m", data])
                #expect(try Command.run("check", "m", in: folder).status == 0)
            }
            #expect(try Command.run("verify", Command.fixture, "m", in: folder).status == 0)
            #expect(try Command.run("fold", "m", "-o", "m", in: folder).status == 0)
            #expect(try names(in: folder) == ["m"])
        }
    }

    /// As float16 converters leave them: casts at the ends, weights in half precision, a pair of casts in between.
    @Test func modelsInHalfPrecisionComeThroughFoldAndConvert() throws {
        var graph = Graph(name: "half", opset: 17)
        func weight(_ shape: [Int], _ name: String) throws -> Tensor {
            var random = SeededRandom(seed: 5, name: name)
            let count = shape.reduce(1, *)
            return try Tensor((0..<count).map { _ in random.uniform(-0.5, 0.5) }, shape: shape, as: .float16)
        }
        let same = Window(kernel: [3, 3], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
        try graph.edit { editor in
            func add(_ operation: Operator, _ inputs: [ValueID], _ name: String) throws -> ValueID {
                try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
            }
            func cast(_ value: ValueID, _ type: ElementType, _ name: String) throws -> ValueID {
                try add(.cast(Cast(to: type, saturate: true)), [value], name)
            }
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [1, 3, 8, 8])))
            let half = try cast(x, .float16, "x16")
            let first = try editor.addConstant(weight([8, 3, 3, 3], "first"), name: "first")
            let second = try editor.addConstant(weight([8, 8, 3, 3], "second"), name: "second")
            let scale = try editor.addConstant(Tensor(repeating: 0.75, shape: [8], as: .float16), name: "scale")
            var value = try add(.convolution(Convolution(window: same, groups: 1)), [half, first], "conv1")
            value = try add(
                .batchNorm(BatchNorm(epsilon: 1e-3, momentum: 0.9, trainingMode: false)), [value, scale, scale, scale, scale], "norm")
            value = try cast(cast(value, .float32, "up"), .float16, "down")
            value = try add(.convolution(Convolution(window: same, groups: 1)), [value, second], "conv2")
            editor.setOutputs([try cast(value, .float32, "y")])
        }
        try withTemporaryFolder { (folder: URL) throws -> Void in
            try graph.write(onnx: folder.appendingPathComponent("half.onnx").path)
            let fold = try Command.run("fold", "half.onnx", "-o", "folded.onnx", in: folder)
            #expect(fold.output.contains("batch norm folded into the layer before it"))
            let convert = try Command.run(
                "convert", "folded.onnx", "--form", "depthwise", "--exact", "--scope", "all", "-o", "exact.onnx", in: folder)
            #expect(convert.output.contains("the same function"))
            for name in ["folded.onnx", "exact.onnx"] {
                #expect(try Command.run("check", name, in: folder).status == 0)
                let verify = try Command.run("verify", "half.onnx", name, "--rtol", "0.01", in: folder)
                #expect(verify.status == 0, "\(name): \(verify.output)")
            }
        }
    }

    /// The fixture's initializers, listed as inputs.
    @Test(arguments: [3, 4])
    func defaultsThatGoIntoOtherWeightsAreRemarked(irVersion: UInt8) throws {
        var graph = try Graph(onnx: Command.fixture)
        let listed = graph.inputs.map { graph[$0].name } + graph.values.filter { $0.constant != nil }.map(\.name)
        let model: [UInt8] = [0x08, irVersion, 0x42, 0x02, 0x10, UInt8(graph.opset)]
        try graph.edit { editor in
            editor.setEncoding(
                GraphEncoding(model: model, listedInputs: listed, initializerOrder: [], declarationOrder: [], externalByteCount: 0))
        }
        try withTemporaryFolder { (folder: URL) throws -> Void in
            try graph.write(onnx: folder.appendingPathComponent("listed.onnx").path)
            let fold = try Command.run("fold", "listed.onnx", "-o", "out.onnx", in: folder)
            #expect(fold.status == 0)
            #expect(fold.output.contains("overriding them no longer changes the whole model") == (irVersion >= 4))
            let warnings = try Command.run("fold", "listed.onnx", "-o", "out.onnx", "--json", in: folder).json()["warnings"] as? [String]
            #expect(warnings?.count == (irVersion >= 4 ? 1 : 0))
        }
    }
}
