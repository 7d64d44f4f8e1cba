import GraphIR
import Tensors

// Stand-ins until each family has its kernel.
extension BatchNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension InstanceNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension LayerNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension GroupNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension RMSNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension LocalResponseNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension LpNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension MeanVarianceNorm: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Unary: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension IsInfinite: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Binary: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Variadic: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Where: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Clip: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Cast: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension CastLike: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Activation: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Softmax: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension Reduction: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension ArgReduction: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
extension CumulativeSum: ReferenceKernel { func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { throw CleaveError(.unsupported, "no kernel") } }
