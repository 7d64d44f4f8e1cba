// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "Cleave",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Cleave", targets: ["Cleave"]),
        .executable(name: "cleave", targets: ["CleaveCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        // System libraries and C code.
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c",
            providers: [.apt(["libprotobuf-c-dev"]), .brew(["protobuf-c"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .systemLibrary(
            name: "CTurboJPEG", pkgConfig: "libturbojpeg",
            providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
        .systemLibrary(
            name: "CSpng", pkgConfig: "spng",
            providers: [.apt(["libspng-dev"]), .brew(["libspng"])]),
        .target(name: "CLAPACK", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "COnnxSchema", dependencies: ["CProtobufC"]),
        .target(
            name: "CLibONNX",
            cxxSettings: [.define("ONNX_ML"), .define("ONNX_NAMESPACE", to: "onnx")],
            linkerSettings: [.linkedLibrary("onnx"), .linkedLibrary("onnx_proto"), .linkedLibrary("protobuf")]),

        .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp", .when(platforms: [.linux]))]),
        .target(name: "CKernels", linkerSettings: [.linkedLibrary("gomp", .when(platforms: [.linux]))]),

        // The compiler, lowest module first: an import only ever points up this list.
        .target(name: "Tensors", dependencies: ["CZlib"]),
        .target(name: "GraphIR", dependencies: ["Tensors"]),
        .target(name: "ONNXFormat", dependencies: ["GraphIR", "COnnxSchema", "CProtobufC", "CLibONNX"]),
        .target(name: "Passes", dependencies: ["GraphIR", "CLAPACK"]),
        .target(name: "Autodiff", dependencies: ["GraphIR"]),
        .target(name: "Execution", dependencies: ["GraphIR"]),
        .target(name: "ReferenceBackend", dependencies: ["Execution"]),
        .target(
            name: "OneDNNBackend", dependencies: ["Execution", "ReferenceBackend", "COneDNN", "CKernels"]),
        .target(
            name: "Datasets", dependencies: ["Tensors", "GraphIR", "ONNXFormat", "CKernels", "CTurboJPEG", "CSpng", "CZlib"]),
        .target(name: "Verification", dependencies: ["Execution", "Datasets"]),
        .target(name: "Training", dependencies: ["Tensors"]),
        .target(name: "Benchmarking", dependencies: ["Verification"]),
        .target(name: "ModelZoo", dependencies: ["GraphIR"]),
        .target(name: "Reporting", dependencies: ["GraphIR", "Passes", "Verification", "ONNXFormat", "Datasets", "Benchmarking"]),
        .target(
            name: "Cleave",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Passes", "Execution", "ReferenceBackend", "OneDNNBackend",
                "Datasets", "Verification", "Benchmarking", "Training", "ModelZoo", "Reporting",
            ]),
        .executableTarget(
            name: "CleaveCommand",
            dependencies: ["Cleave", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        // Tests: one table of operator cases feeds every suite.
        .target(name: "OperatorCases", dependencies: ["GraphIR"], path: "Tests/OperatorCases"),
        .target(name: "ConformanceCases", dependencies: ["Execution", "ONNXFormat"], path: "Tests/ConformanceCases"),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
        .testTarget(name: "GraphIRTests", dependencies: ["GraphIR", "OperatorCases"]),
        .testTarget(
            name: "ONNXFormatTests",
            dependencies: ["ONNXFormat", "OperatorCases", "Datasets", "COnnxSchema", "CLibONNX"]),
        .testTarget(
            name: "AutodiffTests",
            dependencies: ["Autodiff", "ReferenceBackend", "OperatorCases", "ModelZoo", "ONNXFormat"]),
        .testTarget(name: "TrainingTests", dependencies: ["Training", "Autodiff", "ReferenceBackend"]),
        .testTarget(name: "PassesTests", dependencies: ["Passes", "ONNXFormat", "ReferenceBackend", "ModelZoo"]),
        .testTarget(
            name: "ReferenceBackendTests",
            dependencies: ["ReferenceBackend", "ONNXFormat", "OperatorCases", "ConformanceCases", "Datasets"]),
        .testTarget(name: "DatasetsTests", dependencies: ["Datasets"]),
        .testTarget(name: "ReportingTests", dependencies: ["Reporting", "Passes", "Verification"]),
        .testTarget(
            name: "OneDNNBackendTests",
            dependencies: [
                "OneDNNBackend", "ReferenceBackend", "ONNXFormat", "OperatorCases", "ConformanceCases", "ModelZoo", "Datasets",
                "AllocationCounter",
            ]),
        .testTarget(name: "VerificationTests", dependencies: ["Verification", "ReferenceBackend", "ModelZoo"]),
        .testTarget(name: "BenchmarkingTests", dependencies: ["Benchmarking"]),
        .testTarget(name: "ModelZooTests", dependencies: ["ModelZoo", "ReferenceBackend"]),
        .testTarget(name: "CleaveTests", dependencies: ["Cleave"]),
        .testTarget(name: "WitnessTests", dependencies: ["Cleave"]),
        .testTarget(name: "CommandTests", dependencies: ["CleaveCommand", "Cleave"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
