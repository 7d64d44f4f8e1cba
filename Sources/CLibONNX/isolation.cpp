#include "isolation.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>

namespace cleave {

namespace {

constexpr rlim_t cpuSeconds = 120;

/// Lets a crash end the process at once: no handler that prints a backtrace, no core file; and ends it when it runs on
/// and on.
void prepareToDie() {
    for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP, SIGXCPU}) {
        std::signal(signal, SIG_DFL);
    }
    const rlimit noCore{0, 0};
    setrlimit(RLIMIT_CORE, &noCore);
    const rlimit cpu{cpuSeconds, cpuSeconds};
    setrlimit(RLIMIT_CPU, &cpu);
}

bool writeAll(int file, const char *bytes, size_t size) {
    while (size != 0) {
        const ssize_t count = write(file, bytes, size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes += count;
        size -= static_cast<size_t>(count);
    }
    return true;
}

std::string readAll(int file) {
    std::string bytes;
    size_t size = 0;
    for (;;) {
        if (size == bytes.size()) bytes.resize(size < 65536 ? 65536 : 2 * size);
        const ssize_t count = read(file, &bytes[size], bytes.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        size += static_cast<size_t>(count);
    }
    bytes.resize(size);
    return bytes;
}

Reply failure(const char *what) {
    return {CLEAVE_LIBONNX_FAILED, std::string(what) + ": " + std::strerror(errno)};
}

}  // namespace

Reply isolated(const std::function<Reply()> &work) {
    int ends[2];
#ifdef __linux__
    if (pipe2(ends, O_CLOEXEC) != 0) return failure("no pipe to a child process");
#else
    if (pipe(ends) != 0) return failure("no pipe to a child process");
    for (const int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
#endif

    const pid_t child = fork();
    if (child < 0) {
        const Reply reply = failure("no child process");
        close(ends[0]);
        close(ends[1]);
        return reply;
    }
    if (child == 0) {
        prepareToDie();
        const Reply reply = work();
        const char status = static_cast<char>(reply.status);
        const bool sent = writeAll(ends[1], &status, 1) && writeAll(ends[1], reply.payload.data(), reply.payload.size());
        _exit(sent ? 0 : 1);
    }

    close(ends[1]);
    std::string bytes;
    bool outOfMemory = false;
    try {
        bytes = readAll(ends[0]);
    } catch (const std::bad_alloc &) {
        outOfMemory = true;
    }
    close(ends[0]);
    int ending = 0;
    while (waitpid(child, &ending, 0) < 0 && errno == EINTR) {}

    if (outOfMemory) return {CLEAVE_LIBONNX_FAILED, "memory ran out"};
    if (WIFSIGNALED(ending)) {
        const int signal = WTERMSIG(ending);
        if (signal == SIGXCPU || signal == SIGKILL) return {CLEAVE_LIBONNX_CRASHED, "it did not come to an end"};
        return {CLEAVE_LIBONNX_CRASHED, std::string("it crashed: ") + strsignal(signal)};
    }
    if (bytes.empty() || !WIFEXITED(ending) || WEXITSTATUS(ending) != 0) {
        return {CLEAVE_LIBONNX_CRASHED, "it ended without a reply"};
    }
    return {static_cast<cleave_libonnx_status>(bytes[0]), bytes.substr(1)};
}

}  // namespace cleave
