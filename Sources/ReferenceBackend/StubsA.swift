import GraphIR
import Tensors

// Stand-ins until each family has its kernel.
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
