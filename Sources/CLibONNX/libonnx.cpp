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

namespace {

struct Unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void silenceProtobuf() {
    static const bool once = [] {
        google::protobuf::SetLogHandler(nullptr);
        return true;
    }();
    (void)once;
}

onnx::ModelProto parse(const void *bytes, size_t size) {
    if (size > INT_MAX) throw Unreadable("it is over 2 GiB, the most that the format allows");
    google::protobuf::io::ArrayInputStream stream(bytes, static_cast<int>(size));
    google::protobuf::io::CodedInputStream input(&stream);
    input.SetTotalBytesLimit(INT_MAX);
    onnx::ModelProto model;
    if (!model.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage()) {
        throw Unreadable("the bytes are no serialized model");
    }
    return model;
}

onnx::ModelProto load(const void *bytes, size_t size) {
    silenceProtobuf();
    onnx::ModelProto model = parse(bytes, size);
    cleave::normalizeDomains(model);
    cleave::guard(model);
    return model;
}

char *copyText(const char *text) {
    const size_t size = std::strlen(text) + 1;
    auto *copy = static_cast<char *>(std::malloc(size));
    if (copy != nullptr) std::memcpy(copy, text, size);
    return copy;
}

/// Runs `body` and turns whatever it throws into a status and a message.
template <typename Body>
cleave_libonnx_status translate(char **message, const Body &body) noexcept {
    *message = nullptr;
    const auto fail = [message](cleave_libonnx_status status, const char *text) {
        *message = copyText(text);
        return status;
    };
    try {
        body();
        return CLEAVE_LIBONNX_OK;
    } catch (const cleave::TooNew &error) {
        return fail(CLEAVE_LIBONNX_TOO_NEW, error.what());
    } catch (const Unreadable &error) {
        return fail(CLEAVE_LIBONNX_UNREADABLE, error.what());
    } catch (const Failed &error) {
        return fail(CLEAVE_LIBONNX_FAILED, error.what());
    } catch (const std::bad_alloc &) {
        return fail(CLEAVE_LIBONNX_FAILED, "memory ran out");
    } catch (const std::exception &error) {
        return fail(CLEAVE_LIBONNX_INVALID, error.what());
    } catch (...) {
        return fail(CLEAVE_LIBONNX_INVALID, "the library failed without saying why");
    }
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
    return translate(message, [&] { onnx::checker::check_model(load(bytes, size)); });
}

cleave_libonnx_status cleave_libonnx_infer_shapes(
    const void *bytes, size_t size, unsigned options, void **inferred, size_t *inferred_size, char **message) {
    *inferred = nullptr;
    *inferred_size = 0;
    return translate(message, [&] {
        onnx::ModelProto model = load(bytes, size);
        const onnx::ShapeInferenceOptions chosen(
            (options & CLEAVE_LIBONNX_CHECK_TYPES) != 0, (options & CLEAVE_LIBONNX_STRICT) != 0,
            (options & CLEAVE_LIBONNX_PROPAGATE_DATA) != 0);
        onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), chosen);
        const size_t result_size = model.ByteSizeLong();
        if (result_size > INT_MAX) throw Failed("the result is over 2 GiB, the most that the format allows");
        void *result = std::malloc(result_size == 0 ? 1 : result_size);
        if (result == nullptr) throw std::bad_alloc();
        model.SerializeToArray(result, static_cast<int>(result_size));
        *inferred = result;
        *inferred_size = result_size;
    });
}

void cleave_libonnx_free(void *block) { std::free(block); }
