import COnnxSchema
import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("External data")
struct ExternalDataTests {
    private func bias(_ seed: Int) throws -> Tensor { try Tensor((0..<600).map { Float($0 + seed) }, shape: [600]) }

    /// y = x + w, with w's elements in another file.
    private func model(_ entries: [(String, String)]) -> TestModel {
        let model = TestModel()
        model.input("x", [600])
        let initializer = model.initializer("w", Tensor(vector: [Float](repeating: 0, count: 600)))
        initializer.pointee.has_raw_data = 0
        initializer.pointee.has_data_location = 1
        initializer.pointee.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL
        initializer.pointee.n_external_data = entries.count
        initializer.pointee.external_data = model.arena.list(entries.map { model.entry($0.0, $0.1) })
        model.node("Add", ["x", "w"], ["y"])
        model.output("y", [600])
        return model
    }

    /// Writes the model beside a data file of ten bytes and then the tensor, and reads it.
    private func read(
        _ entries: [(String, String)], dataFile: String = "weights.bin", prepare: (URL) throws -> Void = { _ in }
    ) throws -> Graph {
        try Tools.withTemporaryFolder { outer in
            let folder = outer.appending(path: "model")
            try FileManager.default.createDirectory(at: folder.appending(path: "sub"), withIntermediateDirectories: true)
            var data = Data(count: 10)
            try bias(0).withUnsafeBytes { data.append(contentsOf: $0) }
            try data.write(to: folder.appending(path: dataFile))
            try data.write(to: outer.appending(path: "outside.bin"))
            try prepare(folder)
            try Data(model(entries).bytes).write(to: folder.appending(path: "m.onnx"))
            return try Graph(onnx: folder.appending(path: "m.onnx").path)
        }
    }

    private func problem(_ entries: [(String, String)], prepare: (URL) throws -> Void = { _ in }) -> String {
        do {
            _ = try read(entries, prepare: prepare)
            return "none"
        } catch { return (error as? CleaveError)?.problem ?? "\(error)" }
    }

    @Test("Offset and length choose bytes of a file in the model's folder")
    func reads() throws {
        let expected = try bias(0)
        let range = [("offset", "10"), ("length", "2400")]
        #expect(try read([("location", "weights.bin")] + range).value(named: "w")?.constant == expected)
        #expect(try read([("location", "weights.bin")] + range).encoding?.externalByteCount == 2410)
        #expect(try read([("location", "weights.bin"), ("offset", "10")]).value(named: "w")?.constant == expected)
        #expect(
            try read([("location", "sub/w"), ("checksum", "da39a3ee")] + range, dataFile: "sub/w").value(named: "w")?.constant == expected)
        #expect(try read([("location", "./weights.bin")] + range).value(named: "w")?.constant == expected)
    }

    @Test("Files outside of the model's folder are refused")
    func refuses() throws {
        let range = [("offset", "10"), ("length", "2400")]
        #expect(problem([("location", "../outside.bin")] + range).contains("leaves the folder"))
        #expect(problem([("location", "sub/../../outside.bin")] + range).contains("leaves the folder"))
        #expect(problem([("location", "/etc/passwd")] + range).contains("is absolute"))
        let link: (URL) throws -> Void = { folder in
            try FileManager.default.createSymbolicLink(
                at: folder.appending(path: "link.bin"),
                withDestinationURL: folder.deletingLastPathComponent().appending(path: "outside.bin"))
            try FileManager.default.createSymbolicLink(
                at: folder.appending(path: "door"), withDestinationURL: folder.deletingLastPathComponent())
        }
        #expect(problem([("location", "link.bin")] + range, prepare: link).contains("is a link to elsewhere"))
        #expect(problem([("location", "door/outside.bin")] + range, prepare: link).contains("is a link to elsewhere"))
        let inner: (URL) throws -> Void = { folder in
            try FileManager.default.createSymbolicLink(
                at: folder.appending(path: "inner.bin"), withDestinationURL: folder.appending(path: "weights.bin"))
        }
        #expect(problem([("location", "inner.bin")] + range, prepare: inner) == "none")
    }

    @Test("Hard links are refused, as the file may be one from elsewhere")
    func hardLinks() {
        let range = [("location", "hard.bin"), ("offset", "10"), ("length", "2400")]
        let problem = problem(range) { folder in
            try FileManager.default.linkItem(
                at: folder.deletingLastPathComponent().appending(path: "outside.bin"), to: folder.appending(path: "hard.bin"))
        }
        #expect(problem.contains("has hard links"))
    }

    /// As caches of downloads have it: names in one folder, files in another.
    @Test("A model and its data may both be links to files that lie together")
    func linkedTogether() throws {
        try Tools.withTemporaryFolder { outer in
            let (names, files) = (outer.appending(path: "names"), outer.appending(path: "files"))
            for folder in [names, files] { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
            try bias(4).withUnsafeBytes { try Data($0).write(to: files.appending(path: "2b")) }
            try Data(model([("location", "w.bin")]).bytes).write(to: files.appending(path: "1a"))
            for (name, file) in [("m.onnx", "1a"), ("w.bin", "2b")] {
                try FileManager.default.createSymbolicLink(
                    at: names.appending(path: name), withDestinationURL: files.appending(path: file))
            }
            let expected = try bias(4)
            #expect(try Graph(onnx: names.appending(path: "m.onnx").path).value(named: "w")?.constant == expected)
            // A model that is a file itself must have its data beside it.
            try Data(model([("location", "w.bin")]).bytes).write(to: names.appending(path: "own.onnx"))
            let error = #expect(throws: CleaveError.self) { try Graph(onnx: names.appending(path: "own.onnx").path) }
            #expect(error?.problem.contains("is a link to elsewhere") == true)
        }
    }

    @Test("What is wrong with the data is wrong with the model, which the error names")
    func kinds() throws {
        for location in ["missing.bin", "../outside.bin", "/etc/passwd", "sub"] {
            let error = #expect(throws: CleaveError.self) { try read([("location", location)]) }
            #expect(error?.kind == .malformedTensor)
            #expect(error?.location.file?.hasSuffix("/m.onnx") == true)
            #expect(error?.suggestion?.contains("model's folder") == true)
        }
    }

    @Test("Ranges that the file does not have are refused")
    func ranges() {
        let location = ("location", "weights.bin")
        #expect(problem([location, ("offset", "11"), ("length", "2400")]).contains("which has 2410"))
        #expect(problem([location, ("offset", "9000000000"), ("length", "2400")]).contains("which has 2410"))
        #expect(problem([location, ("offset", "\(Int.max)")]).contains("which has 2410"))
        #expect(problem([location, ("length", "2399")]) == "shape [600] of float32 needs 2400 bytes, but the external data has 2399")
        #expect(problem([location, ("offset", "-1")]) == "the external data's offset is '-1', expected a number of bytes")
        #expect(problem([location, ("length", "many")]) == "the external data's length is 'many', expected a number of bytes")
        #expect(problem([]) == "the external data has no location, expected a file name")
        #expect(problem([("location", "missing.bin")]) == "the external data 'missing.bin': cannot open: no such file or directory")
        #expect(problem([("location", "sub")]) == "the external data 'sub': not a regular file")
    }

    @Test("A model in memory has no folder unless it is named")
    func bytes() throws {
        let bytes = model([("location", "weights.bin")]).bytes
        let error = #expect(throws: CleaveError.self) { _ = try Graph(onnxBytes: bytes) }
        #expect(error?.problem.contains("in no folder") == true)
    }

    @Test(
        "A model named without a folder has its data in the current one",
        .enabled(if: FileManager.default.fileExists(atPath: "Package.swift"), "the tests do not run in the repository"))
    func currentFolder() throws {
        let graph = try Graph(onnxBytes: model([("location", "Package.swift"), ("length", "2400")]).bytes, externalDataFolder: "")
        let bytes = try #require(graph.value(named: "w")?.constant).withUnsafeBytes { Array($0) }
        #expect(try bytes == Array(Data(contentsOf: URL(filePath: "Package.swift")).prefix(2400)))
    }

    // MARK: Writing

    private func graph() throws -> Graph {
        let model = TestModel()
        model.input("x", [600])
        model.initializer("one", try bias(1))
        model.initializer("small", Tensor(scalar: Float(2)))
        model.initializer("two", try bias(2))
        model.node("Add", ["x", "one"], ["a"])
        model.node("Add", ["a", "two"], ["b"])
        model.node("Mul", ["b", "small"], ["y"])
        model.output("y", [600])
        return try model.imported()
    }

    @Test("Weights go to a file beside the model when asked, or when the model would be too large")
    func writes() throws {
        let graph = try graph()
        for options in [ONNXWriteOptions(externalData: .always), ONNXWriteOptions(sizeLimit: 4000)] {
            try Tools.withTemporaryFolder { folder in
                let path = folder.appending(path: "big.onnx").path
                let result = try graph.write(onnx: path, options: options)
                #expect(result.externalData?.path == path + ".data")
                let data = try Data(contentsOf: URL(filePath: path + ".data"))
                #expect(data.count == 4096 + 2400)
                #expect(result.externalData?.size == data.count)
                #expect(try Data(contentsOf: URL(filePath: path)).count == result.modelSize)
                #expect(result.modelSize < 1000)
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["big.onnx", "big.onnx.data"])
                let again = try Graph(onnx: path)
                for name in ["one", "small", "two"] {
                    #expect(again.value(named: name)?.constant == graph.value(named: name)?.constant, "\(name)")
                }
                #expect(try again.onnxBytes() == graph.onnxBytes())
            }
        }
    }

    @Test("Writing over the files that a graph is read from keeps its weights")
    func overwrites() throws {
        try Tools.withTemporaryFolder { folder in
            let path = folder.appending(path: "big.onnx").path
            let original = try graph()
            try original.write(onnx: path, options: ONNXWriteOptions(externalData: .always))
            let mapped = try Graph(onnx: path)
            try mapped.write(onnx: path, options: ONNXWriteOptions(externalData: .always))
            #expect(try Graph(onnx: path).onnxBytes() == original.onnxBytes())
        }
    }

    /// The files of a folder, by name.
    private func files(in folder: URL) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            files[name] = try Data(contentsOf: folder.appending(path: name))
        }
        return files
    }

    @Test("A writer that is killed between any two steps leaves the old model or the new one")
    func killed() throws {
        let old = try graph()
        var new = old
        let one = try #require(new.value(named: "one")).id
        try new.edit { $0.setConstant(one, to: try bias(7)) }
        let wanted = [try old.onnxBytes(), try new.onnxBytes()]
        for (before, after) in [(true, true), (true, false), (false, true)] {
            try Tools.withTemporaryFolder { folder in
                let path = folder.appending(path: "big.onnx").path
                func options(_ external: Bool) -> ONNXWriteOptions { ONNXWriteOptions(externalData: external ? .always : .never) }
                try old.write(onnx: path, options: options(before))
                var left: [[String: Data]] = [try files(in: folder)]
                _ = try ModelWriter(new, path: path, options: options(after)) { left.append(try files(in: folder)) }.write()
                #expect(left.count == 2 + (before ? 1 : 0) + (after ? 1 : 0))
                for snapshot in left {
                    try Tools.withTemporaryFolder { other in
                        for (name, data) in snapshot { try data.write(to: other.appending(path: name)) }
                        let bytes = try Graph(onnx: other.appending(path: "big.onnx").path).onnxBytes()
                        #expect(wanted.contains(bytes))
                    }
                }
                #expect(try Graph(onnx: path).onnxBytes() == wanted[1])
                #expect(try files(in: folder).count == (after ? 2 : 1))
            }
        }
    }

    @Test("Names of data files alternate, and a file that another model uses stays")
    func names() throws {
        try Tools.withTemporaryFolder { folder in
            let path = folder.appending(path: "big.onnx").path
            let graph = try graph()
            func write() throws -> String? { try graph.write(onnx: path, options: ONNXWriteOptions(externalData: .always)).dataPath }
            #expect(try write() == path + ".data")
            #expect(try write() == path + ".data.1")
            #expect(try write() == path + ".data")
            try FileManager.default.copyItem(atPath: path, toPath: folder.appending(path: "copy.onnx").path)
            #expect(try write() == path + ".data.1")
            #expect(try files(in: folder).keys.sorted() == ["big.onnx", "big.onnx.data", "big.onnx.data.1", "copy.onnx"])
            #expect(try Graph(onnx: folder.appending(path: "copy.onnx").path).onnxBytes() == graph.onnxBytes())
        }
    }

    @Test("A file in the way that no model uses is replaced")
    func leftovers() throws {
        try Tools.withTemporaryFolder { folder in
            let path = folder.appending(path: "big.onnx").path
            try Data("left over".utf8).write(to: URL(filePath: path + ".data"))
            #expect(try graph().write(onnx: path, options: ONNXWriteOptions(externalData: .always)).dataPath == path + ".data")
            #expect(try files(in: folder).count == 2)
        }
    }

    @Test("Nothing is written when a model cannot be")
    func tooLarge() throws {
        try Tools.withTemporaryFolder { folder in
            let path = folder.appending(path: "big.onnx").path
            let graph = try graph()
            let error = #expect(throws: CleaveError.self) {
                try graph.write(onnx: path, options: ONNXWriteOptions(externalData: .never, sizeLimit: 4000))
            }
            #expect(error?.suggestion == "write the weights as external data")
            #expect(throws: CleaveError.self) { try graph.write(onnx: path, options: ONNXWriteOptions(sizeLimit: 10)) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }
    }

    @Test("External data of subgraphs moves into the model, which may go to another folder")
    func subgraphs() throws {
        let model = TestModel()
        model.input("x", [600])
        let branch = self.model([("location", "weights.bin"), ("offset", "10")])
        model.keep(branch)
        branch.graph.pointee.n_input = 0
        let node = model.node("Chooser", ["x"], ["y"], domain: "custom")
        let attribute = model.arena.make(Onnx__AttributeProto.self)
        attribute.pointee.name = model.arena.string("body")
        attribute.pointee.has_type = 1
        attribute.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
        attribute.pointee.g = branch.graph
        model.append(attribute, &node.pointee.attribute, &node.pointee.n_attribute)
        model.output("y", nil)
        let exported = try Tools.withTemporaryFolder { folder in
            var data = Data(count: 10)
            try bias(3).withUnsafeBytes { data.append(contentsOf: $0) }
            try data.write(to: folder.appending(path: "weights.bin"))
            return try Graph(onnxBytes: model.bytes, externalDataFolder: folder.path).onnxBytes()
        }
        let wanted = try bias(3).withUnsafeBytes { Array($0) }
        #expect(exported.firstRange(of: wanted) != nil)
        #expect(try Graph(onnxBytes: exported).nodes.map(\.captures.count) == [1])
    }
}
