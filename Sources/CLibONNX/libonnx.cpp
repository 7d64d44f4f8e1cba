#include "libonnx.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/checker.h>
#include <onnx/common/version.h>
#include <onnx/shape_inference/implementation.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "guard.h"
#include "isolation.h"

namespace {

using cleave::Reply;

struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Initializes what the library builds on first use, and keeps protobuf from printing.
void prepareLibrary() {
    static const bool once = [] {
        google::protobuf::SetLogHandler(nullptr);
        onnx::OpSchemaRegistry::Schema("Relu", 17, "");
        onnx::OpSchemaRegistry::DomainToVersionRange::Instance();
        return true;
    }();
    (void)once;
}

onnx::ModelProto load(const void *bytes, size_t size) {
    if (size > INT_MAX) throw Unreadable("it is over 2 GiB, the most that the format allows");
    google::protobuf::io::ArrayInputStream stream(bytes, static_cast<int>(size));
    google::protobuf::io::CodedInputStream input(&stream);
    input.SetTotalBytesLimit(INT_MAX);
    onnx::ModelProto model;
    if (!model.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage()) {
        throw Unreadable("the bytes are no serialized model");
    }
    cleave::normalizeDomains(model);
    cleave::guard(model);
    return model;
}

/// Runs `body`, which returns the payload of success, and turns whatever it throws into a reply.
template <typename Body>
Reply translate(const Body &body) {
    try {
        return {CLEAVE_LIBONNX_OK, body()};
    } catch (const cleave::TooNew &error) {
        return {CLEAVE_LIBONNX_TOO_NEW, error.what()};
    } catch (const Unreadable &error) {
        return {CLEAVE_LIBONNX_UNREADABLE, error.what()};
    } catch (const Failed &error) {
        return {CLEAVE_LIBONNX_FAILED, error.what()};
    } catch (const std::bad_alloc &) {
        return {CLEAVE_LIBONNX_FAILED, "memory ran out"};
    } catch (const std::exception &error) {
        return {CLEAVE_LIBONNX_INVALID, error.what()};
    } catch (...) {
        return {CLEAVE_LIBONNX_INVALID, "the library failed without saying why"};
    }
}

template <typename Body>
Reply ask(const Body &body) noexcept {
    try {
        prepareLibrary();
        return cleave::isolated([&] { return translate(body); });
    } catch (...) {
        return {CLEAVE_LIBONNX_FAILED, {}};
    }
}

/// A copy that ends with a zero byte, which is not counted.
char *copy(const std::string &bytes) {
    auto *result = static_cast<char *>(std::malloc(bytes.size() + 1));
    if (result != nullptr) std::memcpy(result, bytes.c_str(), bytes.size() + 1);
    return result;
}

}  // namespace

const char *cleave_libonnx_version(void) { return onnx::LAST_RELEASE_VERSION; }

int64_t cleave_libonnx_newest_ir_version(void) { return onnx::Version::IR_VERSION; }

int64_t cleave_libonnx_newest_opset(const char *domain) {
    const std::string name = std::strcmp(domain, "ai.onnx") == 0 ? "" : domain;
    const auto &known = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
    const auto range = known.find(name);
    return range == known.end() ? 0 : range->second.second;
}

cleave_libonnx_status cleave_libonnx_check(const void *bytes, size_t size, char **message) {
    const Reply reply = ask([&] {
        onnx::checker::check_model(load(bytes, size));
        return std::string();
    });
    *message = reply.status == CLEAVE_LIBONNX_OK ? nullptr : copy(reply.payload);
    return reply.status;
}

cleave_libonnx_status cleave_libonnx_infer_shapes(
    const void *bytes, size_t size, unsigned options, void **inferred, size_t *inferred_size, char **message) {
    *inferred = nullptr;
    *inferred_size = 0;
    *message = nullptr;
    const Reply reply = ask([&] {
        onnx::ModelProto model = load(bytes, size);
        const onnx::ShapeInferenceOptions chosen(
            (options & CLEAVE_LIBONNX_CHECK_TYPES) != 0, (options & CLEAVE_LIBONNX_STRICT) != 0,
            (options & CLEAVE_LIBONNX_PROPAGATE_DATA) != 0);
        onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), chosen);
        if (model.ByteSizeLong() > INT_MAX) throw Failed("the result is over 2 GiB, the most that the format allows");
        return model.SerializeAsString();
    });
    if (reply.status != CLEAVE_LIBONNX_OK) {
        *message = copy(reply.payload);
        return reply.status;
    }
    *inferred = copy(reply.payload);
    if (*inferred == nullptr) return CLEAVE_LIBONNX_FAILED;
    *inferred_size = reply.payload.size();
    return CLEAVE_LIBONNX_OK;
}

void cleave_libonnx_free(void *block) { std::free(block); }
