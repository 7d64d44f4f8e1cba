import Tensors

/// `Shape`: the dimensions from `start` to `end`, as int64.
public struct ShapeOf: OperatorPayload {
    public var start: Int
    /// `nil` for up to the last.
    public var end: Int?

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(start: Int, end: Int?) {
        self.start = start
        self.end = end
    }
}

/// `Size`: the number of elements, as an int64 scalar.
public struct SizeOf: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init() {}
}

/// `Reshape`: 0 copies a dimension (unless `allowZero`), −1 is what remains.
public struct Reshape: OperatorPayload {
    /// Attribute form (before opset 5).
    public var shape: [Int]?
    /// Whether 0 means a dimension of length 0.
    public var allowZero: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, shape
    }

    public static let operandCount = 1...2
    public static let outputCount = 1...1

    public init(shape: [Int]?, allowZero: Bool) {
        self.shape = shape
        self.allowZero = allowZero
    }
}

/// `Flatten` to a matrix, split at an axis.
public struct Flatten: OperatorPayload {
    public var axis: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(axis: Int) {
        self.axis = axis
    }
}

/// `Squeeze`: removes dimensions of length 1.
public struct Squeeze: OperatorPayload {
    /// Attribute form (up to opset 12).
    public var axes: [Int]?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, axes
    }

    public static let operandCount = 1...2
    public static let outputCount = 1...1

    public init(axes: [Int]?) {
        self.axes = axes
    }
}

/// `Unsqueeze`: inserts dimensions of length 1.
public struct Unsqueeze: OperatorPayload {
    /// Attribute form (up to opset 12).
    public var axes: [Int]?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, axes
    }

    public static let operandCount = 1...2
    public static let outputCount = 1...1

    public init(axes: [Int]?) {
        self.axes = axes
    }
}

/// `Transpose`: output dimension i is input dimension permutation[i].
public struct Transpose: OperatorPayload {
    /// `nil` reverses the dimensions.
    public var permutation: [Int]?

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(permutation: [Int]?) {
        self.permutation = permutation
    }
}

/// `Expand`: broadcast to a shape.
public struct Expand: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input, shape
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init() {}
}

/// `Tile`: repeats along every dimension (opset 6 and later form).
public struct Tile: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input, repeats
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init() {}
}

/// `Concat` along an axis.
public struct Concat: OperatorPayload {
    public var axis: Int

    public static let operandCount = 1...Int.max
    public static let outputCount = 1...1

    public init(axis: Int) {
        self.axis = axis
    }
}

/// `Split` along an axis: into the given sizes, or evenly.
public struct Split: OperatorPayload {
    public var axis: Int
    /// Attribute form of the sizes (up to opset 12).
    public var sizes: [Int]?
    /// `num_outputs` (since opset 18).
    public var outputCount: Int?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, sizes
    }

    public static let operandCount = 1...2
    public static let outputCount = 1...Int.max

    public init(axis: Int, sizes: [Int]?, outputCount: Int?) {
        self.axis = axis
        self.sizes = sizes
        self.outputCount = outputCount
    }
}

/// `Slice`: bounds are attributes up to opset 9 and operands since.
public struct StridedSlice: OperatorPayload {
    /// Attribute form of the bounds.
    public var bounds: Bounds?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, starts, ends, axes, steps
    }

    public static let operandCount = 1...5
    public static let outputCount = 1...1

    public struct Bounds: Hashable, Sendable {
        public var starts: [Int]
        public var ends: [Int]
        /// `nil` for the first dimensions in order.
        public var axes: [Int]?

        public init(starts: [Int], ends: [Int], axes: [Int]?) {
            self.starts = starts
            self.ends = ends
            self.axes = axes
        }
    }

    public init(bounds: Bounds?) {
        self.bounds = bounds
    }
}

/// `Pad`: begin pads of all dimensions, then end pads; negative pads crop.
public struct Pad: OperatorPayload {
    public var mode: Mode
    /// Attribute form (up to opset 10).
    public var pads: [Int]?
    /// Attribute form of the constant; 0 with the operand form.
    public var value: Float

    public enum Operand: Int, CaseIterable, Sendable {
        case input, pads, value, axes
    }

    public static let operandCount = 1...4
    public static let outputCount = 1...1

    public enum Mode: String, CaseIterable, Hashable, Sendable { case constant, reflect, edge, wrap }

    public init(mode: Mode, pads: [Int]?, value: Float) {
        self.mode = mode
        self.pads = pads
        self.value = value
    }
}

/// `DepthToSpace`: [N, C·b², H, W] to [N, C, H·b, W·b].
public struct DepthToSpace: OperatorPayload {
    public var blockSize: Int
    /// Order of depth, column, row in the channels.
    public var mode: Mode

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public enum Mode: String, CaseIterable, Hashable, Sendable { case depthColumnRow = "DCR", columnRowDepth = "CRD" }

    public init(blockSize: Int, mode: Mode) {
        self.blockSize = blockSize
        self.mode = mode
    }
}

/// `SpaceToDepth`: [N, C, H·b, W·b] to [N, C·b², H, W].
public struct SpaceToDepth: OperatorPayload {
    public var blockSize: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(blockSize: Int) {
        self.blockSize = blockSize
    }
}

/// `Identity`.
public struct Identity: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init() {}
}

/// `Dropout`: ratio and mode are attributes up to opset 11 and operands since.
public struct Dropout: OperatorPayload {
    /// Attribute form.
    public var ratio: Float?
    public var seed: Int?
    /// Opset 6 only: `is_test`.
    public var isTestLegacy: Bool?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, ratio, trainingMode
    }

    public static let operandCount = 1...3
    public static let outputCount = 1...2

    public init(ratio: Float?, seed: Int?, isTestLegacy: Bool?) {
        self.ratio = ratio
        self.seed = seed
        self.isTestLegacy = isTestLegacy
    }

    /// Whether elements are dropped where no operand says so: in the form of opset 6, unless it is a test.
    public var isTraining: Bool { isTestLegacy == false }
}
