#include "base/file.hpp"

#include <array>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>

namespace base {

namespace fs = std::filesystem;

Result<std::string> read_all(int fd, std::string_view name, std::size_t max_bytes) {
    std::string out;
    std::array<char, 16384> chunk; // NOLINT(*-member-init): filled by read
    for (;;) {
        const ssize_t n = ::read(fd, chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno("read", name);
        if (n == 0)
            return out;
        out.append(chunk.data(), static_cast<std::size_t>(n));
        if (out.size() > max_bytes)
            return fail(Errc::bad_data, "read {}: larger than {} bytes", name, max_bytes);
    }
}

Result<std::string> read_file(const fs::path &path, std::size_t max_bytes) {
    const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
    if (!fd)
        return fail_errno("open", path.native());
    return read_all(fd.get(), path.native(), max_bytes);
}

Result<void> write_all(int fd, std::string_view data, std::string_view name) {
    while (!data.empty()) {
        const ssize_t n = ::write(fd, data.data(), data.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno("write", name);
        data.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

namespace {

Result<void> sync_folder(const fs::path &folder) {
    const Fd fd{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd)
        return fail_errno("open", folder.native());
    if (::fsync(fd.get()) != 0)
        return fail_errno("sync", folder.native());
    return {};
}

Result<void> write_and_rename(Fd fd, const std::string &temp, const fs::path &path,
                              std::string_view data, mode_t mode) {
    TRY(write_all(fd.get(), data, path.native()));
    if (::fchmod(fd.get(), mode) != 0)
        return fail_errno("chmod", path.native());
    if (::fsync(fd.get()) != 0)
        return fail_errno("sync", path.native());
    fd.reset();
    if (::rename(temp.c_str(), path.c_str()) != 0)
        return fail_errno("rename", path.native());
    return sync_folder(path.parent_path());
}

} // namespace

Result<void> write_file_atomic(const fs::path &path, std::string_view data, mode_t mode) {
    std::string temp = path.native() + ".XXXXXX";
    Fd fd{::mkostemp(temp.data(), O_CLOEXEC)}; // mkostemp creates it 0600
    if (!fd)
        return fail_errno("create", path.native());
    auto done = write_and_rename(std::move(fd), temp, path, data, mode);
    if (!done)
        ::unlink(temp.c_str());
    return done;
}

Result<void> remove_file(const fs::path &path) {
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT)
            return {};
        return fail_errno("remove", path.native());
    }
    return sync_folder(path.parent_path());
}

Result<void> make_folders(const fs::path &path, mode_t mode) {
    fs::path made;
    for (const fs::path &part : path.lexically_normal()) {
        made /= part;
        if (made.empty() || made == "/")
            continue;
        if (::mkdir(made.c_str(), mode) != 0 && errno != EEXIST)
            return fail_errno("make folder", made.native());
    }
    std::error_code ignored;
    if (!fs::is_directory(path, ignored))
        return fail(Errc::io, "make folder {}: something else has that name", path.native());
    return {};
}

Result<FileLock> FileLock::acquire(const fs::path &path, int wait_ms) {
    Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd)
        return fail_errno("open lock", path.native());
    using namespace std::chrono_literals;
    for (;; wait_ms -= 20) {
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
            return FileLock{std::move(fd)};
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail_errno("lock", path.native());
        if (wait_ms <= 0)
            return fail_hint(Errc::try_again, "wait for the other command to end, or see who holds it with fuser",
                             "lock {}: held by another process", path.native());
        std::this_thread::sleep_for(20ms);
    }
}

} // namespace base
