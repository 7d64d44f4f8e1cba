import Tensors

/// The tensors of a file or folder, before it is known which model they are for.
public struct TensorFile: Sendable {
    public struct Entry: Sendable {
        /// `nil` when the file does not name the tensor.
        public var name: String?
        public var tensor: Tensor

        public init(name: String?, tensor: Tensor) {
            self.name = name
            self.tensor = tensor
        }
    }

    public enum Contents: Sendable {
        /// Named arrays, inputs and expected outputs alike: an npz file.
        case archive([Entry])
        /// Inputs and expected outputs in the order of the model's: ONNX test data, one element per data set.
        case dataSets([(inputs: [Entry], outputs: [Entry])])
    }

    public var path: String
    public var contents: Contents

    public init(path: String, contents: Contents) {
        self.path = path
        self.contents = contents
    }
}
