// Preloaded into resv-control by a test: a disk that cannot keep what was written to a log of
// SQLite, for as long as the file $SLOTCAST_FAIL_SYNC exists.
#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <unistd.h>

extern "C" int fdatasync(int fd) {
    std::string path(4096, '\0');
    const auto size =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
    path.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    const char *file = std::getenv("SLOTCAST_FAIL_SYNC"); // NOLINT(concurrency-mt-unsafe)
    if (path.ends_with("-wal") && file != nullptr && ::access(file, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    // NOLINTNEXTLINE(*-reinterpret-cast)
    static const auto real = reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, "fdatasync"));
    return real(fd);
}
