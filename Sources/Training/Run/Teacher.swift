import Autodiff
import Datasets
import Execution
import GraphIR
import Tensors

/// A trained network whose scores another one learns to give.
struct Teacher {
    private let session: any Session
    private let input: ImageInput
    private let output: String
    private let student: ImageInput
    private let logits: TensorType
    /// What turns the student's input into the teacher's, channel by channel; `nil` when they are normalized alike.
    private let change: (factors: [Float], offsets: [Float])?

    /// - Parameters:
    ///   - logits: of the student.
    ///   - normalization: what the teacher was trained with; the student's where the teacher's metadata says nothing.
    init(
        _ network: Graph, student: ImageInput, shape: ImageShape, normalization: (student: Normalization, teacher: Normalization),
        logits: TensorType, batchSize: Int, backend: any Backend
    ) throws {
        input = try ImageInput(of: network)
        self.student = student
        self.logits = logits
        for (own, other, name) in [
            (input.channels, shape.channels, "channels"), (input.height, shape.height, "rows"), (input.width, shape.width, "columns"),
        ] {
            guard let own, own != other else { continue }
            throw CleaveError(
                .shapeMismatch, "the teacher takes images of \(own) \(name), but the network takes \(other)", at: .init(tensor: input.name),
                suggestion: "both have to take images of one size")
        }
        let batches = try network.forBatches(of: batchSize)
        guard let first = batches.outputs.first else { throw CleaveError(.invalidRequest, "the teacher has no output") }
        let graph = try batches.computing(only: [batches.logits(behind: first)])
        output = graph[graph.outputs[0]].name
        let lengths = input.layout == .nchw ? [shape.channels, shape.height, shape.width] : [shape.height, shape.width, shape.channels]
        session = try backend.prepare(graph, inputShapes: [input.name: [batchSize] + lengths]).makeSession()
        change = normalization.student == normalization.teacher ? nil
            : try normalization.teacher.change(from: normalization.student, channels: shape.channels)
        let type = try graph.specialized(inputShapes: [input.name: [batchSize] + lengths])[graph.outputs[0]].tensorType
        guard let given = type?.knownShape, let wanted = logits.knownShape, given.count >= 2, given[..<2] == wanted[..<2],
            given.reduce(1, *) == wanted.reduce(1, *)
        else {
            throw CleaveError(
                .shapeMismatch, "the teacher's scores are \(type?.description ?? "of unknown type"), those of the network \(logits)",
                at: .init(tensor: output), suggestion: "both have to know the same classes")
        }
    }

    /// The teacher's scores, in type and shape of the student's.
    /// - Parameter images: as the student takes them.
    func scores(of images: Tensor) throws -> Tensor {
        let values = try session.run([input.name: converted(images)])
        guard let scores = values[output], let numbers = scores.doubles() else {
            throw CleaveError(.unsupported, "the backend returned no such output", at: .init(tensor: output))
        }
        return try Tensor(numbers, shape: logits.knownShape ?? scores.shape, as: logits.elementType)
    }

    private func converted(_ images: Tensor) throws -> Tensor {
        guard change != nil || input.layout != student.layout else { return images }
        let shape = images.shape
        let (channels, height, width) = student.layout == .nchw ? (shape[1], shape[2], shape[3]) : (shape[3], shape[1], shape[2])
        let area = height * width
        func strides(_ layout: ImageInput.Layout) -> (channel: Int, pixel: Int) { layout == .nchw ? (area, 1) : (1, channels) }
        let (from, to) = (strides(student.layout), strides(input.layout))
        let lengths = input.layout == .nchw ? [channels, height, width] : [height, width, channels]
        return try images.withElements(of: Float.self) { source in
            try Tensor(shape: [shape[0]] + lengths, of: Float.self) { target in
                for image in 0..<shape[0] {
                    let start = image * channels * area
                    for channel in 0..<channels {
                        let (factor, offset) = change.map { ($0.factors[channel], $0.offsets[channel]) } ?? (1, 0)
                        for pixel in 0..<area {
                            target[start + channel * to.channel + pixel * to.pixel] =
                                source[start + channel * from.channel + pixel * from.pixel] * factor + offset
                        }
                    }
                }
            }
        }
    }
}

extension Normalization {
    /// Factors and offsets that turn what `other` makes of a pixel into what this makes of it:
    /// (x·d′ + m′ − m) / d.
    func change(from other: Normalization, channels: Int) throws -> (factors: [Float], offsets: [Float]) {
        for normalization in [self, other] where normalization.mean.count != 1 && normalization.mean.count != channels {
            throw CleaveError(
                .shapeMismatch, "the normalization '\(normalization)' is for \(normalization.mean.count) channels, but the input has \(channels)")
        }
        func number(_ numbers: [Double], _ channel: Int) -> Double { numbers[numbers.count == 1 ? 0 : channel] }
        return (
            (0..<channels).map { Float(number(other.deviation, $0) / number(deviation, $0)) },
            (0..<channels).map { Float((number(other.mean, $0) - number(mean, $0)) / number(deviation, $0)) }
        )
    }
}
