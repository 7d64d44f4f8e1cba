#ifndef CLEAVE_LIBONNX_ISOLATION_H
#define CLEAVE_LIBONNX_ISOLATION_H

#include <functional>
#include <string>

#include "libonnx.h"

namespace cleave {

/// What a call to the library came to, and the text or the bytes that go with it.
struct Reply {
    cleave_libonnx_status status;
    std::string payload;
};

/// Runs `work` in a copy of this process and returns its reply, or one that says how the copy died.
///
/// `work` must not throw. It runs with the memory of the moment of the call and without the process's other threads, so
/// it must not wait for any of them: whatever the library initializes behind a lock has to be initialized before.
Reply isolated(const std::function<Reply()> &work);

}  // namespace cleave

#endif
