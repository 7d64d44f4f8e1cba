// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Cleave", path: "..")],
    targets: [
        .executableTarget(name: "ModelFiles", dependencies: [.product(name: "Cleave", package: "Cleave")]),
    ],
    swiftLanguageModes: [.v6]
)
