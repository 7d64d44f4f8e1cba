// swift-tools-version: 6.1
import PackageDescription

/// What `import Cleave` gives.
let modules: [Target.Dependency] = [
    "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Passes", "Execution", "ReferenceBackend", "OneDNNBackend",
    "Datasets", "Verification", "Quantization", "Benchmarking", "Training", "ModelZoo", "Compilation", "Study", "Reporting",
]

// A target names every module whose types it sees, not only those that it imports: the package manager compiles a target again
// when a module that it names has changed, and what was compiled against an older layout of a type crashes.
let package = Package(
    name: "Cleave",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Cleave", targets: ["Cleave"]),
        .executable(name: "cleave", targets: ["CleaveCommand"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
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
        .target(name: "ONNXFormat", dependencies: ["Tensors", "GraphIR", "COnnxSchema", "CProtobufC", "CLibONNX"]),
        .target(name: "Passes", dependencies: ["Tensors", "GraphIR", "CLAPACK"]),
        .target(name: "Autodiff", dependencies: ["Tensors", "GraphIR"]),
        .target(name: "Execution", dependencies: ["Tensors", "GraphIR"]),
        .target(name: "ReferenceBackend", dependencies: ["Tensors", "GraphIR", "Execution"]),
        .target(
            name: "OneDNNBackend", dependencies: ["Tensors", "GraphIR", "Execution", "ReferenceBackend", "COneDNN", "CKernels"]),
        .target(
            name: "Datasets", dependencies: ["Tensors", "GraphIR", "ONNXFormat", "CKernels", "CTurboJPEG", "CSpng", "CZlib"]),
        .target(
            name: "Verification", dependencies: ["Tensors", "GraphIR", "ONNXFormat", "Passes", "Execution", "Datasets"]),
        .target(name: "Quantization", dependencies: ["Tensors", "GraphIR", "Passes", "Execution", "CKernels"]),
        .target(
            name: "Training",
            dependencies: ["Tensors", "GraphIR", "ONNXFormat", "Passes", "Autodiff", "Execution", "Datasets", "Quantization"]),
        .target(
            name: "Benchmarking",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Execution", "Datasets", "Verification",
            ]),
        .target(name: "ModelZoo", dependencies: ["Tensors", "GraphIR"]),
        .target(
            name: "Compilation",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Passes", "Execution", "ReferenceBackend", "OneDNNBackend", "Datasets",
                "Quantization",
            ]),
        .target(
            name: "Study",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Passes", "Execution", "Datasets", "Verification", "Quantization",
                "Benchmarking", "Training", "ModelZoo", "Compilation", .product(name: "Yams", package: "Yams"),
            ]),
        .target(
            name: "Reporting",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Passes", "Execution", "Datasets", "Verification", "Benchmarking",
                "Training", "Quantization", "ModelZoo", "Compilation", "Study",
            ]),
        .target(
            name: "Cleave",
            dependencies: modules),
        .executableTarget(
            name: "CleaveCommand",
            dependencies: modules + ["Cleave", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        // Tests: one table of operator cases feeds every suite.
        .target(name: "OperatorCases", dependencies: ["Tensors", "GraphIR"], path: "Tests/OperatorCases"),
        .target(
            name: "ConformanceCases",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Execution",
            ], path: "Tests/ConformanceCases"),
        .target(name: "TrainingCases", dependencies: ["Tensors", "GraphIR"], path: "Tests/TrainingCases"),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "CZlib"]),
        .testTarget(name: "GraphIRTests", dependencies: ["Tensors", "GraphIR", "OperatorCases"]),
        .testTarget(
            name: "ONNXFormatTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Datasets", "OperatorCases", "COnnxSchema", "CLibONNX", "CProtobufC",
            ]),
        .testTarget(
            name: "AutodiffTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Execution", "ReferenceBackend", "ModelZoo", "OperatorCases",
            ]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Passes", "Autodiff", "Execution", "ReferenceBackend", "OneDNNBackend", "Datasets",
                "ModelZoo", "Quantization", "Training", "TrainingCases",
            ]),
        .testTarget(
            name: "PassesTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Passes", "Execution", "ReferenceBackend", "ModelZoo",
            ]),
        .testTarget(
            name: "QuantizationTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Passes", "Execution", "ReferenceBackend", "OneDNNBackend", "Datasets", "Verification",
                "Quantization", "ModelZoo", "CKernels",
            ]),
        .testTarget(
            name: "ReferenceBackendTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Execution", "ReferenceBackend", "Datasets", "OperatorCases",
                "ConformanceCases",
            ]),
        .testTarget(name: "DatasetsTests", dependencies: ["Tensors", "GraphIR", "ONNXFormat", "Datasets", "CKernels"]),
        .testTarget(
            name: "ReportingTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Passes", "Execution", "Datasets", "Verification", "Benchmarking",
                "Quantization", "Training", "ModelZoo", "Compilation", "Study", "Reporting",
            ]),
        .testTarget(
            name: "StudyTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Autodiff", "Passes", "Execution", "OneDNNBackend", "Datasets", "Verification",
                "Quantization", "Benchmarking", "Training", "ModelZoo", "Compilation", "Study", "Reporting", "TrainingCases",
            ]),
        .testTarget(
            name: "OneDNNBackendTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Execution", "ReferenceBackend", "OneDNNBackend", "Datasets", "ModelZoo",
                "OperatorCases", "ConformanceCases", "AllocationCounter",
            ]),
        .testTarget(
            name: "VerificationTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Execution", "ReferenceBackend", "Datasets", "Verification", "ModelZoo",
            ]),
        .testTarget(
            name: "BenchmarkingTests",
            dependencies: [
                "Tensors", "GraphIR", "ONNXFormat", "Execution", "Datasets", "Verification", "Benchmarking",
            ]),
        .testTarget(name: "ModelZooTests", dependencies: ["Tensors", "GraphIR", "Execution", "ReferenceBackend", "ModelZoo"]),
        .testTarget(name: "CleaveTests", dependencies: modules + ["Cleave"]),
        .testTarget(name: "WitnessTests", dependencies: modules + ["Cleave"]),
        .testTarget(name: "CommandTests", dependencies: modules + ["Cleave", "CleaveCommand", "TrainingCases"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
