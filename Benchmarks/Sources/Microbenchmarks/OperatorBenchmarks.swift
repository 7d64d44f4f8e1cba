import Cleave

/// Single operators on the default backend, in sizes that networks for images have.
func operatorBenchmarks(threads: Int?) -> [Microbenchmark] {
    convolutions(threads) + layers(threads) + elementwise(threads) + movements(threads)
}

/// One operator on an input of the given shape, compiled beforehand.
private func benchmark(
    _ name: String, _ shape: [Int], _ threads: Int?, _ body: @escaping (inout GraphSketch, ValueID) throws -> ValueID
) -> Microbenchmark {
    Microbenchmark("operator/\(name), \(shape.map(String.init).joined(separator: "×"))") {
        let graph = try GraphSketch.graph { sketch in
            let input = try sketch.input(shape)
            return [try body(&sketch, input)]
        }
        let inputs = try randomInputs(for: graph, shapes: InputShapes(), seed: 1, index: 0)
        let session = try OneDNNBackend(threads: threads).prepare(graph, inputShapes: [:]).makeSession()
        return { _ = try session.run(inputs) }
    }
}

private func convolutions(_ threads: Int?) -> [Microbenchmark] {
    [
        benchmark("conv 7x7 stride 2, 64 filters", [1, 3, 224, 224], threads) { try $0.convolution($1, [64, 3, 7, 7], stride: 2) },
        benchmark("conv 1x1, 256 filters", [1, 64, 56, 56], threads) { try $0.convolution($1, [256, 64, 1, 1]) },
        benchmark("conv 1x1, 512 filters", [1, 2048, 7, 7], threads) { try $0.convolution($1, [512, 2048, 1, 1]) },
        benchmark("conv 1x1 stride 2, 512 filters", [1, 256, 56, 56], threads) { try $0.convolution($1, [512, 256, 1, 1], stride: 2) },
        benchmark("conv 3x3, 64 filters", [1, 64, 56, 56], threads) { try $0.convolution($1, [64, 64, 3, 3]) },
        benchmark("conv 3x3, 512 filters", [1, 512, 7, 7], threads) { try $0.convolution($1, [512, 512, 3, 3]) },
        benchmark("conv 3x3 stride 2, 128 filters", [1, 128, 56, 56], threads) { try $0.convolution($1, [128, 128, 3, 3], stride: 2) },
        benchmark("conv 3x3, 64 filters", [32, 64, 8, 8], threads) { try $0.convolution($1, [64, 64, 3, 3]) },
        benchmark("conv 3x3 dilation 2, 256 filters", [1, 256, 14, 14], threads) { try $0.convolution($1, [256, 256, 3, 3], dilation: 2) },
        benchmark("conv 3x1, 128 filters", [1, 128, 28, 28], threads) { try $0.convolution($1, [128, 128, 3, 1]) },
        benchmark("conv 1x3, 128 filters", [1, 128, 28, 28], threads) { try $0.convolution($1, [128, 128, 1, 3]) },
        benchmark("conv 3x3 depthwise", [1, 128, 56, 56], threads) { try $0.convolution($1, [128, 1, 3, 3], groups: 128) },
        benchmark("conv 3x3 depthwise stride 2", [1, 128, 56, 56], threads) {
            try $0.convolution($1, [128, 1, 3, 3], stride: 2, groups: 128)
        },
        benchmark("conv 3x3 in 32 groups", [1, 128, 56, 56], threads) { try $0.convolution($1, [128, 4, 3, 3], groups: 32) },
        benchmark("conv 3, 64 filters", [1, 64, 1024], threads) { try $0.convolution($1, [64, 64, 3]) },
        benchmark("conv 3x3x3, 32 filters", [1, 16, 16, 28, 28], threads) { try $0.convolution($1, [32, 16, 3, 3, 3]) },
        benchmark("transposed conv 2x2 stride 2, 64 filters", [1, 128, 28, 28], threads) { sketch, input in
            let window = Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: []))
            let operation = ConvolutionTranspose(window: window, groups: 1, outputPadding: [], outputShape: nil)
            return try sketch.node(.convolutionTranspose(operation), input, sketch.weight([128, 64, 2, 2]))
        },
    ]
}

private func layers(_ threads: Int?) -> [Microbenchmark] {
    func pool(stride: Int, kernel: Int, pad: Int) -> Window {
        Window(
            kernel: [kernel, kernel], strides: [stride, stride], dilations: [],
            padding: .explicit(begin: [pad, pad], end: [pad, pad]))
    }
    return [
        benchmark("gemm, 1000 classes", [1, 2048], threads) { sketch, input in
            let operation = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
            return try sketch.node(.gemm(operation), input, sketch.weight([1000, 2048]), sketch.weight([1000]))
        },
        benchmark("gemm, 1000 classes", [32, 2048], threads) { sketch, input in
            let operation = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
            return try sketch.node(.gemm(operation), input, sketch.weight([1000, 2048]), sketch.weight([1000]))
        },
        benchmark("matmul with 64 columns", [8, 196, 64], threads) { sketch, input in
            try sketch.node(.matMul(MatMul()), input, sketch.weight([64, 64]))
        },
        benchmark("max pool 3x3 stride 2", [1, 64, 112, 112], threads) {
            try $0.node(.maxPool(MaxPool(window: pool(stride: 2, kernel: 3, pad: 1), ceilMode: false, columnMajorIndices: false)), $1)
        },
        benchmark("average pool 2x2 stride 2", [1, 128, 56, 56], threads) {
            try $0.node(.averagePool(AveragePool(window: pool(stride: 2, kernel: 2, pad: 0), ceilMode: false, countIncludePad: false)), $1)
        },
        benchmark("global average pool", [1, 2048, 7, 7], threads) { try $0.node(.globalPool(GlobalPool(function: .average)), $1) },
        benchmark("batch norm", [1, 256, 56, 56], threads) { try $0.batchNorm($1, channels: 256) },
        benchmark("instance norm", [1, 64, 56, 56], threads) { sketch, input in
            try sketch.node(.instanceNorm(InstanceNorm(epsilon: 1e-5)), input, sketch.weight([64]), sketch.weight([64]))
        },
        benchmark("layer norm", [1, 196, 384], threads) { sketch, input in
            try sketch.node(.layerNorm(LayerNorm(axis: -1, epsilon: 1e-5, stashType: 1)), input, sketch.weight([384]), sketch.weight([384]))
        },
        benchmark("local response norm", [1, 96, 27, 27], threads) {
            try $0.node(.localResponseNorm(LocalResponseNorm(size: 5, alpha: 1e-4, beta: 0.75, bias: 1)), $1)
        },
        benchmark("softmax", [32, 1000], threads) { try $0.node(.softmax(Softmax(function: .softmax, axis: -1, flattens: false)), $1) },
        benchmark("reduce mean over pixels", [1, 512, 14, 14], threads) {
            let operation = Reduction(function: .mean, axes: [2, 3], keepDimensions: true, keepsInputWithoutAxes: false)
            return try $0.node(.reduction(operation), $1)
        },
    ]
}

private func elementwise(_ threads: Int?) -> [Microbenchmark] {
    let shape = [1, 256, 56, 56]
    return [
        benchmark("add", shape, threads) { sketch, input in
            try sketch.node(.binary(Binary(function: .add, broadcastAxis: .numpy)), input, sketch.weight([1, 256, 56, 56]))
        },
        benchmark("mul per channel", shape, threads) { sketch, input in
            try sketch.node(.binary(Binary(function: .mul, broadcastAxis: .numpy)), input, sketch.weight([256, 1, 1]))
        },
        benchmark("relu", shape, threads) { try $0.relu($1) },
        benchmark("hard sigmoid", shape, threads) { try $0.node(.activation(.init(function: .hardSigmoid(alpha: 0.2, beta: 0.5))), $1) },
        benchmark("sigmoid", shape, threads) { try $0.node(.activation(.init(function: .sigmoid)), $1) },
        benchmark("gelu", shape, threads) { try $0.node(.activation(.init(function: .gelu(tanhApproximation: false))), $1) },
    ]
}

private func movements(_ threads: Int?) -> [Microbenchmark] {
    [
        benchmark("resize linear by 2", [1, 64, 56, 56], threads) { sketch, input in
            let operation = Resize(
                mode: .linear, coordinates: .halfPixel, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75, excludeOutside: false,
                extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
            let scales = try sketch.constant(Tensor([1, 1, 2, 2] as [Float], shape: [4]))
            return try sketch.node(.resize(operation), input, nil, scales)
        },
        benchmark("resize nearest by 2", [1, 64, 56, 56], threads) { sketch, input in
            let operation = Resize(
                mode: .nearest, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
                extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
            let scales = try sketch.constant(Tensor([1, 1, 2, 2] as [Float], shape: [4]))
            return try sketch.node(.resize(operation), input, nil, scales)
        },
        benchmark("transpose to channels last", [1, 256, 56, 56], threads) {
            try $0.node(.transpose(Transpose(permutation: [0, 2, 3, 1])), $1)
        },
        benchmark("concat of channels", [1, 128, 56, 56], threads) { sketch, input in
            try sketch.node(.concat(Concat(axis: 1)), input, sketch.weight([1, 128, 56, 56]))
        },
        benchmark("pad by 1", [1, 64, 112, 112], threads) { sketch, input in
            let pads = try sketch.constant(Tensor([0, 0, 1, 1, 0, 0, 1, 1] as [Int64], shape: [8]))
            return try sketch.node(.pad(Pad(mode: .constant, pads: nil, value: 0)), input, pads)
        },
        benchmark("slice every second pixel", [1, 256, 56, 56], threads) { sketch, input in
            func list(_ values: [Int64]) throws -> ValueID { try sketch.constant(Tensor(values, shape: [2])) }
            let starts = try list([0, 0]), ends = try list([56, 56]), axes = try list([2, 3]), steps = try list([2, 2])
            return try sketch.node(.slice(StridedSlice(bounds: nil)), input, starts, ends, axes, steps)
        },
    ]
}
