// `wireguard`: a tunnel, of the kernel's where it has them, else of wireguard-go's. wg(8) sets it
// up either way and reads the keys from a pipe: they are in no file, command line or environment.
// The outer packets bear the tunnel's mark, by which rules and guard keep them on the carrier
// below.
#include "carrier/wireguard.hpp"

#include "base/log.hpp"
#include "carrier/line_process.hpp"
#include "carrier/program.hpp"
#include "route/devices.hpp"
#include "seal/secret.hpp"

#include <charconv>
#include <filesystem>
#include <thread>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;

namespace {

constexpr int k_config_fd = 3;
constexpr base::Millis k_program_start{3000};
constexpr base::Millis k_step{20};
constexpr base::Millis k_end_patience{2000};
constexpr const char *k_kernel = "kernel";

std::string socket_of(const std::string &interface) {
    return fmt::format("/var/run/wireguard/{}.sock", interface);
}

Result<ProgramEnd> run_wg(std::vector<std::string> words, int config_fd = -1) {
    words.insert(words.begin(), "/usr/bin/wg");
    Program program{.argv = std::move(words), .environment = {"LC_ALL=C"}, .fds = {}};
    if (config_fd >= 0)
        program.fds = {{config_fd, k_config_fd}};
    return run_program(program);
}

/// Gives the interface its keys, and its peer.
Result<void> configure(const Choice &choice, std::uint32_t mark) {
    const auto &info = std::get<wire::WireguardInfo>(choice.connection);
    std::string text = wireguard_configuration(info, mark);
    auto config = pipe_with(text);
    seal::wipe(text);
    const Fd fd = TRY(std::move(config));
    const auto end = TRY(
        run_wg({"setconf", choice.interface, fmt::format("/dev/fd/{}", k_config_fd)}, fd.get()));
    if (end.exit_code == 0)
        return {};
    base::log::debug("wg setconf: {}", end.errors);
    // What it says of a line that it does not like may hold that line.
    return base::fail(Errc::unavailable, "carrier {}: wg setconf ended with exit status {}",
                      choice.name, end.exit_code);
}

/// Addresses, then up: the first packet asks for a handshake.
Result<void> set_up(const Choice &choice) {
    const auto &info = std::get<wire::WireguardInfo>(choice.connection);
    auto devices = TRY(route::Devices::open());
    for (const std::string &text : info.addresses)
        TRY(devices.add_address(choice.interface,
                                route::InterfaceAddress::alone(
                                    TRY(route::Address::parse(text.substr(0, text.find('/')))))));
    return devices.set_up(choice.interface, static_cast<std::uint32_t>(info.mtu));
}

class WireguardDriver final : public LineDriver {
  public:
    [[nodiscard]] base::Millis patience() const override {
        return base::Millis{10'000}; // a handshake that is lost is repeated after five seconds
    }
    [[nodiscard]] std::vector<LineStep> plan_start(const Choice &choice) const override;
    [[nodiscard]] std::vector<LineStep> plan_stop(const CarrierState &state) const override;
    [[nodiscard]] Result<void> start(LineWorld &world, const Choice &choice,
                                     const CarrierState &state, const Keep &keep) const override;
    [[nodiscard]] Result<LineLook> look(LineWorld &world, const CarrierState &state) const override;
    [[nodiscard]] Result<void> stop(LineWorld &world, const CarrierState &state) const override;
};

std::vector<LineStep> WireguardDriver::plan_start(const Choice &choice) const {
    const auto &info = std::get<wire::WireguardInfo>(choice.connection);
    const std::string &name = choice.interface;
    std::vector<LineStep> out;
    const auto add = [&](std::string command) {
        out.push_back({"connect line", std::move(command)});
    };
    if (info.underlay.empty())
        out.push_back({"warn", "not a dedicated network: the tunnel goes over the Internet"});
    add(fmt::format("ip link add {0} type wireguard || wireguard-go {0}", name));
    add(fmt::format("wg setconf {} /dev/fd/{}", name, k_config_fd));
    for (const std::string &address : info.addresses)
        add(fmt::format("ip address add {} dev {} noprefixroute", address, name));
    add(fmt::format("ip link set {} mtu {} up", name, info.mtu));
    return out;
}

std::vector<LineStep> WireguardDriver::plan_stop(const CarrierState &state) const {
    std::vector<LineStep> out = plan_end(state.owned);
    if (state.owned.handle == k_kernel)
        out.push_back({"disconnect line", fmt::format("ip link delete {}", state.interface)});
    return out;
}

/// The program makes interface and socket; wg(8) finds it by both.
Result<void> start_program(LineWorld &world, const std::string &name, Owned owned,
                           const Keep &keep) {
    if (TRY(world.kernel.link(name)))
        return base::fail_hint(Errc::refused, "take it away, or choose another name for ours",
                               "make interface {}: there is one of that name", name);
    owned.handle.clear();
    LineProcess process;
    const Keep keep_it = [&](const Owned &now) {
        process = now.processes.back();
        return keep(now);
    };
    TRY(start_line_process({.argv = {"/usr/bin/wireguard-go", "-f", name}, .fds = {}}, owned,
                           keep_it));
    std::error_code ignored;
    for (base::Millis waited{0}; waited < k_program_start; waited += k_step) {
        if (!runs(process))
            break;
        if (TRY(world.kernel.link(name)) && std::filesystem::exists(socket_of(name), ignored))
            return {};
        std::this_thread::sleep_for(k_step);
    }
    return base::fail_hint(Errc::unavailable, "wireguard-go -f by hand says why",
                           "wireguard-go {}: it does not come up", name);
}

Result<void> WireguardDriver::start(LineWorld &world, const Choice &choice,
                                    const CarrierState &state, const Keep &keep) const {
    TRY(stop(world, state));
    const auto &info = std::get<wire::WireguardInfo>(choice.connection);
    if (info.underlay.empty())
        base::log::warning("carrier {}: its tunnel goes over the Internet: not a dedicated network",
                           choice.name);
    Owned owned = state.owned;
    owned.processes.clear();
    owned.handle = k_kernel;
    TRY(keep(owned));
    auto devices = TRY(route::Devices::open());
    const auto made = devices.make_wireguard(choice.interface);
    if (!made && made.error().code != Errc::unavailable)
        return made;
    if (!made)
        TRY(start_program(world, choice.interface, owned, keep));
    TRY(configure(choice, info.underlay.empty() ? 0 : route::k_tunnel_mark + state.number));
    return set_up(choice);
}

Result<LineLook> WireguardDriver::look(LineWorld &world, const CarrierState &state) const {
    for (const LineProcess &process : state.owned.processes)
        if (!runs(process))
            return LineLook{LineProgress::absent, "wireguard-go has ended"};
    const auto link = TRY(world.kernel.link(state.interface));
    if (!link || state.owned.since_ms == 0)
        return LineLook{};
    if (!link->up || link->addresses.empty())
        return LineLook{LineProgress::absent, "its interface was changed"};
    const auto end = TRY(run_wg({"show", state.interface, "latest-handshakes"}));
    if (end.exit_code != 0)
        return LineLook{LineProgress::absent, "wg show does not know its interface"};
    return LineLook{had_handshake(end.output) ? LineProgress::there : LineProgress::coming, {}};
}

Result<void> WireguardDriver::stop(LineWorld & /*world*/, const CarrierState &state) const {
    TRY(end_line_processes(state.owned, k_end_patience));
    if (state.owned.handle != k_kernel)
        return {};
    auto devices = TRY(route::Devices::open());
    return devices.remove_made(state.interface);
}

const WireguardDriver k_driver;

} // namespace

const LineDriver &wireguard_driver() {
    return k_driver;
}

std::string wireguard_configuration(const wire::WireguardInfo &info, std::uint32_t mark) {
    std::string out = "[Interface]\n";
    out += fmt::format("PrivateKey = {}\n", info.private_key);
    if (mark != 0)
        out += fmt::format("FwMark = {:#x}\n", mark);
    out += fmt::format("[Peer]\nPublicKey = {}\n", info.peer_public_key);
    if (!info.preshared_key.empty())
        out += fmt::format("PresharedKey = {}\n", info.preshared_key);
    const bool v6 = info.endpoint.host.find(':') != std::string::npos;
    out += fmt::format("Endpoint = {}{}{}:{}\n", v6 ? "[" : "", info.endpoint.host, v6 ? "]" : "",
                       info.endpoint.port);
    out += fmt::format("AllowedIPs = {}\n", fmt::join(info.allowed, ", "));
    out += fmt::format("PersistentKeepalive = {}\n", info.keepalive_s);
    return out;
}

bool had_handshake(std::string_view shown) {
    for (std::size_t tab = shown.find('\t'); tab != std::string_view::npos;
         tab = shown.find('\t', tab + 1)) {
        std::int64_t when = 0;
        std::from_chars(shown.data() + tab + 1, shown.data() + shown.size(), when);
        if (when > 0)
            return true;
    }
    return false;
}

} // namespace carrier
