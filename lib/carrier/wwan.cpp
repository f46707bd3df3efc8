// `wwan`: a mobile network's private access point, by a modem of ModemManager's. What speaks with
// it is carrier-modem, which stays while the line is up and ends when that goes; connecting again
// is Connector::tend()'s. It gets its order, secrets with it, through a pipe.
#include "carrier/wwan.hpp"

#include "base/file.hpp"
#include "carrier/line_files.hpp"
#include "carrier/line_process.hpp"
#include "carrier/program.hpp"
#include "line/grant.hpp"
#include "line/modem_order.hpp"
#include "seal/secret.hpp"

#include <cstdlib>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr base::Millis k_end_patience{1000};
constexpr base::Millis k_disconnect_limit{20'000};

/// D-Bus' own variable, for a bus that is not at the usual place.
std::vector<std::string> environment() {
    std::vector<std::string> out{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
    if (const char *bus = std::getenv("DBUS_SYSTEM_BUS_ADDRESS"); bus != nullptr)
        out.push_back(fmt::format("DBUS_SYSTEM_BUS_ADDRESS={}", bus));
    return out;
}

Result<std::vector<std::string>> helper(const char *verb, const fs::path &folder,
                                        const std::string &carrier) {
    const std::string program = TRY(helper_path("carrier-modem"));
    return std::vector<std::string>{program,         verb,        "--folder",
                                    folder.native(), "--carrier", carrier};
}

/// A bearer, or what it gave.
bool left_something(const fs::path &folder, const std::string &carrier) {
    std::error_code ignored;
    return fs::exists(folder / fmt::format("line-{}.bearer", carrier), ignored) ||
           fs::exists(line::grant_file(folder, carrier), ignored);
}

class WwanDriver final : public LineDriver {
  public:
    [[nodiscard]] base::Millis patience() const override {
        return base::Millis{90'000}; // a cold modem starts, registers and connects
    }
    [[nodiscard]] std::vector<LineStep> plan_start(const Choice &choice) const override;
    [[nodiscard]] std::vector<LineStep> plan_stop(const CarrierState &state) const override;
    [[nodiscard]] Result<void> start(LineWorld &world, const Choice &choice,
                                     const CarrierState &state, const Keep &keep) const override;
    [[nodiscard]] Result<LineLook> look(LineWorld &world, const CarrierState &state) const override;
    [[nodiscard]] Result<void> stop(LineWorld &world, const CarrierState &state) const override;
    [[nodiscard]] Result<Gateways> gateways(const fs::path &folder,
                                            const CarrierState &state) const override {
        return granted_gateways(folder, state);
    }
};

std::vector<LineStep> WwanDriver::plan_start(const Choice &choice) const {
    const auto &info = std::get<wire::WwanInfo>(choice.connection);
    const std::string modem = choice.local.modem.empty() ? "any" : choice.local.modem;
    return {{"connect line", fmt::format("mmcli -m {} --simple-connect=apn={},ip-type={}", modem,
                                         info.apn, info.ip_type)}};
}

std::vector<LineStep> WwanDriver::plan_stop(const CarrierState &state) const {
    if (state.owned.since_ms == 0)
        return {};
    return {{"disconnect line", fmt::format("carrier-modem disconnect --carrier {}", state.name)}};
}

Result<void> WwanDriver::start(LineWorld &world, const Choice &choice, const CarrierState &state,
                               const Keep &keep) const {
    TRY(stop(world, state));
    const auto &info = std::get<wire::WwanInfo>(choice.connection);
    std::string text = line::to_text({.interface = choice.interface,
                                      .modem = choice.local.modem,
                                      .apn = info.apn,
                                      .user = info.user,
                                      .password = info.password,
                                      .ip_type = info.ip_type,
                                      .pin = info.pin});
    auto pipe = pipe_with(text);
    seal::wipe(text);
    const Fd order = TRY(std::move(pipe));
    const Fd log = TRY(make_line_log(world.folder, choice.name));
    auto argv = TRY(helper("connect", world.folder, choice.name));
    argv.insert(argv.end(), {"--lease-program", TRY(helper_path("carrier-lease"))});
    Owned owned = state.owned;
    owned.processes.clear();
    return start_line_process({.argv = std::move(argv),
                               .fds = {{order.get(), STDIN_FILENO}, {log.get(), STDERR_FILENO}},
                               .environment = environment()},
                              owned, keep);
}

Result<LineLook> WwanDriver::look(LineWorld &world, const CarrierState &state) const {
    if (state.owned.processes.empty())
        return LineLook{};
    if (!runs(state.owned.processes.front()))
        return said_in_log(world.folder, state.name);
    if (TRY(has_grant(world, state)))
        return LineLook{LineProgress::there};
    return lost_or_coming(line::grant_file(world.folder, state.name));
}

Result<void> WwanDriver::stop(LineWorld &world, const CarrierState &state) const {
    // It dies as it stands: what it leaves is ended in one way, whatever ended it.
    TRY(end_line_processes(state.owned, k_end_patience));
    if (!left_something(world.folder, state.name)) // it has ended all by itself
        return base::remove_file(line_log(world.folder, state.name));
    auto argv = TRY(helper("disconnect", world.folder, state.name));
    const auto end = TRY(run_program({.argv = std::move(argv),
                                      .environment = environment(),
                                      .fds = {},
                                      .limit = k_disconnect_limit}));
    if (end.exit_code != 0)
        return base::fail_hint(Errc::unavailable, "carrier-connect down again tries it once more",
                               "carrier {}: the modem does not disconnect: {}", state.name,
                               last_error(end.errors));
    return base::remove_file(line_log(world.folder, state.name));
}

const WwanDriver k_driver;

} // namespace

const LineDriver &wwan_driver() {
    return k_driver;
}

} // namespace carrier
