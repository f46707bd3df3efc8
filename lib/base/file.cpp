#include "base/file.hpp"

#include <array>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
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

Result<std::string> read_regular_file(const fs::path &path, std::size_t max_bytes) {
    const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)};
    if (!fd)
        return fail_errno("open", path.native());
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0)
        return fail_errno("look at", path.native());
    if (!S_ISREG(info.st_mode))
        return fail(Errc::bad_data, "read {}: not a regular file", path.native());
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

Result<Fd> open_folder(const fs::path &folder) {
    Fd fd{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd)
        return fail_errno("open folder", folder.empty() ? "." : folder.native());
    return fd;
}

Result<void> sync_folder(int folder, std::string_view shown) {
    if (::fsync(folder) != 0)
        return fail_errno("sync folder of", shown);
    return {};
}

// A new file beside `name`, which gets its name; O_EXCL never follows what somebody planted there.
Result<Fd> create_temporary(int folder, std::string &name, const fs::path &shown) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        std::uint64_t random = 0;
        if (::getrandom(&random, sizeof random, 0) != sizeof random)
            return fail_errno("get randomness for", shown.native());
        const std::string candidate = fmt::format("{}.{:016x}{}", name, random, k_temporary_suffix);
        Fd fd{::openat(folder, candidate.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
        if (fd) {
            name = candidate;
            return fd;
        }
        if (errno != EEXIST)
            return fail_errno("create", shown.native());
    }
    return fail(Errc::io, "create {}: no free name for a temporary file", shown.native());
}

Result<void> fill_and_rename(Fd fd, int folder, const std::string &temp, const std::string &name,
                             std::string_view data, mode_t mode, const fs::path &shown) {
    TRY(write_all(fd.get(), data, shown.native()));
    if (::fchmod(fd.get(), mode) != 0)
        return fail_errno("chmod", shown.native());
    if (::fsync(fd.get()) != 0)
        return fail_errno("sync", shown.native());
    fd.reset();
    if (::renameat(folder, temp.c_str(), folder, name.c_str()) != 0)
        return fail_errno("rename", shown.native());
    return sync_folder(folder, shown.native());
}

} // namespace

Result<void> write_file_atomic_at(int folder, const std::string &name, std::string_view data,
                                  mode_t mode, const fs::path &shown) {
    std::string temp = name;
    Fd fd = TRY(create_temporary(folder, temp, shown));
    auto done = fill_and_rename(std::move(fd), folder, temp, name, data, mode, shown);
    if (!done)
        ::unlinkat(folder, temp.c_str(), 0);
    return done;
}

Result<void> write_file_atomic(const fs::path &path, std::string_view data, mode_t mode) {
    const Fd folder = TRY(open_folder(path.parent_path()));
    return write_file_atomic_at(folder.get(), path.filename().native(), data, mode, path);
}

Result<void> remove_file_at(int folder, const std::string &name, const fs::path &shown) {
    if (::unlinkat(folder, name.c_str(), 0) != 0) {
        if (errno == ENOENT)
            return {};
        return fail_errno("remove", shown.native());
    }
    return sync_folder(folder, shown.native());
}

Result<void> remove_file(const fs::path &path) {
    const auto folder = open_folder(path.parent_path());
    if (!folder && folder.error().code == Errc::no_input)
        return {}; // without its folder the file is absent too
    if (!folder)
        return std::unexpected(folder.error());
    return remove_file_at(folder->get(), path.filename().native(), path);
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

namespace {

// False when the file was removed, by a holder at its end, while we waited for it.
bool is_still_at(const Fd &fd, const fs::path &path) {
    struct stat held{};
    struct stat named{};
    return ::fstat(fd.get(), &held) == 0 && ::lstat(path.c_str(), &named) == 0 &&
           held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

} // namespace

Result<FileLock> FileLock::acquire(const fs::path &path, int wait_ms) {
    for (;;) {
        Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!fd)
            return fail_errno("open lock", path.native());
        auto lock = FileLock::lock(std::move(fd), path.native(), wait_ms);
        if (!lock || is_still_at(lock->m_fd, path))
            return lock;
    }
}

Result<FileLock> FileLock::lock(Fd fd, std::string_view shown, int wait_ms) {
    using namespace std::chrono_literals;
    for (;; wait_ms -= 20) {
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
            return FileLock{std::move(fd)};
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail_errno("lock", shown);
        if (wait_ms <= 0)
            return fail_hint(Errc::try_again,
                             "wait for the other command to end, or see who holds it with fuser",
                             "lock {}: held by another process", shown);
        std::this_thread::sleep_for(20ms);
    }
}

} // namespace base
