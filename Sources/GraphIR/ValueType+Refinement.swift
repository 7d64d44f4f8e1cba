import Tensors

extension ValueType {
    /// This inferred type with what it leaves open taken from a declaration; where both speak, inference wins.
    func refined(by declared: ValueType?) -> ValueType {
        guard case .tensor(let inferred) = self, case .tensor(let declared)? = declared,
            inferred.elementType == declared.elementType
        else { return self }
        guard let declaredShape = declared.shape else { return self }
        guard let shape = inferred.shape else { return .tensor(declared) }
        guard shape.count == declaredShape.count else { return self }
        let merged = zip(shape, declaredShape).map { $0 == .unknown ? $1 : $0 }
        return .tensor(TensorType(inferred.elementType, merged))
    }
}
