/// Numeric element types and tensors.
