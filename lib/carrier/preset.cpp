#include "carrier/preset.hpp"

#include "base/file.hpp"
#include "carrier/state.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Result;

namespace {

constexpr std::size_t k_max_file = 1U << 20U; // as conf::Table

std::string_view trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    return from == std::string_view::npos ? std::string_view{} : text.substr(from);
}

/// Where the value of `preset = …` begins in @p line; npos when it is another line.
std::size_t value_of_preset(std::string_view line) {
    std::string_view rest = trimmed(line);
    if (!rest.starts_with("preset"))
        return std::string_view::npos;
    rest = trimmed(rest.substr(6));
    if (!rest.starts_with('='))
        return std::string_view::npos;
    rest = trimmed(rest.substr(1));
    return line.size() - rest.size();
}

/// The line with its quoted value replaced; a comment behind it stays.
std::string replace_value(std::string_view line, std::size_t at, std::string_view name) {
    std::string_view rest = line.substr(at);
    std::string_view after;
    if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) {
        const auto end = rest.find(rest.front(), 1);
        if (end != std::string_view::npos)
            after = rest.substr(end + 1);
    }
    return fmt::format("{}\"{}\"{}", line.substr(0, at), name, after);
}

/// The folder itself: the file is replaced, and one beside it would be litter.
Result<base::FileLock> lock_folder(const std::filesystem::path &folder) {
    base::Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd)
        return base::fail_errno("open", folder.native());
    return base::FileLock::lock(std::move(fd), folder.native(), k_lock_wait_ms);
}

} // namespace

std::string with_preset(std::string_view toml, std::string_view name) {
    std::string out;
    bool done = false;
    while (!toml.empty()) {
        const std::size_t end = std::min(toml.find('\n'), toml.size());
        const std::string_view line = toml.substr(0, end);
        toml.remove_prefix(std::min(end + 1, toml.size()));
        const std::size_t at = done ? std::string_view::npos : value_of_preset(line);
        if (!done && trimmed(line).starts_with('[')) {
            out += fmt::format("preset = \"{}\"\n\n", name);
            done = true;
        }
        if (at != std::string_view::npos) {
            out += replace_value(line, at, name);
            done = true;
        } else {
            out += line;
        }
        out += '\n';
    }
    if (!done)
        out += fmt::format("preset = \"{}\"\n", name);
    return out;
}

namespace {

/// Under the lock, or for a dry run.
Result<bool> change_preset(const std::filesystem::path &path, const std::string &name,
                           bool dry_run) {
    const std::string before = TRY(base::read_regular_file(path, k_max_file));
    const auto had = TRY(conf::read_terminal(TRY(conf::Table::parse(before, path.native()))));
    if (!had.carriers.contains(name))
        return base::fail_hint(
            Errc::refused, fmt::format("{} has [carriers.NAME] for those it knows", path.native()),
            "preset: there is no carrier '{}'", name);
    if (had.preset == name)
        return false;
    const std::string after = with_preset(before, name);
    // An odd layout (a string over several lines) is refused rather than damaged.
    auto expected = had;
    expected.preset = name;
    const auto table = conf::Table::parse(after, path.native());
    const auto has = table ? conf::read_terminal(*table) : std::unexpected(table.error());
    if (!has || conf::print_terminal(*has) != conf::print_terminal(expected))
        return base::fail_hint(Errc::config, fmt::format("write preset = \"{}\" there", name),
                               "{}: cannot be edited safely", path.native());
    if (dry_run)
        return true;
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0)
        return base::fail_errno("look at", path.native());
    TRY(base::write_file_atomic(path, after, info.st_mode & 07777));
    if (info.st_uid != ::geteuid() && ::chown(path.c_str(), info.st_uid, info.st_gid) != 0)
        return base::fail_errno("keep the owner of", path.native());
    return true;
}

} // namespace

Result<bool> write_preset(const std::filesystem::path &file, const std::string &name,
                          bool dry_run) {
    // The file itself, where the configuration is a link to it.
    std::error_code failed;
    const auto path = std::filesystem::canonical(file, failed);
    if (failed)
        return base::fail_errno("open", file.native(), failed.value());
    if (dry_run)
        return change_preset(path, name, true);
    const auto lock = TRY(lock_folder(path.parent_path()));
    return change_preset(path, name, false);
}

} // namespace carrier
