import GraphIR
import Tensors

extension NonMaxSuppression: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let boxes = try arguments.required(Operand.boxes)
        let scores = try arguments.required(Operand.scores)
        guard boxes.rank == 3, scores.rank == 3, boxes.shape[2] == 4, scores.shape[0] == boxes.shape[0],
            scores.shape[2] == boxes.shape[1]
        else {
            throw CleaveError(
                .shapeMismatch,
                "boxes have shape \(boxes.shape) and scores \(scores.shape), expected [batch, boxes, 4] and [batch, classes, boxes]")
        }
        let limit = try arguments.optional(Operand.maxOutputBoxesPerClass).map { try Indexing.number($0, named: "the limit") } ?? 0
        let overlapLimit = try arguments.optional(Operand.iouThreshold)?.reals().first ?? 0
        let scoreLimit = try arguments.optional(Operand.scoreThreshold)?.reals().first ?? -.infinity
        guard overlapLimit >= 0, overlapLimit <= 1 else {
            throw CleaveError(.invalidRequest, "the IoU threshold is \(overlapLimit), expected 0 … 1")
        }
        let (batches, classes, count) = (scores.shape[0], scores.shape[1], scores.shape[2])
        let corners = try boxes.reals()
        let values = try scores.reals()
        var selected: [Int64] = []
        for batch in 0..<batches {
            let candidates = (0..<count).map { index in
                Box(corners[((batch * count + index) * 4)..<((batch * count + index + 1) * 4)], isCenterPoint: centerPointBox)
            }
            for category in 0..<classes {
                let row = Array(values[((batch * classes + category) * count)..<((batch * classes + category + 1) * count)])
                for index in Self.suppress(candidates, scores: row, limit: limit, overlapLimit: overlapLimit, scoreLimit: scoreLimit) {
                    selected += [Int64(batch), Int64(category), Int64(index)]
                }
            }
        }
        return [try Tensor(selected, shape: [selected.count / 3, 3])]
    }

    /// Boxes by falling score, without those that overlap a better one by more than `overlapLimit`.
    private static func suppress(
        _ boxes: [Box], scores: [Double], limit: Int, overlapLimit: Double, scoreLimit: Double
    ) -> [Int] {
        let candidates = scores.indices.filter { scores[$0] > scoreLimit }
            .sorted { scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1] }
        var selected: [Int] = []
        for index in candidates where selected.count < limit {
            if selected.allSatisfy({ boxes[$0].intersectionOverUnion(boxes[index]) <= overlapLimit }) { selected.append(index) }
        }
        return selected
    }

    private struct Box {
        var top, left, bottom, right: Double

        /// From (y1, x1, y2, x2), any two opposite corners, or from (x, y, width, height).
        init(_ numbers: ArraySlice<Double>, isCenterPoint: Bool) {
            let box = Array(numbers)
            if isCenterPoint {
                (left, right) = (box[0] - box[2] / 2, box[0] + box[2] / 2)
                (top, bottom) = (box[1] - box[3] / 2, box[1] + box[3] / 2)
            } else {
                (top, bottom) = (min(box[0], box[2]), max(box[0], box[2]))
                (left, right) = (min(box[1], box[3]), max(box[1], box[3]))
            }
        }

        var area: Double { (bottom - top) * (right - left) }

        func intersectionOverUnion(_ other: Box) -> Double {
            let height = min(bottom, other.bottom) - max(top, other.top)
            let width = min(right, other.right) - max(left, other.left)
            guard height > 0, width > 0, area > 0, other.area > 0 else { return 0 }
            return height * width / (area + other.area - height * width)
        }
    }
}
