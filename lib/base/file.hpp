// Files that are whole or absent: bounded reads, atomic durable writes, locks.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace base {

/// The whole of @p path, refused (bad_data) when larger than @p max_bytes.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path &path,
                                            std::size_t max_bytes);

/// The same of a regular file (or a link to one); anything else, such as a FIFO that would be
/// waited on for ever, is refused (bad_data).
[[nodiscard]] Result<std::string> read_regular_file(const std::filesystem::path &path,
                                                    std::size_t max_bytes);

/// Everything up to end of file on @p fd, refused when larger than @p max_bytes.
/// @p name is for error texts.
[[nodiscard]] Result<std::string> read_all(int fd, std::string_view name, std::size_t max_bytes);

/// Writes all of @p data to @p fd, over short writes and EINTR.
[[nodiscard]] Result<void> write_all(int fd, std::string_view data, std::string_view name);

/// Replaces @p path by @p data: temporary file beside it, fsync, rename, fsync of the folder. On
/// failure the old file is untouched and the temporary one is gone.
[[nodiscard]] Result<void> write_file_atomic(const std::filesystem::path &path,
                                             std::string_view data, mode_t mode);

/// The same for @p name in the folder that the descriptor @p folder holds; @p shown is for errors.
[[nodiscard]] Result<void> write_file_atomic_at(int folder, const std::string &name,
                                                std::string_view data, mode_t mode,
                                                const std::filesystem::path &shown);

/// How the names of temporary files end: one that is there although nobody writes was left behind
/// by a process that was killed, and may be removed.
inline constexpr std::string_view k_temporary_suffix = ".tmp";

/// Removes @p path durably; absent is success.
[[nodiscard]] Result<void> remove_file(const std::filesystem::path &path);
/// The same for @p name in the folder that the descriptor @p folder holds; @p shown is for errors.
[[nodiscard]] Result<void> remove_file_at(int folder, const std::string &name,
                                          const std::filesystem::path &shown);

/// Makes @p path and its missing parents, each with @p mode; existing folders are left as they are.
[[nodiscard]] Result<void> make_folders(const std::filesystem::path &path, mode_t mode);

/// An exclusive flock(2), held while the object lives. The file is created with mode 0600.
class FileLock {
  public:
    /// Waits at most @p wait_ms for another holder, then fails with try_again. A holder may remove
    /// the file at its end: whoever waited for it locks the next one.
    [[nodiscard]] static Result<FileLock> acquire(const std::filesystem::path &path, int wait_ms);
    /// The same on a file that is open already; @p shown is its name in errors.
    [[nodiscard]] static Result<FileLock> lock(Fd fd, std::string_view shown, int wait_ms);
    /// A program that this one becomes takes it over by this: lock() takes what is held already.
    [[nodiscard]] int fd() const { return m_fd.get(); }

  private:
    explicit FileLock(Fd fd) : m_fd(std::move(fd)) {}
    Fd m_fd;
};

} // namespace base
