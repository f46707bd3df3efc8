// `command`: the site's own programs, from terminal.toml and never from the settings. `up` has a
// minute to connect the line and to print the name of its interface; `down` disconnects it. They
// run as we do, so that nobody else may be able to change them.
#include "carrier/command.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "carrier/line_process.hpp"
#include "carrier/program.hpp"
#include "wire/json.hpp"

#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_max_output = 65'536;
constexpr base::Millis k_end_patience{2000};

fs::path file_of(const fs::path &folder, const std::string &carrier, std::string_view what) {
    return folder / fmt::format("line-{}.{}", carrier, what);
}

std::vector<std::string> environment(const std::string &carrier, const std::string &interface) {
    return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "SLOTCAST_CARRIER=" + carrier,
            "SLOTCAST_INTERFACE=" + interface};
}

/// The site's text, each line behind the carrier's name.
void tell(const std::string &carrier, std::string_view program, std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        base::log::info("carrier {}: {}: {}", carrier, program,
                        base::plain_text(text.substr(at, end - at)));
        at = end + 1;
    }
}

std::string read_whole(const fs::path &file) {
    return base::read_regular_file(file, k_max_output).value_or(std::string{});
}

/// As it was when the line was connected: terminal.toml may say something else by now.
std::string handle_of(const Choice &choice) {
    return wire::compact_json(wire::JsonArray(choice.local.down.begin(), choice.local.down.end()));
}

std::vector<std::string> down_of(const CarrierState &state) {
    std::vector<std::string> out;
    const auto json = wire::parse_json(state.owned.handle, "handle");
    if (json && json->is_array())
        for (const wire::Json &word : json->as_array())
            if (word.is_string())
                out.emplace_back(word.as_string());
    return out;
}

bool overdue(const Owned &owned) {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const base::Millis up{std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000};
    return up - base::Millis{owned.since_ms} > k_command_limit;
}

class CommandDriver final : public LineDriver {
  public:
    [[nodiscard]] base::Millis patience() const override { return k_command_limit; }
    [[nodiscard]] std::vector<LineStep> plan_start(const Choice &choice) const override {
        return {{"connect line", fmt::format("{}", fmt::join(choice.local.up, " "))}};
    }
    [[nodiscard]] std::vector<LineStep> plan_stop(const CarrierState &state) const override {
        const auto down = down_of(state);
        if (down.empty())
            return {};
        return {{"disconnect line", fmt::format("{}", fmt::join(down, " "))}};
    }
    [[nodiscard]] Result<void> start(LineWorld &world, const Choice &choice,
                                     const CarrierState &state, const Keep &keep) const override;
    [[nodiscard]] Result<LineLook> look(LineWorld &world, const CarrierState &state) const override;
    [[nodiscard]] Result<void> stop(LineWorld &world, const CarrierState &state) const override;
};

Result<Fd> open_output(const fs::path &file) {
    TRY(base::write_file_atomic(file, "", 0600));
    Fd fd{::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_APPEND)};
    if (!fd)
        return base::fail_errno("open", file.native());
    return fd;
}

Result<void> CommandDriver::start(LineWorld &world, const Choice &choice, const CarrierState &state,
                                  const Keep &keep) const {
    TRY(check_program(choice.local.up.front()));
    if (!choice.local.down.empty())
        TRY(check_program(choice.local.down.front()));
    if (state.owned.since_ms != 0)
        TRY(stop(world, state));
    const Fd output = TRY(open_output(file_of(world.folder, choice.name, "out")));
    const Fd errors = TRY(open_output(file_of(world.folder, choice.name, "err")));
    Owned owned = state.owned;
    owned.processes.clear();
    owned.handle = handle_of(choice);
    return start_line_process({.argv = choice.local.up,
                               .fds = {{output.get(), 1}, {errors.get(), 2}},
                               .environment = environment(choice.name, choice.interface)},
                              owned, keep);
}

Result<LineLook> CommandDriver::look(LineWorld &world, const CarrierState &state) const {
    if (state.owned.processes.empty())
        return LineLook{};
    std::optional<int> code;
    if (runs(state.owned.processes.front(), &code))
        return overdue(state.owned)
                   ? LineLook{LineProgress::absent, "its program is not done in time"}
                   : LineLook{LineProgress::coming, {}};
    if (code && *code != 0) {
        tell(state.name, "up", read_whole(file_of(world.folder, state.name, "err")));
        return LineLook{LineProgress::absent,
                        fmt::format("its program ended with exit status {}", *code)};
    }
    const std::string wrong =
        judge_up(read_whole(file_of(world.folder, state.name, "out")), state.interface);
    if (!wrong.empty())
        return LineLook{LineProgress::absent, wrong};
    const auto link = TRY(world.kernel.link(state.interface));
    if (!link || !link->up || link->addresses.empty())
        return LineLook{LineProgress::absent,
                        fmt::format("interface {} is not there, not up or without an address",
                                    state.interface)};
    return LineLook{LineProgress::there, {}};
}

Result<void> CommandDriver::stop(LineWorld &world, const CarrierState &state) const {
    TRY(end_line_processes(state.owned, k_end_patience));
    if (const auto argv = down_of(state); !argv.empty() && state.owned.since_ms != 0) {
        TRY(check_program(argv.front()));
        const auto end = TRY(run_program({.argv = argv,
                                          .environment = environment(state.name, state.interface),
                                          .fds = {},
                                          .limit = k_command_limit}));
        tell(state.name, "down", end.errors);
        if (end.exit_code != 0)
            return base::fail_hint(Errc::unavailable,
                                   "carrier-connect down again runs it once more",
                                   "carrier {}: {} ended with exit status {}", state.name,
                                   argv.front(), end.exit_code);
    }
    for (const char *what : {"out", "err"})
        TRY(base::remove_file(file_of(world.folder, state.name, what)));
    return {};
}

const CommandDriver k_driver;

} // namespace

const LineDriver &command_driver() {
    return k_driver;
}

Result<void> check_program(const fs::path &program) {
    std::error_code failed;
    const fs::path real = fs::canonical(program, failed);
    if (failed)
        return base::fail_hint(Errc::no_input, "install it, or correct terminal.toml", "run {}: {}",
                               program.native(), failed.message());
    if (!fs::is_regular_file(real, failed) || ::access(real.c_str(), X_OK) != 0)
        return base::fail_hint(Errc::no_input, "chmod 755 it", "run {}: not a program",
                               program.native());
    for (fs::path at = real;; at = at.parent_path()) {
        struct stat info{};
        if (::lstat(at.c_str(), &info) != 0)
            return base::fail_errno("look at", at.native());
        const bool ours = info.st_uid == 0 || info.st_uid == ::geteuid();
        // In a sticky folder others can make files, but not replace one.
        const bool sticky = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
        if (!ours || ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky))
            return base::fail_hint(Errc::not_permitted, "chown root it, chmod go-w it",
                                   "run {}: others than root may change {}", program.native(),
                                   at.native());
        if (at == at.parent_path())
            return {};
    }
}

std::string judge_up(std::string_view printed, std::string_view interface) {
    const std::string_view line = printed.substr(0, printed.find('\n'));
    if (line == interface && printed.size() <= line.size() + 1)
        return {};
    if (printed.empty())
        return fmt::format("its program did not print the interface's name, {}", interface);
    return fmt::format("its program printed '{}', not the interface's name, {}, alone",
                       base::plain_text(line.substr(0, 64)), interface);
}

} // namespace carrier
