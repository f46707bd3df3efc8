// `dhcp`: an interface that somebody else has set up, and whose IPv4 address comes from a server on
// the line. udhcpc(8) speaks with it and changes nothing itself; what it runs for that is
// carrier-lease, which puts address, mask and MTU on the interface, and the gateway where our own
// tables find it. The lease is renewed while the line is in use, and given back at its end.
#include "carrier/dhcp.hpp"

#include "base/file.hpp"
#include "carrier/line_files.hpp"
#include "carrier/line_process.hpp"
#include "carrier/process.hpp"
#include "line/dhcp_client.hpp"
#include "line/grant.hpp"

#include <chrono>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr base::Millis k_end_patience{2000}; // it gives the lease back first

class DhcpDriver final : public LineDriver {
  public:
    [[nodiscard]] bool needs_link() const override { return true; }
    [[nodiscard]] base::Millis patience() const override { return base::Millis{15'000}; }
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

std::vector<LineStep> DhcpDriver::plan_start(const Choice &choice) const {
    return {
        {"connect line", fmt::format("udhcpc -f -n -R -i {} -s carrier-lease", choice.interface)}};
}

std::vector<LineStep> DhcpDriver::plan_stop(const CarrierState &state) const {
    return plan_end(state.owned);
}

Result<void> DhcpDriver::start(LineWorld &world, const Choice &choice, const CarrierState &state,
                               const Keep &keep) const {
    TRY(stop(world, state));
    const auto link = TRY(world.kernel.link(choice.interface));
    if (!link)
        return base::fail_hint(Errc::no_input, "ip link shows those that are there",
                               "carrier {}: there is no interface {}", choice.name,
                               choice.interface);
    if (!link->up)
        return base::fail_hint(Errc::unavailable,
                               fmt::format("ip link set {} up", choice.interface),
                               "carrier {}: interface {} is down", choice.name, choice.interface);
    const std::string script = TRY(helper_path("carrier-lease"));
    const Fd log = TRY(make_line_log(world.folder, choice.name));
    const std::string grant = line::grant_file(fs::absolute(world.folder), choice.name);
    Owned owned = state.owned;
    owned.processes.clear();
    return start_line_process(
        {.argv =
             line::dhcp_arguments({.interface = choice.interface, .script = script, .stays = true}),
         .fds = {{log.get(), STDOUT_FILENO}, {log.get(), STDERR_FILENO}},
         .environment = line::dhcp_environment(grant)},
        owned, keep);
}

Result<LineLook> DhcpDriver::look(LineWorld &world, const CarrierState &state) const {
    if (state.owned.processes.empty())
        return LineLook{};
    if (!runs(state.owned.processes.front())) {
        LineLook out = said_in_log(world.folder, state.name);
        if (out.why.find("no lease") != std::string::npos)
            return LineLook{LineProgress::absent,
                            fmt::format("no DHCP server gives a lease on {}", state.interface),
                            "is the cable in, and the access side's server up?"};
        return out;
    }
    if (TRY(has_grant(world, state)))
        return LineLook{LineProgress::there};
    return lost_or_coming(line::grant_file(world.folder, state.name));
}

Result<void> DhcpDriver::stop(LineWorld &world, const CarrierState &state) const {
    TRY(end_line_processes(state.owned, k_end_patience));
    TRY(line::take_back(line::grant_file(world.folder, state.name)));
    return base::remove_file(line_log(world.folder, state.name));
}

const DhcpDriver k_driver;

} // namespace

const LineDriver &dhcp_driver() {
    return k_driver;
}

} // namespace carrier
