#ifndef CLEAVE_LIBONNX_GUARD_H
#define CLEAVE_LIBONNX_GUARD_H

#include <onnx/onnx_pb.h>

#include <stdexcept>

namespace cleave {

/// The model uses something that the library does not have.
struct TooNew : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The model breaks a rule that the library relies on without checking it.
struct Invalid : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Replaces the domain "ai.onnx" by its other name, the empty one, wherever a domain of operators is named.
void normalizeDomains(onnx::ModelProto &model);

/// Throws unless the model is one that the library can be asked about.
void guard(const onnx::ModelProto &model);

}  // namespace cleave

#endif
