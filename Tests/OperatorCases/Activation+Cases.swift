import GraphIR
import Tensors

@CaseList
var activationCases: [OperatorCase] {
    OperatorCase(
        "relu", .activation(Activation(function: .relu)), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [0, 0, 0, 0, 0.5, 2])], tolerance: 1e-05)
    OperatorCase(
        "relu: int32", .activation(Activation(function: .relu)), opset: 17,
        operands: [tensor(.int32, [2], [-2, 3])],
        outputs: [tensor(.int32, [2], [0, 3])], tolerance: 0)
    OperatorCase(
        "sigmoid", .activation(Activation(function: .sigmoid)), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [0.047425866, 0.26894143, 0.4378235, 0.5, 0.6224593, 0.8807971])], tolerance: 1e-05)
    OperatorCase(
        "tanh", .activation(Activation(function: .tanh)), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-0.9950547, -0.7615942, -0.24491866, 0, 0.46211717, 0.9640276])], tolerance: 1e-05)
    OperatorCase(
        "softplus", .activation(Activation(function: .softplus)), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [0.048587356, 0.3132617, 0.5759395, 0.6931472, 0.974077, 2.126928])], tolerance: 1e-05)
    OperatorCase(
        "softsign", .activation(Activation(function: .softsign)), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-0.75, -0.5, -0.2, 0, 0.33333334, 0.6666667])], tolerance: 1e-05)
    OperatorCase(
        "hardswish", .activation(Activation(function: .hardSwish)), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-0.0, -0.3333333, -0.114583336, 0, 0.29166666, 1.6666667])], tolerance: 1e-05)
    OperatorCase(
        "mish", .activation(Activation(function: .mish)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-0.14564745, -0.30340144, -0.12992696, 0, 0.37524524, 1.943959])], tolerance: 1e-05)
    OperatorCase(
        "leaky relu", .activation(Activation(function: .leakyRelu(alpha: 0.1))), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-0.3, -0.1, -0.025, 0, 0.5, 2])], tolerance: 1e-05)
    OperatorCase(
        "elu", .activation(Activation(function: .elu(alpha: 1.5))), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-1.4253194, -0.9481808, -0.33179882, 0, 0.5, 2])], tolerance: 1e-05)
    OperatorCase(
        "selu", .activation(Activation(function: .selu(alpha: 2, gamma: 3))), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-5.7012777, -3.7927232, -1.3271953, 0, 1.5, 6])], tolerance: 1e-05)
    OperatorCase(
        "celu", .activation(Activation(function: .celu(alpha: 2))), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-1.5537397, -0.78693867, -0.23500621, 0, 0.5, 2])], tolerance: 1e-05)
    OperatorCase(
        "hard sigmoid", .activation(Activation(function: .hardSigmoid(alpha: 0.2, beta: 0.5))), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [0, 0.3, 0.45, 0.5, 0.6, 0.9])], tolerance: 1e-05)
    OperatorCase(
        "thresholded relu", .activation(Activation(function: .thresholdedRelu(alpha: 0.5))), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [0, 0, 0, 0, 0, 2])], tolerance: 1e-05)
    OperatorCase(
        "shrink", .activation(Activation(function: .shrink(bias: 0.25, lambda: 0.5))), opset: 17,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-2.75, -0.75, 0, 0, 0, 1.75])], tolerance: 1e-05)
    OperatorCase(
        "gelu", .activation(Activation(function: .gelu(tanhApproximation: false))), opset: 20,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-0.0040496886, -0.15865526, -0.10032342, 0, 0.34573123, 1.9544997])], tolerance: 1e-05)
    OperatorCase(
        "gelu: tanh", .activation(Activation(function: .gelu(tanhApproximation: true))), opset: 20,
        operands: [tensor(.float32, [2, 3], [-3, -1, -0.25, 0, 0.5, 2])],
        outputs: [tensor(.float32, [2, 3], [-0.0036375225, -0.15880796, -0.10032465, 0, 0.345714, 1.9545977])], tolerance: 1e-05)
    OperatorCase(
        "sigmoid: large arguments", .activation(Activation(function: .sigmoid)), opset: 17,
        operands: [tensor(.float32, [2], [-200, 200])],
        outputs: [tensor(.float32, [2], [0, 1])], tolerance: 1e-05)
    OperatorCase(
        "softmax: last axis, large values", .softmax(Softmax(function: .softmax, axis: -1, flattens: false)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 1000, 1001, 999])],
        outputs: [tensor(.float32, [2, 3], [0.09003057, 0.24472848, 0.66524094, 0.24472848, 0.66524094, 0.09003057])], tolerance: 1e-05)
    OperatorCase(
        "softmax: first axis", .softmax(Softmax(function: .softmax, axis: 0, flattens: false)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [2, 2], [0.11920291, 0.11920291, 0.880797, 0.880797])], tolerance: 1e-05)
    OperatorCase(
        "softmax: flattened from axis 1", .softmax(Softmax(function: .softmax, axis: 1, flattens: true)), opset: 11,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 0, 0, 0, 0])],
        outputs: [
            tensor(.float32, [2, 2, 2], [0.032058604, 0.08714432, 0.23688284, 0.6439143, 0.25, 0.25, 0.25, 0.25]),
        ], tolerance: 1e-05)
    OperatorCase(
        "log softmax", .softmax(Softmax(function: .logSoftmax, axis: 1, flattens: false)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 1000, 1001, 999])],
        outputs: [tensor(.float32, [2, 3], [-2.407606, -1.4076059, -0.40760595, -1.4076059, -0.40760595, -2.407606])], tolerance: 1e-05)
    OperatorCase(
        "hardmax: first of equals", .softmax(Softmax(function: .hardmax, axis: -1, flattens: false)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 3, 3, 0, -1, -2])],
        outputs: [tensor(.float32, [2, 3], [0, 1, 0, 1, 0, 0])], tolerance: 1e-05)
}
