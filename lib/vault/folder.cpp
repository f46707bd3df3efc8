#include "vault/folder.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>

namespace vault {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::fail_errno;
using base::fail_hint;
using base::Fd;
using base::Result;

namespace {

constexpr int k_lock_wait_ms = 10'000;
constexpr mode_t k_others = S_IRWXG | S_IRWXO;

// The path without a trailing slash, through which open(2) would follow a link despite O_NOFOLLOW.
fs::path without_slash(const fs::path &path) {
    const fs::path normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
}

Result<Fd> open_folder_at(int at, const std::string &name, const fs::path &shown) {
    Fd fd{::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (fd)
        return fd;
    if (errno == ENOTDIR || errno == ELOOP)
        return fail_hint(Errc::bad_data, "put the folder itself there, not a link to it",
                         "open {}: a symbolic link, or not a folder", shown.native());
    return fail_errno("open", shown.native());
}

} // namespace

std::optional<Error> objection(const struct stat &found, Kind kind, uid_t owner,
                               const fs::path &shown) {
    const bool folder = kind == Kind::folder;
    const auto refuse = [&](Errc code, std::string_view why, std::string hint) {
        return Error{code, fmt::format("{}: {}", shown.native(), why), std::move(hint)};
    };
    if (S_ISLNK(found.st_mode))
        return refuse(Errc::bad_data, "a symbolic link", "remove it");
    if (folder ? !S_ISDIR(found.st_mode) : !S_ISREG(found.st_mode))
        return refuse(Errc::bad_data, folder ? "not a folder" : "not a regular file", "remove it");
    if (found.st_uid != owner)
        return refuse(Errc::not_permitted,
                      fmt::format("belongs to uid {}, not to uid {}", found.st_uid, owner),
                      "only its owner's commands may fill a vault; look at who put it there");
    if ((found.st_mode & k_others) != 0)
        return refuse(Errc::not_permitted,
                      fmt::format("mode {:04o} lets others at it", found.st_mode & 07777U),
                      fmt::format("chmod {} {}", folder ? "700" : "600", shown.native()));
    if (!folder && found.st_nlink != 1)
        return refuse(Errc::bad_data, fmt::format("has {} names (hard links)", found.st_nlink),
                      "remove the other names, or this one");
    return std::nullopt;
}

Result<Folder> Folder::open(const fs::path &path, Access access) {
    fs::path clean = without_slash(path);
    auto fd = open_folder_at(AT_FDCWD, clean.native(), clean);
    if (!fd) {
        Error e = std::move(fd).error();
        if (e.code == Errc::no_input)
            e.hint = "make the vault with resv-store init, or name it with --vault";
        return std::unexpected(std::move(e));
    }
    struct stat found{};
    if (::fstat(fd->get(), &found) != 0)
        return fail_errno("look at", clean.native());
    const uid_t me = ::geteuid();
    if (found.st_uid != me && access == Access::write)
        return fail_hint(Errc::not_permitted, "run the command as that user",
                         "{}: belongs to uid {}, and only its owner changes a vault",
                         clean.native(), found.st_uid);
    // Root may read a user's vault; everybody else needs to be its owner.
    const uid_t owner = me == 0 ? found.st_uid : me;
    if (auto why = objection(found, Kind::folder, owner, clean))
        return std::unexpected(*std::move(why));
    return Folder{*std::move(fd), std::move(clean), owner};
}

Result<Folder> Folder::create(const fs::path &path) {
    const fs::path clean = without_slash(path);
    if (clean.has_parent_path())
        TRY(base::make_folders(clean.parent_path(), 0755));
    if (::mkdir(clean.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno("make folder", clean.native());
    return open(clean, Access::write);
}

Result<Folder> Folder::subfolder(const std::string &name) const {
    Fd fd = TRY(open_folder_at(m_fd.get(), name, shown(name)));
    struct stat found{};
    if (::fstat(fd.get(), &found) != 0)
        return fail_errno("look at", shown(name).native());
    if (auto why = objection(found, Kind::folder, m_owner, shown(name)))
        return std::unexpected(*std::move(why));
    return Folder{std::move(fd), shown(name), m_owner};
}

Result<Folder> Folder::make_subfolder(const std::string &name) const {
    if (::mkdirat(m_fd.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno("make folder", shown(name).native());
    return subfolder(name);
}

Result<Fd> Folder::open_file(const std::string &name, int flags) const {
    // O_NONBLOCK: a planted FIFO must not hold us up before the check refuses it.
    Fd fd{::openat(m_fd.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                   0600)};
    if (!fd && errno == ELOOP)
        return fail_hint(Errc::bad_data, "remove it", "{}: a symbolic link", shown(name).native());
    if (!fd)
        return fail_errno("open", shown(name).native());
    struct stat found{};
    if (::fstat(fd.get(), &found) != 0)
        return fail_errno("look at", shown(name).native());
    if (auto why = objection(found, Kind::file, m_owner, shown(name)))
        return std::unexpected(*std::move(why));
    return fd;
}

Result<std::string> Folder::read(const std::string &name, std::size_t max_bytes) const {
    const Fd fd = TRY(open_file(name, O_RDONLY));
    return base::read_all(fd.get(), shown(name).native(), max_bytes);
}

Result<void> Folder::write(const std::string &name, std::string_view data) const {
    return base::write_file_atomic_at(m_fd.get(), name, data, 0600, shown(name));
}

Result<void> Folder::remove(const std::string &name) const {
    return base::remove_file_at(m_fd.get(), name, shown(name));
}

Result<void> Folder::remove_leftovers() const {
    for (const std::string &name : TRY(names()))
        if (name.ends_with(base::k_temporary_suffix))
            TRY(remove(name));
    return {};
}

Result<std::vector<std::string>> Folder::names() const {
    // A fresh open file description: readdir(3) moves its offset, and closedir(3) closes it.
    const int fd = ::openat(m_fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? nullptr : ::fdopendir(fd);
    if (dir == nullptr) {
        const Fd closes{fd};
        return fail_errno("list", m_path.native());
    }
    const std::unique_ptr<DIR, int (*)(DIR *)> closes{dir, ::closedir};
    std::vector<std::string> out;
    for (;;) {
        errno = 0;
        const dirent *entry = ::readdir(dir); // NOLINT(concurrency-mt-unsafe): the stream is ours
        if (entry == nullptr && errno != 0)
            return fail_errno("list", m_path.native());
        if (entry == nullptr)
            break;
        if (const std::string_view name{entry->d_name}; name != "." && name != "..")
            out.emplace_back(name);
    }
    std::ranges::sort(out);
    return out;
}

Result<base::FileLock> Folder::lock() const {
    Fd fd = TRY(open_file("lock", O_RDWR | O_CREAT));
    return base::FileLock::lock(std::move(fd), shown("lock").native(), k_lock_wait_ms);
}

} // namespace vault
