import GraphIR
import Tensors

// Stand-ins until each family has its kernel.
extension RoiAlign: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Resize: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Upsample: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension GridSample: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension QuantizeLinear: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension DequantizeLinear: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension DynamicQuantizeLinear: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension NegativeLogLikelihoodLoss: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension SoftmaxCrossEntropyLoss: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
