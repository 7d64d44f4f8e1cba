import GraphIR
import Tensors

extension NetworkBuilder {
    /// Everything up to the global pooling of the ResNets for 32×32 images: 6·`blocksPerStack` + 2 layers in three stacks of 16, 32
    /// and 64 filters, each block two 3×3 convolutions. Where a stack halves the image, the shortcut takes every second pixel
    /// and fills the new channels with zeros (option A).
    mutating func resNetForSmallImages(_ image: ValueID, blocksPerStack: Int) throws -> ValueID {
        var value = try convolution(image, Layer(filters: 16, kernel: 3, padding: 1), name: "conv1_conv")
        value = try relu(try batchNorm(value, .original, name: "conv1_bn"), name: "conv1_relu")
        for stack in 0..<3 {
            for block in 1...blocksPerStack {
                let halves = stack > 0 && block == 1
                value = try basicBlock(value, filters: 16 << stack, halves: halves, name: "conv\(stack + 2)_block\(block)")
            }
        }
        return value
    }

    private mutating func basicBlock(_ input: ValueID, filters: Int, halves: Bool, name: String) throws -> ValueID {
        var value = try separable(input, Layer(filters: filters, kernel: 3, stride: halves ? 2 : 1, padding: 1), name: name + "_1_conv")
        value = try relu(try batchNorm(value, .original, name: name + "_1_bn"), name: name + "_1_relu")
        value = try separable(value, Layer(filters: filters, kernel: 3, padding: 1), name: name + "_2_conv")
        value = try batchNorm(value, .original, name: name + "_2_bn")
        var shortcut = input
        if halves {
            shortcut = try maxPool(shortcut, kernel: 1, stride: 2, name: name + "_0_pool")
            shortcut = try zeroPad(shortcut, border: 0, channels: filters / 2, name: name + "_0_pad")
        }
        return try relu(try add(shortcut, value, name: name + "_add"), name: name + "_out")
    }
}

extension BatchNormSettings {
    /// What the ResNets of 2015 were trained with: Caffe's ε, and running statistics that forget a tenth per step.
    static let original = BatchNormSettings(epsilon: 1e-5, momentum: 0.9)
}
