// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "Cleave", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        .executableTarget(name: "ModelFiles", dependencies: [.product(name: "Cleave", package: "Cleave")]),
        .executableTarget(
            name: "Microbenchmarks",
            dependencies: [
                .product(name: "Cleave", package: "Cleave"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "TrainingSteps",
            dependencies: [
                .product(name: "Cleave", package: "Cleave"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
