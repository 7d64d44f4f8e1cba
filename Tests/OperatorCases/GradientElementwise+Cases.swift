import GraphIR
import Tensors

@CaseList
var elementwiseGradientCases: [OperatorCase] {
    OperatorCase(
        "activation gradient: relu",
        .activationGradient(ActivationGradient(forward: Activation(function: .relu))), opset: 17,
        operands: [
            tensor(.float64, [9], [0, 0, 0, 0, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [0, -0.5, 0.75, 0, -1.5, -0.25, 2, 1.75, -0.5]),
        ],
        outputs: [
            tensor(.float64, [9], [0, 0, 0, 0, -1.5, -0.25, 2, 1.75, -0.5]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: sigmoid",
        .activationGradient(ActivationGradient(forward: Activation(function: .sigmoid))), opset: 17,
        operands: [
            tensor(.float64, [9], [0.01798621, 0.0600866502, 0.182425524, 0.377540669, 0.562176501, 0.679178699, 0.777299861, 0.904650535,
                0.970687769]),
            tensor(.float64, [9], [1.75, 0.75, -0.75, -1.25, -1.5, 0.5, 2, -0.5, 0.25]),
        ],
        outputs: [
            tensor(.float64, [9], [0.0309097359, 0.0423571835, -0.111859839, -0.29375464, -0.369201124, 0.108947497, 0.346209574,
                -0.0431289722, 0.00711325597]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: tanh",
        .activationGradient(ActivationGradient(forward: Activation(function: .tanh))), opset: 17,
        operands: [
            tensor(.float64, [9], [-0.9993293, -0.991859725, -0.905148254, -0.462117157, 0.244918662, 0.635148952, 0.84828364,
                0.978026115, 0.998177898]),
            tensor(.float64, [9], [-0.25, 0.75, 0, 1, 1, 0.75, 1, -2, 0.5]),
        ],
        outputs: [
            tensor(.float64, [9], [-0.000335237671, 0.0121607151, 0, 0.786447733, 0.940014849, 0.447439356, 0.280414866, -0.0869298378,
                0.00182044236]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: softplus",
        .activationGradient(ActivationGradient(forward: Activation(function: .softplus))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [0.25, 1, 0.5, -0.25, -0.75, -1.5, 0.75, 0, 0.5]),
        ],
        outputs: [
            tensor(.float64, [9], [0.00449655249, 0.0600866502, 0.0912127619, -0.0943851672, -0.421632376, -1.01876805, 0.582974896, 0,
                0.485343885]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: softsign",
        .activationGradient(ActivationGradient(forward: Activation(function: .softsign))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [2, -1.25, -0.5, -0.5, 0.25, 0, 0, 1.75, 1]),
        ],
        outputs: [
            tensor(.float64, [9], [0.08, -0.0888888889, -0.08, -0.222222222, 0.16, 0, 0, 0.165680473, 0.049382716]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: hard swish",
        .activationGradient(ActivationGradient(forward: Activation(function: .hardSwish))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [0.25, 0.75, -1.5, 1.5, -1.5, -0.75, 2, 2, -1.25]),
        ],
        outputs: [
            tensor(.float64, [9], [0, -0.3125, 0, 0.5, -0.875, -0.5625, 1.83333333, 2.5, -1.25]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: mish",
        .activationGradient(ActivationGradient(forward: Activation(function: .mish))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [1.5, -0.5, -0.5, -1.75, -2, -1.75, -0.5, -1.75, 1.75]),
        ],
        outputs: [
            tensor(.float64, [9], [-0.0806598147, 0.0513585021, 0.0320489079, -0.506643686, -1.50834534, -1.72507712, -0.540231547,
                -1.84568092, 1.76739382]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: leaky relu",
        .activationGradient(ActivationGradient(forward: Activation(function: .leakyRelu(alpha: 0.25)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [0.75, 0.75, 2, -0.25, -0.75, 0.5, 0, 1.75, 0]),
        ],
        outputs: [
            tensor(.float64, [9], [0.1875, 0.1875, 0.5, -0.0625, -0.75, 0.5, 0, 1.75, 0]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: elu",
        .activationGradient(ActivationGradient(forward: Activation(function: .elu(alpha: 0.5)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [-1.25, 0.25, -0.5, -1, -0.5, 2, -2, -1.25, -1]),
        ],
        outputs: [
            tensor(.float64, [9], [-0.0114472743, 0.00799098265, -0.05578254, -0.30326533, -0.5, 2, -2, -1.25, -1]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: selu",
        .activationGradient(ActivationGradient(forward: Activation(function: .selu(alpha: 1.5, gamma: 2)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [-0.75, 0, -0.25, 0.25, -1, -1, -1, 1, -0.75]),
        ],
        outputs: [
            tensor(.float64, [9], [-0.0412101875, 0, -0.16734762, 0.454897995, -2, -2, -2, 2, -1.5]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: celu",
        .activationGradient(ActivationGradient(forward: Activation(function: .celu(alpha: 2)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [1, -1.25, 0.75, 0.25, 0.75, -1, -2, -1.25, 0]),
        ],
        outputs: [
            tensor(.float64, [9], [0.135335283, -0.316049495, 0.354274915, 0.194700196, 0.75, -1, -2, -1.25, 0]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: hard sigmoid",
        .activationGradient(ActivationGradient(forward: Activation(function: .hardSigmoid(alpha: 0.25, beta: 0.5)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [-1.5, 1.5, -0.5, -0.75, -2, 1.5, 0.5, 0.25, 1.25]),
        ],
        outputs: [
            tensor(.float64, [9], [0, 0, -0.125, -0.1875, -0.5, 0.375, 0.125, 0, 0]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: thresholded relu",
        .activationGradient(ActivationGradient(forward: Activation(function: .thresholdedRelu(alpha: 1)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [-0.5, 2, -1.75, 0.5, -1.75, 1.25, 0.75, 0.5, 1.25]),
        ],
        outputs: [
            tensor(.float64, [9], [0, 0, 0, 0, 0, 0, 0.75, 0.5, 1.25]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: shrink",
        .activationGradient(ActivationGradient(forward: Activation(function: .shrink(bias: 0.5, lambda: 1)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [1, -0.25, -0.5, -1.75, 0.5, 0.5, -2, -1.25, 0.25]),
        ],
        outputs: [
            tensor(.float64, [9], [1, -0.25, -0.5, 0, 0, 0, -2, -1.25, 0.25]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: gelu",
        .activationGradient(ActivationGradient(forward: Activation(function: .gelu(tanhApproximation: false)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [-1.75, 0, 0.5, -0.5, -0.75, -1, -1.5, -1.5, -2]),
        ],
        outputs: [
            tensor(.float64, [9], [0.000881386907, 0, -0.0637345961, -0.0662524377, -0.521530016, -0.999225722, -1.68399237, -1.58878462,
                -2.00564352]),
        ], tolerance: 1e-7)
    OperatorCase(
        "activation gradient: approximate gelu",
        .activationGradient(ActivationGradient(forward: Activation(function: .gelu(tanhApproximation: true)))), opset: 17,
        operands: [
            tensor(.float64, [9], [-4, -2.75, -1.5, -0.5, 0.25, 0.75, 1.25, 2.25, 3.5]),
            tensor(.float64, [9], [-1.5, 1, 0.5, -1, 0, -0.5, 1.75, 1.25, 2]),
        ],
        outputs: [
            tensor(.float64, [9], [0.000502684796, -0.0219489216, -0.0638553966, -0.132630096, 0, -0.499469128, 1.96436211, 1.32489317,
                2.00484529]),
        ], tolerance: 1e-7)
    OperatorCase(
        "reduce prod gradient: one zero, two zeros",
        .productGradient(ProductGradient(forward: Reduction(function: .prod, axes: [1], keepDimensions: true, keepsInputWithoutAxes:
            false))), opset: 17,
        operands: [
            tensor(.float64, [2, 3, 2], [-0.75, -0.25, 0, -0.25, 0.25, 0, 1.75, 0, 1.25, 0, -1, 0]),
            tensor(.float64, [2, 1, 2], [-0.75, 2, -0.75, -1.75]),
        ],
        outputs: [
            tensor(.float64, [2, 3, 2], [0, 0, 0.140625, 0, 0, 0.125, 0.9375, 0, 1.3125, 0, -1.640625, 0]),
        ], tolerance: 1e-7)
    OperatorCase(
        "resize gradient: linear to a size",
        .resizeGradient(ResizeGradient(forward: Resize(mode: .linear, coordinates: .halfPixel, nearestMode: .floor, cubicCoefficient:
            -0.75, excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch), inputShape:
            [1, 1, 3, 4])), opset: 17,
        operands: [
            tensor(.float64, [1, 1, 5, 6], [1, 0, 0, 1.75, 2, -0.75, 1, -1, -0.25, 0.75, -0.5, -2, -0.75, 2, 0.75, -0.25, 1.25, 2, 1.5,
                1.25, 1.25, 2, 0.75, -1.25, 1, 0.25, 0, 0.5, -2, 1.5]),
            nil,
            nil,
            tensor(.int64, [4], [1, 1, 5, 6]),
        ],
        outputs: [
            tensor(.float64, [1, 1, 3, 4], [1.3, -0.0583333333, 2.65833333, -1.1, 1.3, 2.15, 1.575, 1.375, 2.4, 1.40833333, 0.766666667,
                -0.025]),
        ], tolerance: 1e-7)
    OperatorCase(
        "resize gradient: nearest by scales",
        .resizeGradient(ResizeGradient(forward: Resize(mode: .nearest, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient:
            -0.75, excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch), inputShape:
            [1, 1, 3, 2])), opset: 17,
        operands: [
            tensor(.float64, [1, 1, 6, 4], [2, 1.5, -1.5, 1.5, 1.75, 0.25, 0.25, 0, 2, -1, 1.25, 2, 0.25, -0.5, -0.75, 1.75, -1, -1.25,
                -0.75, -2, 2, -2, -1.25, -1]),
            nil,
            tensor(.float32, [4], [1, 1, 2, 2]),
        ],
        outputs: [
            tensor(.float64, [1, 1, 3, 2], [5.5, 0.25, 0.75, 4.25, -2.25, -5]),
        ], tolerance: 1e-7)
    OperatorCase(
        "grid sample gradient: linear, zeros",
        .gridSampleGradient(GridSampleGradient(forward: GridSample(mode: .linear, padding: .zeros, alignCorners: false))), opset: 17,
        operands: [
            tensor(.float64, [1, 2, 3, 4], [-0.25, 1.75, 2, -1.5, -1, -1.25, 1.75, -0.75, -1.5, 1.25, -2, 0.25, 0.75, 1.25, 1.25, -2,
                1.75, 0, 1.75, -1.75, -1, -0.5, -1.25, 0.5]),
            tensor(.float64, [1, 2, 3, 2], [1.22, -0.869, -1.039, -1.24, -0.599, 0.17, -1.355, -1.147, -0.453, 0.267, -0.73, 0.474]),
            tensor(.float64, [1, 2, 2, 3], [-1.5, 1.5, -0.25, 1.5, 1.75, -0.25, 0.5, -1.25, 0.5, -1.25, -1.75, -1.5]),
        ],
        outputs: [
            tensor(.float64, [1, 2, 3, 4], [0.08862, 0, 0, -0.062685, 0.22658225, 0.56404275, 0, 0, 0.06941775, 0.38995725, 0, 0,
                -0.07385, 0, 0, 0.020895, -0.58209975, -0.52802525, 0, 0, -1.21940025, -0.42047475, 0, 0]),
            tensor(.float64, [1, 2, 3, 2], [-1.74125, 0.1125, -0.3675, -0.8308125, -1.43375, -1.705125, 0, 0, 6.3013125, 7.0756875,
                -0.49075, 6.1275]),
        ], tolerance: 1e-7)
    OperatorCase(
        "grid sample gradient: cubic, border",
        .gridSampleGradient(GridSampleGradient(forward: GridSample(mode: .cubic, padding: .border, alignCorners: true))), opset: 17,
        operands: [
            tensor(.float64, [1, 2, 3, 4], [-1.25, -1.75, 0.5, 1.75, -0.25, 1.75, 1.75, 1.25, 1.75, 0.25, 0.5, 0, -1, 1.75, 1.5, 0.5, 1,
                1.75, -0.25, -0.5, 0.5, -2, 0.5, -1.75]),
            tensor(.float64, [1, 2, 3, 2], [-0.811, 1.127, 0.659, -0.23, 1.053, 0.25, -1.241, 1.228, 1.193, 0.191, -1.352, -1.138]),
            tensor(.float64, [1, 2, 2, 3], [0, 0.5, 2, 0, 2, -0.25, 1.25, 0.25, -1.25, 0.25, -0.75, -0.25]),
        ],
        outputs: [
            tensor(.float64, [1, 2, 3, 4], [-0.292978068, 0.0138743008, 0.0939425909, -0.379465644, 0.0209224518, -0.0446482661,
                -0.0191420105, 4.12125364, 0, 0.00490182341, -0.0906612437, 0.822000424, -0.292978068, 0.0188130526, 0.016999083,
                0.241614284, -0.0743832354, -0.0480049465, 0.271994683, -1.8161571, 1.29604962, 0.380527242, -0.0454262185,
                -0.449048395]),
            tensor(.float64, [1, 2, 3, 2], [-6.70580912, -0.782345594, -0.119994595, -0.402251343, -0.464561908, -0.832916542,
                0.0429618989, -0.00643887995, -0.099085452, -1.55274855, 0.171452429, -0.279958876]),
        ], tolerance: 1e-7)
    OperatorCase(
        "grid sample gradient: linear, reflection",
        .gridSampleGradient(GridSampleGradient(forward: GridSample(mode: .linear, padding: .reflection, alignCorners: true))), opset: 17,
        operands: [
            tensor(.float64, [1, 2, 3, 4], [2, 0, 0.5, 0, -0.5, -1.75, -0.25, 0.75, 1.5, 2, 1.25, 0.25, 0.75, 0.5, 1.25, 0.25, 2, 0.75,
                -1, -1.75, 0.75, 1.75, 0.25, 0.75]),
            tensor(.float64, [1, 2, 3, 2], [0.712, -0.804, -0.425, 0.424, -0.667, -0.497, 1.063, 0.332, 0.494, -0.746, -0.629, -1.172]),
            tensor(.float64, [1, 2, 2, 3], [0.5, 0, -0.5, 1, 1.75, 1.25, 2, 1.5, 0.25, -0.75, 2, 0.25]),
        ],
        outputs: [
            tensor(.float64, [1, 2, 3, 4], [0.33464825, 0.45185175, 1.1645385, 0.5429615, -0.03052325, -0.00597675, 0.4428375, 0.7676625,
                0, 0, 0.031374, 0.300626, 0.153991625, 0.177258375, 1.827084, 1.272916, 0.200808375, 0.831941625, 0.5075715, -0.1085715,
                0.08745, 0.54855, -0.0235305, -0.2254695]),
            tensor(.float64, [1, 2, 3, 2], [-3.0075, -4.165, -0.666, 1.0359375, 0.9346875, 1.2503125, -0.880875, -2.09740625, -3.121875,
                -5.059375, -3.666375, 2.42990625]),
        ], tolerance: 1e-7)
    OperatorCase(
        "dropout mask: a quarter dropped",
        .dropoutMask(DropoutMask(elementType: .float64, shape: [3, 4], ratio: 0.25, seed: 7)), opset: 17,
        operands: [
            tensor(.int64, [], [3]),
        ],
        outputs: [
            tensor(.float64, [3, 4], [1.33333333, 1.33333333, 1.33333333, 1.33333333, 1.33333333, 0, 0, 0, 1.33333333, 0, 1.33333333,
                1.33333333]),
        ], tolerance: 1e-7)
}
