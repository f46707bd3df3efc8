// Preloaded into resv-control by tests: writes down what crosses its TLS connections, so that every
// answer can be held against openapi.json (tests/web/check-answers.mjs). $SLOTCAST_RECORD is the
// file; one record for each piece: "PID CONNECTION new|in|out LENGTH\n", the bytes, "\n".
#include <array>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

// OpenSSL's own header would have us link it, and every program of a test is given this.
struct ssl_st;     // NOLINT(*-identifier-naming)
struct ssl_ctx_st; // NOLINT(*-identifier-naming)

namespace {

template <typename Function> Function *next(const char *name) {
    void *found = ::dlsym(RTLD_NEXT, name);
    if (found == nullptr) // who loads it later, as Python does, keeps it to itself
        found = ::dlsym(::dlopen("libssl.so.3", RTLD_LAZY | RTLD_NOLOAD), name);
    return reinterpret_cast<Function *>(found);
}

int file() {
    static const int fd = [] {
        const char *path = std::getenv("SLOTCAST_RECORD"); // NOLINT(concurrency-mt-unsafe)
        return path == nullptr
                   ? -1
                   : ::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    }();
    return fd;
}

// One write for each, for several processes may share the file.
void record(const ssl_st *connection, const char *what, const void *data, int length) {
    std::array<char, 80> head{};
    const int n = std::snprintf(head.data(), head.size(), "%d %p %s %d\n", ::getpid(),
                                static_cast<const void *>(connection), what, length);
    char end = '\n';
    const std::array<iovec, 3> parts{{{head.data(), static_cast<size_t>(n)},
                                      {const_cast<void *>(data), static_cast<size_t>(length)},
                                      {&end, 1}}};
    if (::writev(file(), parts.data(), parts.size()) < 0)
        ::perror("record-http");
}

bool wanted(const ssl_st *connection) {
    static const auto is_server = next<int(const ssl_st *)>("SSL_is_server");
    return file() >= 0 && is_server(connection) != 0;
}

} // namespace

extern "C" {

ssl_st *SSL_new(ssl_ctx_st *context) {
    static const auto real = next<ssl_st *(ssl_ctx_st *)>("SSL_new");
    ssl_st *made = real(context);
    if (made != nullptr && file() >= 0)
        record(made, "new", "", 0);
    return made;
}

int SSL_read(ssl_st *connection, void *data, int length) {
    static const auto real = next<int(ssl_st *, void *, int)>("SSL_read");
    const int n = real(connection, data, length);
    if (n > 0 && wanted(connection))
        record(connection, "in", data, n);
    return n;
}

int SSL_write(ssl_st *connection, const void *data, int length) {
    static const auto real = next<int(ssl_st *, const void *, int)>("SSL_write");
    const int n = real(connection, data, length);
    if (n > 0 && wanted(connection))
        record(connection, "out", data, n);
    return n;
}
}
