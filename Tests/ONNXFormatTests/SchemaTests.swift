import Foundation
import Testing

@Suite("The ONNX schema")
struct SchemaTests {
    @Test("The committed C code is what protoc-c makes of the schema", arguments: ["onnx.pb-c.c", "include/onnx.pb-c.h"])
    func generatedCodeIsCurrent(file: String) throws {
        let committed = Tools.repository.appending(path: "Sources/COnnxSchema/\(file)")
        let fresh = try Tools.withTemporaryFolder { folder in
            try Tools.run(
                Tools.repository.appending(path: "scripts/generate-onnx-schema.sh").path, folder.path)
            return try Data(contentsOf: folder.appending(path: file))
        }
        #expect(fresh.count > 10_000)
        #expect(
            try Data(contentsOf: committed) == fresh,
            "\(file) is out of date: run scripts/generate-onnx-schema.sh and commit the result")
    }

    @Test("Everything in the installed onnx.proto is in the schema, with the same number and type")
    func agreesWithTheInstalledFormat() throws {
        let installed = try SchemaDescription(protoFile: URL(filePath: "/usr/include/onnx/onnx.proto")).facts
        let ours = try SchemaDescription(protoFile: Tools.repository.appending(path: "schemas/onnx.proto")).facts
        #expect(installed.count > 150)
        for (name, fact) in installed where name != Self.newestVersion {
            #expect(ours[name] == fact, "\(name)")
        }
        let additions = Set(ours.keys).subtracting(installed.keys)
        #expect(additions.subtracting(Self.additions).sorted() == [], "unlisted additions")
        #expect(Self.additions.subtracting(ours.keys).sorted() == [], "listed additions that the schema lacks")
    }

    @Test("The installed format's newest IR version has a name in the schema")
    func newestVersionIsCovered() throws {
        let installed = try SchemaDescription(protoFile: URL(filePath: "/usr/include/onnx/onnx.proto")).facts
        let ours = try SchemaDescription(protoFile: Tools.repository.appending(path: "schemas/onnx.proto")).facts
        let newest = try #require(installed[Self.newestVersion])
        #expect(ours.contains { $0.key.hasPrefix("Version.") && $0.value == newest })
    }

    /// This enum value moves with every release of the format.
    static let newestVersion = "Version.IR_VERSION"

    /// What the schema may have beyond the installed file: the additions of IR versions 9 to 14, the name of version 8,
    /// and the opaque type of ONNX's "ML" flavour.
    static let additions: Set<String> = {
        var names: Set<String> = [
            "Version.IR_VERSION_2021_7_30", "Version.IR_VERSION_2023_5_5",
            "Version.IR_VERSION_2024_3_25", "Version.IR_VERSION_2025_05_12", "Version.IR_VERSION_2025_08_26",
            "Version.IR_VERSION_2025_11_06", "TypeProto.opaque_type",
        ]
        let members = [
            "DeviceConfigurationProto": ["name", "num_devices", "device"],
            "IntIntListEntryProto": ["key", "value"],
            "NodeDeviceConfigurationProto": ["configuration_id", "sharding_spec", "pipeline_stage"],
            "ShardedDimProto": ["axis", "simple_sharding"],
            "ShardingSpecProto": ["tensor_name", "device", "index_to_device_group_map", "sharded_dim"],
            "SimpleShardedDimProto": ["dim_value", "dim_param", "num_shards"],
            "TypeProto.Opaque": ["domain", "name"],
        ]
        names.formUnion(members.keys)
        let newFields = [
            "FunctionProto": ["attribute_proto", "value_info", "overload", "metadata_props"],
            "GraphProto": ["metadata_props"],
            "ModelProto": ["configuration"],
            "NodeProto": ["overload", "metadata_props", "device_configurations"],
            "TensorProto": ["metadata_props"],
            "ValueInfoProto": ["metadata_props"],
        ]
        let newElementTypes = [
            "TensorProto.DataType": [
                "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "FLOAT8E8M0", "FLOAT4E2M1",
                "FLOAT6E2M3", "FLOAT6E3M2", "UINT4", "INT4", "UINT2", "INT2",
            ]
        ]
        for (scope, list) in Array(members) + Array(newFields) + Array(newElementTypes) {
            names.formUnion(list.map { "\(scope).\($0)" })
        }
        return names
    }()
}
