// A folder of the vault, held by descriptor: names are opened below it, never through a path that
// could be swapped, and whatever is opened is checked before a byte of it is believed.
#pragma once

#include "base/fd.hpp"
#include "base/file.hpp"
#include "vault/vault.hpp"

#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace vault {

enum class Kind { file, folder };

/// Why something must not be in a vault of @p owner: not a plain file (folder), another owner, open
/// to others, hard-linked. Nothing when it may. The hint says how to mend it.
[[nodiscard]] std::optional<base::Error> objection(const struct stat &found, Kind kind, uid_t owner,
                                                   const std::filesystem::path &shown);

/// A checked folder, mode 0700, whose files have mode 0600. Not thread-safe.
class Folder {
  public:
    /// Opens and checks the vault's own folder.
    [[nodiscard]] static base::Result<Folder> open(const std::filesystem::path &path,
                                                   Access access);
    /// Makes it when it is absent (missing parents get 0755), then opens it for writing.
    [[nodiscard]] static base::Result<Folder> create(const std::filesystem::path &path);

    /// A folder in this one. no_input: absent.
    [[nodiscard]] base::Result<Folder> subfolder(const std::string &name) const;
    [[nodiscard]] base::Result<Folder> make_subfolder(const std::string &name) const;

    /// The whole of a file. no_input: absent; bad_data: larger than @p max_bytes, or a link.
    [[nodiscard]] base::Result<std::string> read(const std::string &name,
                                                 std::size_t max_bytes) const;
    /// Writes or replaces a file: atomic, durable, 0600.
    [[nodiscard]] base::Result<void> write(const std::string &name, std::string_view data) const;
    /// Removes a name durably, whatever it is (but a folder); absent is success.
    [[nodiscard]] base::Result<void> remove(const std::string &name) const;
    /// Removes what writers that were killed left behind. Call it under the lock.
    [[nodiscard]] base::Result<void> remove_leftovers() const;

    /// Everything in it but `.` and `..`, sorted.
    [[nodiscard]] base::Result<std::vector<std::string>> names() const;
    /// The file `lock` in it, locked; waits up to 10 s for another holder.
    [[nodiscard]] base::Result<base::FileLock> lock() const;

    /// The path of @p name for people.
    [[nodiscard]] std::filesystem::path shown(const std::string &name) const {
        return m_path / name;
    }
    [[nodiscard]] const std::filesystem::path &path() const { return m_path; }
    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] uid_t owner() const { return m_owner; }

  private:
    Folder(base::Fd fd, std::filesystem::path path, uid_t owner)
        : m_fd(std::move(fd)), m_path(std::move(path)), m_owner(owner) {}
    [[nodiscard]] base::Result<base::Fd> open_file(const std::string &name, int flags) const;

    base::Fd m_fd;
    std::filesystem::path m_path;
    uid_t m_owner;
};

} // namespace vault
