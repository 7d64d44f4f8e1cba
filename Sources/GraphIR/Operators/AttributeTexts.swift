import Tensors

/// An attribute as text dumps show it: ONNX's name, and a value that says all of it.
public struct AttributeText: Hashable, Sendable {
    public var name: String
    public var value: String

    /// `nil`, an attribute that is not given, makes no text.
    fileprivate init?<Value>(_ name: String, _ value: Value?) {
        guard let value else { return nil }
        self.name = name
        self.value = "\(value)"
    }
}

extension Operator {
    /// The attributes that tell two operators of the same name apart, in a fixed order.
    public var attributeTexts: [AttributeText] { attributes.compactMap { $0 } }

    private var attributes: [AttributeText?] {
        switch self {
        case .convolution(let payload): [.init("group", payload.groups)] + payload.window.texts
        case .convolutionTranspose(let payload):
            [.init("group", payload.groups)] + payload.window.texts + [
                .init("output_padding", payload.outputPadding.isEmpty ? nil : payload.outputPadding),
                .init("output_shape", payload.outputShape),
            ]
        case .convInteger(let payload): [.init("group", payload.groups)] + payload.window.texts
        case .qLinearConv(let payload): [.init("group", payload.groups)] + payload.window.texts
        case .averagePool(let payload):
            payload.window.texts + [.init("ceil_mode", payload.ceilMode), .init("count_include_pad", payload.countIncludePad)]
        case .maxPool(let payload):
            payload.window.texts + [.init("ceil_mode", payload.ceilMode), .init("storage_order", payload.columnMajorIndices ? 1 : 0)]
        case .lpPool(let payload): payload.window.texts + [.init("ceil_mode", payload.ceilMode), .init("p", payload.p)]
        case .globalPool(let payload):
            switch payload.function {
            case .average, .max: []
            case .lp(let p): [.init("p", p)]
            }
        case .maxUnpool(let payload): payload.window.texts
        case .roiAlign(let payload):
            [
                .init("mode", payload.mode.rawValue), .init("output_height", payload.outputHeight),
                .init("output_width", payload.outputWidth),
                .init("sampling_ratio", payload.samplingRatio), .init("spatial_scale", payload.spatialScale),
                .init("half_pixel", payload.halfPixel),
            ]
        case .batchNorm(let payload):
            [.init("epsilon", payload.epsilon), .init("momentum", payload.momentum), .init("training_mode", payload.trainingMode)]
        case .instanceNorm(let payload): [.init("epsilon", payload.epsilon)]
        case .layerNorm(let payload):
            [.init("axis", payload.axis), .init("epsilon", payload.epsilon), .init("stash_type", payload.stashType)]
        case .groupNorm(let payload):
            [
                .init("num_groups", payload.groups), .init("epsilon", payload.epsilon), .init("stash_type", payload.stashType),
                .init("affine_per_group", payload.affinePerGroup),
            ]
        case .rmsNorm(let payload):
            [.init("axis", payload.axis), .init("epsilon", payload.epsilon), .init("stash_type", payload.stashType)]
        case .localResponseNorm(let payload):
            [.init("size", payload.size), .init("alpha", payload.alpha), .init("beta", payload.beta), .init("bias", payload.bias)]
        case .lpNorm(let payload): [.init("axis", payload.axis), .init("p", payload.p)]
        case .meanVarianceNorm(let payload): [.init("axes", payload.axes)]
        case .gemm(let payload):
            [
                .init("alpha", payload.alpha), .init("beta", payload.beta), .init("transA", payload.transposeA),
                .init("transB", payload.transposeB), .init("broadcast", payload.broadcastsLegacy ? true : nil),
            ]
        case .einsum(let payload): [.init("equation", "\"\(payload.equation)\"")]
        case .isInfinite(let payload):
            [.init("detect_negative", payload.detectsNegative), .init("detect_positive", payload.detectsPositive)]
        case .binary(let payload): payload.texts
        case .clip(let payload): [.init("min", payload.minimum), .init("max", payload.maximum)]
        case .cast(let payload): [.init("to", payload.to), .init("saturate", payload.saturate)]
        case .castLike(let payload): [.init("saturate", payload.saturate)]
        case .activation(let payload): payload.function.texts
        case .softmax(let payload): [.init("axis", payload.axis), .init("flattens", payload.flattens)]
        case .reduction(let payload):
            [
                .init("axes", payload.axes), .init("keepdims", payload.keepDimensions),
                .init("noop_with_empty_axes", payload.keepsInputWithoutAxes),
            ]
        case .argReduction(let payload):
            [
                .init("axis", payload.axis), .init("keepdims", payload.keepDimensions),
                .init("select_last_index", payload.selectsLastIndex),
            ]
        case .cumulativeSum(let payload): [.init("exclusive", payload.exclusive), .init("reverse", payload.reverse)]
        case .topK(let payload):
            [.init("axis", payload.axis), .init("largest", payload.largest), .init("sorted", payload.sorted), .init("k", payload.k)]
        case .gather(let payload): [.init("axis", payload.axis)]
        case .gatherElements(let payload): [.init("axis", payload.axis)]
        case .gatherND(let payload): [.init("batch_dims", payload.batchDimensions)]
        case .scatterElements(let payload): [.init("axis", payload.axis), .init("reduction", payload.reduction.rawValue)]
        case .scatterND(let payload): [.init("reduction", payload.reduction.rawValue)]
        case .oneHot(let payload): [.init("axis", payload.axis)]
        case .compress(let payload): [.init("axis", payload.axis)]
        case .reverseSequence(let payload): [.init("batch_axis", payload.batchAxis), .init("time_axis", payload.timeAxis)]
        case .trilu(let payload): [.init("upper", payload.upper)]
        case .unique(let payload): [.init("axis", payload.axis), .init("sorted", payload.sorted)]
        case .nonMaxSuppression(let payload): [.init("center_point_box", payload.centerPointBox)]
        case .shapeOf(let payload): [.init("start", payload.start), .init("end", payload.end)]
        case .reshape(let payload): [.init("shape", payload.shape), .init("allowzero", payload.allowZero)]
        case .flatten(let payload): [.init("axis", payload.axis)]
        case .squeeze(let payload): [.init("axes", payload.axes)]
        case .unsqueeze(let payload): [.init("axes", payload.axes)]
        case .transpose(let payload): [.init("perm", payload.permutation)]
        case .concat(let payload): [.init("axis", payload.axis)]
        case .split(let payload):
            [.init("axis", payload.axis), .init("split", payload.sizes), .init("num_outputs", payload.outputCount)]
        case .slice(let payload):
            [.init("starts", payload.bounds?.starts), .init("ends", payload.bounds?.ends), .init("axes", payload.bounds?.axes)]
        case .pad(let payload):
            [.init("mode", payload.mode.rawValue), .init("pads", payload.pads), .init("value", payload.value)]
        case .depthToSpace(let payload): [.init("blocksize", payload.blockSize), .init("mode", payload.mode.rawValue)]
        case .spaceToDepth(let payload): [.init("blocksize", payload.blockSize)]
        case .dropout(let payload): [.init("ratio", payload.ratio), .init("seed", payload.seed), .init("is_test", payload.isTestLegacy)]
        case .constant(let payload): [.init(payload.value.form.rawValue, payload.value.tensor.summary(checksum: true))]
        case .constantOfShape(let payload): [.init("value", payload.value?.summary(checksum: true))]
        case .eyeLike(let payload): [.init("dtype", payload.elementType), .init("k", payload.diagonal)]
        case .resize(let payload): payload.texts
        case .upsample(let payload): [.init("mode", payload.mode.rawValue), .init("scales", payload.scales)]
        case .gridSample(let payload):
            [
                .init("mode", payload.mode.rawValue), .init("padding_mode", payload.padding.rawValue),
                .init("align_corners", payload.alignCorners),
            ]
        case .quantizeLinear(let payload):
            [
                .init("axis", payload.axis), .init("saturate", payload.saturate), .init("block_size", payload.blockSize),
                .init("output_dtype", payload.outputType),
            ]
        case .dequantizeLinear(let payload): [.init("axis", payload.axis), .init("block_size", payload.blockSize)]
        case .negativeLogLikelihoodLoss(let payload):
            [.init("reduction", payload.reduction.rawValue), .init("ignore_index", payload.ignoredClass)]
        case .softmaxCrossEntropyLoss(let payload):
            [.init("reduction", payload.reduction.rawValue), .init("ignore_index", payload.ignoredClass)]
        case .convolutionInputGradient(let payload):
            Operator.convolution(payload.forward).attributes + [.init("input_shape", payload.inputShape)]
        case .convolutionWeightGradient(let payload):
            Operator.convolution(payload.forward).attributes + [.init("weight_shape", payload.weightShape)]
        case .averagePoolGradient(let payload):
            Operator.averagePool(payload.forward).attributes + [.init("input_shape", payload.inputShape)]
        case .maxPoolGradient(let payload): Operator.maxPool(payload.forward).attributes
        case .lpPoolGradient(let payload): Operator.lpPool(payload.forward).attributes
        case .batchNormGradient(let payload): Operator.batchNorm(payload.forward).attributes
        case .layerNormGradient(let payload): Operator.layerNorm(payload.forward).attributes
        case .groupNormGradient(let payload): Operator.groupNorm(payload.forward).attributes
        case .rmsNormGradient(let payload): Operator.rmsNorm(payload.forward).attributes
        case .localResponseNormGradient(let payload): Operator.localResponseNorm(payload.forward).attributes
        case .activationGradient(let payload): payload.forward.function.texts
        case .productGradient(let payload): Operator.reduction(payload.forward).attributes
        case .resizeGradient(let payload): payload.forward.texts + [.init("input_shape", payload.inputShape)]
        case .gridSampleGradient(let payload): Operator.gridSample(payload.forward).attributes
        case .dropoutMask(let payload):
            [
                .init("dtype", payload.elementType), .init("shape", payload.shape), .init("ratio", payload.ratio),
                .init("seed", payload.seed),
            ]
        case .fakeQuantize(let payload): payload.texts
        case .fakeQuantizeGradient(let payload): payload.forward.texts
        case .symmetricScale(let payload): [.init("axis", payload.axis), .init("maximum", payload.maximum)]
        case .movingRange(let payload): [.init("momentum", payload.momentum)]
        case .windowFunction(let payload):
            [.init("output_datatype", payload.elementType), .init("periodic", payload.isPeriodic)]
        case .melWeightMatrix(let payload): [.init("output_datatype", payload.elementType)]
        case .dft(let payload):
            [.init("axis", payload.axis), .init("inverse", payload.isInverse), .init("onesided", payload.isOneSided)]
        case .stft(let payload): [.init("onesided", payload.isOneSided)]
        case .bernoulli(let payload): [.init("dtype", payload.elementType), .init("seed", payload.seed)]
        case .randomNumbers(let payload): payload.texts
        case .tfIdfVectorizer(let payload): payload.texts
        case .scan(let payload):
            [
                .init("num_scan_inputs", payload.scanInputCount), .init("scan_input_axes", payload.inputAxes),
                .init("scan_input_directions", payload.inputsReversed), .init("scan_output_axes", payload.outputAxes),
                .init("scan_output_directions", payload.outputsReversed), .init("batched", payload.isBatched ? true : nil),
            ]
        case .qLinear(let payload): payload.floatOperator.attributes
        case .integer(let payload): payload.floatOperator?.attributes ?? []
        case .opaque(let payload):
            [
                .init("domain", payload.domain.isEmpty ? nil : payload.domain),
                .init("overload", payload.overload.isEmpty ? nil : payload.overload),
            ]
        case .matMul, .matMulInteger, .qLinearMatMul, .unary, .variadic, .select, .nonZero, .sizeOf, .expand, .tile, .identity, .range,
            .dynamicQuantizeLinear, .determinant, .branch, .loop: []
        }
    }
}

extension Window {
    /// What is not left to ONNX's defaults.
    fileprivate var texts: [AttributeText?] {
        func given(_ values: [Int]) -> [Int]? { values.isEmpty ? nil : values }
        let padding: AttributeText? =
            switch self.padding {
            case .explicit(let begin, let end): .init("pads", given(begin + end))
            case .sameUpper: .init("auto_pad", "SAME_UPPER")
            case .sameLower: .init("auto_pad", "SAME_LOWER")
            case .valid: .init("auto_pad", "VALID")
            }
        return [
            .init("kernel_shape", given(kernel)), .init("strides", given(strides)), .init("dilations", given(dilations)), padding,
        ]
    }
}

extension Binary {
    /// `Mod` and `BitShift` are told apart by an attribute, old broadcasting by two.
    fileprivate var texts: [AttributeText?] {
        let variant: AttributeText? =
            switch function {
            case .fmod: .init("fmod", true)
            case .shiftLeft: .init("direction", "LEFT")
            case .shiftRight: .init("direction", "RIGHT")
            default: nil
            }
        switch broadcastAxis {
        case .numpy: return [variant]
        case .legacy(let broadcast, let axis): return [variant, .init("broadcast", broadcast), .init("axis", axis)]
        }
    }
}

extension Activation.Function {
    fileprivate var texts: [AttributeText?] {
        switch self {
        case .relu, .sigmoid, .tanh, .softplus, .softsign, .hardSwish, .mish: []
        case .leakyRelu(let alpha), .elu(let alpha), .celu(let alpha), .thresholdedRelu(let alpha): [.init("alpha", alpha)]
        case .selu(let alpha, let gamma): [.init("alpha", alpha), .init("gamma", gamma)]
        case .hardSigmoid(let alpha, let beta): [.init("alpha", alpha), .init("beta", beta)]
        case .shrink(let bias, let lambda): [.init("bias", bias), .init("lambd", lambda)]
        case .gelu(let tanhApproximation): [.init("approximate", tanhApproximation ? "tanh" : "none")]
        }
    }
}

extension FakeQuantize {
    fileprivate var texts: [AttributeText?] {
        [
            .init("minimum", minimum), .init("maximum", maximum), .init("axis", axis), .init("unit", unit),
            .init("gradient", gradient.rawValue),
        ]
    }
}

extension RandomNumbers {
    fileprivate var texts: [AttributeText?] {
        let parameters: [AttributeText?] =
            switch distribution {
            case .uniform(let low, let high): [.init("low", low), .init("high", high)]
            case .normal(let mean, let scale): [.init("mean", mean), .init("scale", scale)]
            }
        return parameters + [.init("dtype", elementType), .init("seed", seed), .init("shape", shape)]
    }
}

extension TfIdfVectorizer {
    fileprivate var texts: [AttributeText?] {
        let pool: AttributeText? =
            switch pool {
            case .integers(let tokens): .init("pool_int64s", tokens)
            case .strings(let tokens): .init("pool_strings", tokens.map { String(decoding: $0, as: UTF8.self) })
            }
        return [
            .init("mode", mode.rawValue), .init("min_gram_length", minimumLength), .init("max_gram_length", maximumLength),
            .init("max_skip_count", maximumSkip), pool, .init("ngram_counts", starts), .init("ngram_indexes", places),
            .init("weights", weights),
        ]
    }
}

extension Resize {
    fileprivate var texts: [AttributeText?] {
        [
            .init("mode", mode.rawValue), .init("coordinate_transformation_mode", coordinates.rawValue),
            .init("nearest_mode", nearestMode.rawValue), .init("cubic_coeff_a", cubicCoefficient),
            .init("exclude_outside", excludeOutside), .init("extrapolation_value", extrapolationValue), .init("antialias", antialias),
            .init("axes", axes), .init("keep_aspect_ratio_policy", aspectRatioPolicy.rawValue),
        ]
    }
}

extension Tensor {
    /// `int64[3] {1, 64, -1}`, or the type of a larger tensor with a checksum of its bytes if wanted.
    func summary(checksum: Bool) -> String {
        guard count <= 8 else { return checksum ? "\(self) #\(String(checksum64, radix: 16))" : "\(self)" }
        let elements =
            strings?.map { quoted(String(decoding: $0, as: UTF8.self)) } ?? int64s()?.map(\.description)
            ?? doubles()?.map { Float($0).description }
        return elements.map { "\(self) {\($0.joined(separator: ", "))}" } ?? "\(self)"
    }

    /// FNV-1a over 64-bit words and the bytes that remain: the same everywhere, and quick enough for weights.
    private var checksum64: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ word: UInt64) { hash = (hash ^ word) &* 0x100_0000_01B3 }
        withUnsafeBytes { bytes in
            let words = bytes.count / 8
            for index in 0..<words { add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))) }
            for index in 8 * words..<bytes.count { add(UInt64(bytes[index])) }
        }
        for string in strings ?? [] { for byte in string { add(UInt64(byte)) } }
        return hash
    }
}

/// In double quotes, with everything escaped that would break a line.
func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
        let breaksLine = scalar == "\"" || scalar == "\\" || scalar.properties.generalCategory == .control
        return breaksLine ? scalar.escaped(asASCII: true) : "\(scalar)"
    }
    return "\"\(escaped.joined())\""
}
