// `ppp`: lines that are dialled, over Ethernet (PPPoE, RFC 2516) or with a modem, by pppd(8). It
// keeps to its interface: no default route, no name servers, none of the site's scripts. Its
// password crosses a pipe. It ends when the line does; connecting again is Connector::tend()'s.
#include "carrier/ppp.hpp"

#include "base/file.hpp"
#include "carrier/line_files.hpp"
#include "carrier/line_process.hpp"
#include "carrier/program.hpp"
#include "vault/view.hpp"

#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr int k_password_fd = 3;
constexpr std::size_t k_max_log = 65'536;
constexpr int k_refused_us = 19;
constexpr base::Millis k_end_patience{4000}; // it takes leave of the other end first

fs::path chat_file(const fs::path &folder, const std::string &name) {
    return folder / fmt::format("line-{}.chat", name);
}

/// What pppd(8) says of its exit codes.
std::string meaning(int code) {
    switch (code) {
    case 2:
        return "pppd does not take its options (is plugin rp-pppoe.so or passwordfd.so missing?)";
    case 4:
        return "this kernel has no PPP: modprobe ppp_generic, pppoe";
    case 5:
        return "pppd was ended";
    case 7:
        return "its device cannot be opened";
    case 8:
        return "the modem does not connect";
    case 10:
        return "the other end agrees to no addresses";
    case 11:
    case k_refused_us:
        return "the other end does not take user and password";
    case 15:
        return "the other end no longer answers";
    case 16:
        return "the other end hung up";
    default:
        return {};
    }
}

class PppDriver final : public LineDriver {
  public:
    [[nodiscard]] base::Millis patience() const override {
        return base::Millis{45'000}; // a modem dials, trains and is answered
    }
    [[nodiscard]] std::vector<LineStep> plan_start(const Choice &choice) const override;
    [[nodiscard]] std::vector<LineStep> plan_stop(const CarrierState &state) const override;
    [[nodiscard]] Result<void> start(LineWorld &world, const Choice &choice,
                                     const CarrierState &state, const Keep &keep) const override;
    [[nodiscard]] Result<LineLook> look(LineWorld &world, const CarrierState &state) const override;
    [[nodiscard]] Result<void> stop(LineWorld &world, const CarrierState &state) const override;
};

std::vector<LineStep> PppDriver::plan_start(const Choice &choice) const {
    const auto argv = pppd_arguments(choice, "STATE");
    return {{"connect line", fmt::format("{}", fmt::join(argv, " "))}};
}

std::vector<LineStep> PppDriver::plan_stop(const CarrierState &state) const {
    return plan_end(state.owned);
}

Result<void> PppDriver::start(LineWorld &world, const Choice &choice, const CarrierState &state,
                              const Keep &keep) const {
    TRY(stop(world, state));
    const auto &ppp = std::get<wire::PppInfo>(choice.connection);
    if (ppp.mode == wire::PppMode::serial)
        TRY(base::write_file_atomic(chat_file(world.folder, choice.name), chat_script(ppp), 0600));
    const Fd log = TRY(make_line_log(world.folder, choice.name));
    const Fd password = TRY(pipe_with(ppp.password));
    Owned owned = state.owned;
    owned.processes.clear();
    return start_line_process({.argv = pppd_arguments(choice, world.folder.native()),
                               .fds = {{log.get(), STDOUT_FILENO},
                                       {log.get(), STDERR_FILENO},
                                       {password.get(), k_password_fd}}},
                              owned, keep);
}

Result<LineLook> PppDriver::look(LineWorld &world, const CarrierState &state) const {
    for (const LineProcess &process : state.owned.processes) {
        std::optional<int> code;
        if (!runs(process, &code)) {
            LineLook out = said_in_log(world.folder, state.name);
            const auto log = base::read_regular_file(line_log(world.folder, state.name), k_max_log);
            if (std::string known = why_ended(code, log ? *log : ""); !known.empty())
                out.why = std::move(known);
            else if (!out.why.empty())
                out.why = "pppd says: " + out.why;
            return out;
        }
        const auto link = TRY(world.kernel.link(state.interface));
        if (link && link->up && !link->addresses.empty())
            return LineLook{LineProgress::there};
        const fs::path log = line_log(world.folder, state.name);
        const auto said = base::read_regular_file(log, k_max_log);
        const bool had_address = said && said->find("local  IP address ") != std::string::npos;
        return had_address ? lost_or_coming(log) : LineLook{LineProgress::coming};
    }
    return LineLook{};
}

Result<void> PppDriver::stop(LineWorld &world, const CarrierState &state) const {
    TRY(end_line_processes(state.owned, k_end_patience));
    for (const fs::path &file :
         {chat_file(world.folder, state.name), line_log(world.folder, state.name)})
        TRY(base::remove_file(file));
    return {};
}

const PppDriver k_driver;

} // namespace

const LineDriver &ppp_driver() {
    return k_driver;
}

std::string why_ended(std::optional<int> exit_code, std::string_view log) {
    // Who refuses us hangs up, and pppd may come to that before its own end, or never hear the
    // rest: `CHAP authentication failed`, `LCP terminated by peer (Authentication failed)`.
    if (log.find("uthentication failed") != std::string::npos)
        return meaning(k_refused_us);
    return exit_code ? meaning(*exit_code) : std::string{};
}

std::vector<std::string> pppd_arguments(const Choice &choice, const std::string &folder) {
    const auto &ppp = std::get<wire::PppInfo>(choice.connection);
    std::vector<std::string> out{"/usr/sbin/pppd"};
    const auto add = [&](std::initializer_list<std::string_view> words) {
        out.insert(out.end(), words.begin(), words.end());
    };
    if (ppp.mode == wire::PppMode::pppoe) {
        add({"plugin", "rp-pppoe.so", "nic-" + choice.local.device});
        if (!ppp.service.empty())
            add({"rp_pppoe_service", ppp.service});
        if (!ppp.concentrator.empty())
            add({"rp_pppoe_ac", ppp.concentrator});
        add({"pppoe-padi-timeout", "2", "mtu", "1492", "mru", "1492"});
    } else {
        const std::string chat = chat_file(folder, choice.name);
        add({choice.local.device, std::to_string(ppp.speed), "crtscts", "modem", "lock", "connect",
             "/usr/sbin/chat -f " + vault::shell_word(chat)});
    }
    add({"user", ppp.user, "plugin", "passwordfd.so", "passwordfd", std::to_string(k_password_fd)});
    add({"ifname", choice.interface, "noauth", "nodefaultroute", "noipdefault", "noproxyarp",
         "noipv6", "noccp", "novj", "ip-up-script", "/bin/true", "ip-down-script", "/bin/true"});
    // Whoever must know that the line is dead learns it by probe; this only ends the session.
    add({"lcp-echo-interval", "1", "lcp-echo-failure", "4", "lcp-restart", "1", "lcp-max-terminate",
         "1", "ipcp-restart", "1"});
    add({"nopersist", "maxfail", "1", "nodetach"});
    return out;
}

std::string chat_script(const wire::PppInfo &ppp) {
    // The modem's words for "no" end it at once; OK and CONNECT are waited for.
    std::string out = "ABORT BUSY\nABORT 'NO CARRIER'\nABORT 'NO DIALTONE'\nABORT 'NO ANSWER'\n"
                      "ABORT ERROR\nTIMEOUT 10\n'' ATZ\n";
    for (const std::string &command : ppp.init)
        out += fmt::format("OK '{}'\n", command);
    out += fmt::format("OK 'ATD{}'\nTIMEOUT 40\nCONNECT ''\n", ppp.number);
    return out;
}

} // namespace carrier
