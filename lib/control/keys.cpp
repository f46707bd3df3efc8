#include "control/keys.hpp"

#include "base/file.hpp"
#include "control/ledgers.hpp"
#include "seal/hash.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace control {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::Result;

namespace {

constexpr std::string_view k_signing_file = "signing.key";
constexpr std::string_view k_group_file = "group.key";
constexpr std::size_t k_secret_bytes = 32;
constexpr std::string_view k_magic = "slotcast-secret-v1 ";
constexpr std::size_t k_max_key_file = 256;

bool is_there(const fs::path &path) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(path, ignored));
}

// One line: "slotcast-secret-v1 SECRET CHECK". CHECK covers the file's name too, so that neither a
// flipped bit nor the one key in place of the other goes unnoticed.
std::string check_of(const fs::path &path, std::string_view line) {
    std::string covered = fmt::format("{} {}", path.filename().native(), line);
    std::string check = seal::check_value(covered);
    seal::wipe(covered);
    return check;
}

Result<void> write_secret(const fs::path &path, seal::ByteView secret) {
    std::string text = fmt::format("{}{}", k_magic, seal::to_base64url(secret));
    text += fmt::format(" {}\n", check_of(path, text));
    auto done = base::write_file_atomic(path, text, 0600);
    seal::wipe(text);
    return done;
}

Result<seal::Secret> parse_secret(const fs::path &path, std::string_view text) {
    const std::size_t end = text.rfind(' ');
    if (end != std::string_view::npos && end > k_magic.size() && text.starts_with(k_magic) &&
        text.substr(end) == fmt::format(" {}\n", check_of(path, text.substr(0, end)))) {
        auto bytes = seal::from_base64url(text.substr(k_magic.size(), end - k_magic.size()));
        if (bytes && bytes->size() == k_secret_bytes)
            return seal::Secret{std::move(*bytes)};
    }
    return base::fail_hint(Errc::bad_data, "restore it from a backup",
                           "read {}: not a key of Slotcast, or damaged", path.native());
}

Error odd(const fs::path &path, std::string_view what) {
    return {Errc::bad_data, fmt::format("read {}: {}", path.native(), what),
            "put the plain file (or folder) itself there"};
}

// Others who can read or replace a key are others who can sign bookings: not even root's control
// works with what belongs to somebody else.
Result<void> check_private(const fs::path &path, const struct stat &info) {
    const auto refuse = [&](std::string_view what) {
        return base::fail_hint(Errc::not_permitted,
                               "run resv-control as its owner, and let only the owner open it",
                               "read {}: {}", path.native(), what);
    };
    if (info.st_uid != ::geteuid())
        return refuse("it belongs to another user");
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return refuse("its mode lets others in");
    return {};
}

Result<seal::Secret> read_secret(const fs::path &path) {
    // O_NONBLOCK: a planted FIFO must not hold us up before it is refused.
    const base::Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
    if (!fd && errno == ENOENT)
        return base::fail_hint(Errc::no_input, "make it with resv-control init",
                               "read {}: not there", path.native());
    if (!fd && errno == ELOOP)
        return std::unexpected(odd(path, "it is a symbolic link"));
    if (!fd)
        return base::fail_errno("open", path.native());
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0)
        return base::fail_errno("read", path.native());
    if (!S_ISREG(info.st_mode))
        return std::unexpected(odd(path, "not a regular file"));
    TRY(check_private(path, info));
    if (info.st_nlink != 1)
        return std::unexpected(odd(path, "it has a second name (hard link)"));
    std::string text = TRY(base::read_all(fd.get(), path.native(), k_max_key_file));
    auto secret = parse_secret(path, text);
    seal::wipe(text);
    return secret;
}

Result<void> check_folder(const fs::path &folder) {
    struct stat info{};
    if (::lstat(folder.c_str(), &info) != 0 && errno == ENOENT)
        return base::fail_hint(Errc::no_input, "make it with resv-control init",
                               "open {}: not there", folder.native());
    if (::lstat(folder.c_str(), &info) != 0)
        return base::fail_errno("open", folder.native());
    if (!S_ISDIR(info.st_mode))
        return std::unexpected(odd(folder, "not a folder"));
    return check_private(folder, info);
}

Result<Keys> read_keys(const Config &config) {
    TRY(check_folder(config.data));
    const seal::Secret seed = TRY(read_secret(config.data / k_signing_file));
    auto signing = TRY(seal::SigningKey::from_seed(seed.view()));
    auto group = TRY(read_secret(config.data / k_group_file));
    return Keys{.signing = std::move(signing), .group = std::move(group)};
}

// The ledger is filled before the file is written: an init that is cut off between leaves no key
// that the ledger does not know.
Result<void> make_signing_key(const fs::path &path, ledger::Ledger &ledger) {
    const auto key = seal::SigningKey::generate();
    TRY(ledger.write(
        [&](ledger::Transaction &t) -> Result<void> { return t.put_signing_key(key.id()); }));
    return write_secret(path, key.seed().view());
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
        for (const auto &[part, there] :
             {std::pair{group.native(), is_there(group)},
              std::pair{ledger_name(config), TRY(ledger_is_there(config))}})
            if (!there)
                return base::fail_hint(
                    Errc::bad_data,
                    config.on_postgres()
                        ? "restore it from a backup, or move the SQLite ledger: resv-control "
                          "migrate"
                        : "restore it from a backup, or choose another data folder",
                    "init {}: {} is missing", config.data.native(), part);
        TRY(load_keys(config));
        return InitResult::was_there;
    }
    if (!TRY(ledger_is_there(config)))
        TRY(create_ledger(config));
    auto opened = TRY(open_ledger(config));
    TRY(opened->read([&](ledger::Transaction &t) -> Result<void> {
        if (TRY(t.parties()).empty())
            return {};
        return base::fail_hint(Errc::bad_data, "restore it from a backup",
                               "init {}: parties are enrolled but {} is missing",
                               config.data.native(), k_signing_file);
    }));
    if (!is_there(group))
        TRY(write_secret(group, seal::Secret{seal::random_bytes(k_secret_bytes)}.view()));
    TRY(make_signing_key(signing, *opened));
    return InitResult::made;
}

Result<Keys> load_keys(const Config &config) {
    Keys keys = TRY(read_keys(config));
    const auto ledger = TRY(open_ledger(config));
    TRY(ledger->read([&](ledger::Transaction &t) -> Result<void> {
        if (TRY(t.signing_key()) == keys.signing.id())
            return {};
        return base::fail_hint(Errc::bad_data,
                               "restore the signing key and the ledger from the same backup",
                               "{}: not the signing key that {} was made with",
                               (config.data / k_signing_file).native(), ledger_name(config));
    }));
    return keys;
}

} // namespace control
