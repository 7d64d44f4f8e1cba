import GraphIR
import Tensors

/// The layers, names and hyperparameters are Keras's (`keras.applications.resnet_v2`), so that weights can be compared by name.
/// Keras's `ZeroPadding2D` before a convolution is the convolution's padding here; before the max pool it stays a layer, since
/// the pool's own padding would not be zeros but −∞.
extension NetworkBuilder {
    /// Everything up to the global pooling of a Keras ResNetV2 with the given number of blocks in its four stacks.
    mutating func resNetV2(_ image: ValueID, blocks: [Int]) throws -> ValueID {
        var value = try convolution(image, Layer(filters: 64, kernel: 7, stride: 2, padding: 3, hasBias: true), name: "conv1_conv")
        value = try zeroPad(value, border: 1, name: "pool1_pad")
        value = try maxPool(value, kernel: 3, stride: 2, name: "pool1_pool")
        for (index, count) in blocks.enumerated() {
            value = try stackV2(
                value, filters: 64 << index, blocks: count, stride: index == blocks.count - 1 ? 1 : 2, name: "conv\(index + 2)")
        }
        return try postActivation(value)
    }

    /// A ResNetV2 of 14 layers: a 3×3 stem with 16 filters, two blocks of 16 filters, and two of 32.
    mutating func narrowResNetV2(_ image: ValueID) throws -> ValueID {
        var value = try convolution(image, Layer(filters: 16, kernel: 3, padding: 1, hasBias: true), name: "conv1_conv")
        value = try stackV2(value, filters: 16, blocks: 2, stride: 2, name: "conv2")
        value = try stackV2(value, filters: 32, blocks: 2, stride: 1, name: "conv3")
        return try postActivation(value)
    }

    private mutating func postActivation(_ value: ValueID) throws -> ValueID {
        try relu(try batchNorm(value, .keras, name: "post_bn"), name: "post_relu")
    }

    /// The first block projects its shortcut; the last one halves the image.
    private mutating func stackV2(_ input: ValueID, filters: Int, blocks: Int, stride: Int, name: String) throws -> ValueID {
        var value = input
        for block in 1...blocks {
            value = try blockV2(
                value, filters: filters, stride: block == blocks ? stride : 1, projects: block == 1, name: "\(name)_block\(block)")
        }
        return value
    }

    private mutating func blockV2(_ input: ValueID, filters: Int, stride: Int, projects: Bool, name: String) throws -> ValueID {
        let normalized = try batchNorm(input, .keras, name: name + "_preact_bn")
        let preactivated = try relu(normalized, name: name + "_preact_relu")
        let shortcut =
            if projects {
                try convolution(
                    preactivated, Layer(filters: 4 * filters, kernel: 1, stride: stride, hasBias: true), name: name + "_0_conv")
            } else if stride > 1 {
                try maxPool(input, kernel: 1, stride: stride, name: name + "_0_pool")
            } else {
                input
            }
        var value = try convolution(preactivated, Layer(filters: filters, kernel: 1), name: name + "_1_conv")
        value = try relu(try batchNorm(value, .keras, name: name + "_1_bn"), name: name + "_1_relu")
        value = try separable(value, Layer(filters: filters, kernel: 3, stride: stride, padding: 1), name: name + "_2_conv")
        value = try relu(try batchNorm(value, .keras, name: name + "_2_bn"), name: name + "_2_relu")
        value = try convolution(value, Layer(filters: 4 * filters, kernel: 1, hasBias: true), name: name + "_3_conv")
        return try add(shortcut, value, name: name + "_out")
    }
}
