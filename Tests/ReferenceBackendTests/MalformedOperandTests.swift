import OperatorCases
import ReferenceBackend
import Tensors
import Testing

/// Operands that do not fit an operator are refused with an error, or computed; they never stop the program.
struct MalformedOperandTests {
    /// The tensor under other shapes, with other elements, and of other types.
    private func distortions(of tensor: Tensor) throws -> [Tensor?] {
        var results: [Tensor?] = [nil]
        results.append(try Tensor(repeating: 0, shape: [0], as: tensor.elementType == .string ? .float32 : tensor.elementType))
        results.append(try? tensor.reshaped(tensor.shape + [1]))
        results.append(try? tensor.reshaped([1] + tensor.shape))
        results.append(try? tensor.reshaped([tensor.count]))
        for axis in tensor.shape.indices {
            var shape = tensor.shape
            shape[axis] = 0
            results.append(try? Tensor(repeating: 0, shape: shape, as: tensor.elementType))
            shape[axis] = tensor.shape[axis] + 1
            results.append(try? Tensor(repeating: 1, shape: shape, as: tensor.elementType))
        }
        for type in [ElementType.float32, .float16, .int64, .uint64, .bool, .int4, .complex64] where type != tensor.elementType {
            results.append(try? Tensor(repeating: 1, shape: tensor.shape, as: type))
        }
        results.append(try Tensor(shape: tensor.shape, strings: [[UInt8]](repeating: [0x31], count: tensor.count)))
        if tensor.elementType.isInteger {
            for value in [Int64.min, -1, 0, 1 << 62, .max] {
                results.append(try Tensor([Int64](repeating: value, count: tensor.count), shape: tensor.shape, as: tensor.elementType))
            }
        } else {
            for value in [Double.nan, -.infinity, .infinity, 1e300] {
                results.append(try? Tensor(repeating: value, shape: tensor.shape, as: tensor.elementType))
            }
        }
        return results
    }

    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func areRefusedOrComputed(_ row: OperatorCase) throws {
        for position in row.operands.indices {
            guard let operand = row.operands[position] else { continue }
            for distorted in try distortions(of: operand) {
                var operands = row.operands
                operands[position] = distorted
                do {
                    let outputs = try evaluate(row.operation, operands: operands, outputCount: row.outputs.count, opset: row.opset)
                    for case let output? in outputs {
                        #expect(output.count == (try Tensor.elementCount(of: output.shape)))
                    }
                } catch let error as CleaveError {
                    // In a subgraph, it is the node inside that the operand does not fit.
                    #expect(error.location.operatorName == row.operation.name || row.operation.isControlFlow)
                }
            }
        }
        guard !row.operands.isEmpty else { return }
        #expect(throws: CleaveError.self) {
            try evaluate(row.operation, operands: row.operands.map { _ in nil }, outputCount: row.outputs.count, opset: row.opset)
        }
    }
}
