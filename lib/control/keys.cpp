#include "control/keys.hpp"

#include "base/file.hpp"
#include "ledger/sqlite.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace control {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;

namespace {

constexpr std::string_view k_signing_file = "signing.key";
constexpr std::string_view k_group_file = "group.key";
constexpr std::size_t k_secret_bytes = 32;
constexpr std::string_view k_magic = "slotcast-secret-v1 ";

bool is_there(const fs::path &path) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(path, ignored));
}

Result<void> write_secret(const fs::path &path, seal::ByteView secret) {
    std::string text = fmt::format("{}{}\n", k_magic, seal::to_base64url(secret));
    auto done = base::write_file_atomic(path, text, 0600);
    seal::wipe(text);
    return done;
}

// Others who can read or replace a key are others who can sign bookings.
Result<void> check_private(const fs::path &path, const struct stat &info) {
    const auto refuse = [&](std::string_view what) {
        return base::fail_hint(Errc::not_permitted,
                               "make it a plain file (in a folder) that only its user can open",
                               "read {}: {}", path.native(), what);
    };
    if (info.st_uid != ::geteuid() && ::geteuid() != 0)
        return refuse("it belongs to another user");
    if ((info.st_mode & 077U) != 0)
        return refuse("its mode lets others in");
    if (S_ISREG(info.st_mode) && info.st_nlink != 1)
        return refuse("it has a second name (hard link)");
    return {};
}

Result<seal::Secret> read_secret(const fs::path &path) {
    const base::Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd && errno == ENOENT)
        return base::fail_hint(Errc::no_input, "make it with resv-control init",
                               "read {}: not there", path.native());
    if (!fd && errno == ELOOP)
        return base::fail_hint(Errc::not_permitted, "put the file itself there",
                               "read {}: it is a symbolic link", path.native());
    if (!fd)
        return base::fail_errno("open", path.native());
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0)
        return base::fail_errno("read", path.native());
    TRY(check_private(path, info));
    std::string text = TRY(base::read_all(fd.get(), path.native(), 256));
    std::string_view rest = text;
    Result<seal::Bytes> bytes = base::fail(Errc::bad_data, "");
    if (rest.starts_with(k_magic) && rest.ends_with('\n')) {
        rest.remove_prefix(k_magic.size());
        rest.remove_suffix(1);
        bytes = seal::from_base64url(rest);
    }
    seal::wipe(text);
    if (!bytes || bytes->size() != k_secret_bytes)
        return base::fail_hint(Errc::bad_data, "restore it from a backup",
                               "read {}: not a key of Slotcast", path.native());
    return seal::Secret{std::move(*bytes)};
}

Result<void> check_folder(const fs::path &folder) {
    struct stat info{};
    if (::lstat(folder.c_str(), &info) != 0 && errno == ENOENT)
        return base::fail_hint(Errc::no_input, "make it with resv-control init",
                               "open {}: not there", folder.native());
    if (::lstat(folder.c_str(), &info) != 0)
        return base::fail_errno("open", folder.native());
    if (!S_ISDIR(info.st_mode))
        return base::fail(Errc::not_permitted, "open {}: not a folder", folder.native());
    return check_private(folder, info);
}

} // namespace

// The signing key comes last: with it the set is whole, without it nobody can have been enrolled.
Result<InitResult> init_data(const Config &config) {
    TRY(base::make_folders(config.data.parent_path(), 0755));
    TRY(base::make_folders(config.data, 0700));
    TRY(check_folder(config.data));
    const auto lock = TRY(base::FileLock::acquire(config.data / "init.lock", 5000));
    const fs::path signing = config.data / k_signing_file;
    const fs::path group = config.data / k_group_file;
    if (is_there(signing)) {
        for (const fs::path &part : {group, config.ledger()})
            if (!is_there(part))
                return base::fail_hint(
                    Errc::bad_data, "restore it from a backup, or choose another data folder",
                    "init {}: {} is missing", config.data.native(), part.filename().native());
        TRY(load_keys(config));
        return InitResult::was_there;
    }
    if (!is_there(config.ledger()))
        TRY(ledger::create_sqlite_ledger(config.ledger()));
    auto opened = TRY(ledger::open_sqlite_ledger(config.ledger(), ledger::Verify::no));
    TRY(opened->read([&](ledger::Transaction &t) -> Result<void> {
        if (TRY(t.parties()).empty())
            return {};
        return base::fail_hint(Errc::bad_data, "restore it from a backup",
                               "init {}: parties are enrolled but {} is missing",
                               config.data.native(), k_signing_file);
    }));
    if (!is_there(group))
        TRY(write_secret(group, seal::Secret{seal::random_bytes(k_secret_bytes)}.view()));
    TRY(write_secret(signing, seal::SigningKey::generate().seed().view()));
    return InitResult::made;
}

Result<Keys> load_keys(const Config &config) {
    TRY(check_folder(config.data));
    const seal::Secret seed = TRY(read_secret(config.data / k_signing_file));
    return Keys{.signing = TRY(seal::SigningKey::from_seed(seed.view())),
                .group = TRY(read_secret(config.data / k_group_file))};
}

} // namespace control
