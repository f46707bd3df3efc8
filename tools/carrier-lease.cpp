// carrier-lease: what udhcpc(8) runs when a DHCP server has answered, in place of a shell script:
// the server's words are never a command, nor anything but an address, a router, an MTU and a time.
#include "base/log.hpp"
#include "cli/tool.hpp"
#include "line/dhcp_client.hpp"
#include "line/lease.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

namespace {

using base::Errc;
using base::Result;

const char *environment(const char *name) {
    return std::getenv(name); // NOLINT(concurrency-mt-unsafe): there is one thread
}

Result<void> say(const std::string &event) {
    if (event != "bound" && event != "renew")
        return {};
    line::Lease lease;
    auto grant = line::read_lease(environment);
    auto good = grant ? line::judge(*grant) : std::unexpected(grant.error());
    if (!good) {
        cli::print_text(line::refused_text(good.error()));
        return good;
    }
    lease.grant = *std::move(grant);
    lease.time = line::lease_time(environment);
    cli::print_text(line::to_text(lease));
    return {};
}

Result<void> take(const std::string &event, const std::filesystem::path &file) {
    if (event == "deconfig")
        return line::take_back(file);
    if (event != "bound" && event != "renew")
        return {}; // leasefail, nak: deconfig follows, where something was there
    auto lease = line::read_lease(environment);
    auto done = lease ? line::put(file, *lease, false) : std::unexpected(lease.error());
    if (!done)
        return std::unexpected(
            std::move(done).error().in("what the DHCP server offers is refused"));
    base::log::info("{} on {}", lease->addresses.front().text(), lease->interface);
    return {};
}

Result<int> run(const std::string &event) {
    const char *where = environment(line::k_lease_variable);
    const bool says = where != nullptr && std::string_view{where} == line::k_say_lease;
    if (where == nullptr || (!says && *where != '/'))
        return base::fail_hint(Errc::usage, "carrier-connect starts udhcpc, which starts it",
                               "{} is not set", line::k_lease_variable);
    auto done = says ? say(event) : take(event, where);
    if (done)
        return 0;
    // udhcpc believes in its lease whatever becomes of us: it is to end.
    if (const pid_t client = ::getppid(); client > 1)
        ::kill(client, SIGTERM);
    return std::unexpected(std::move(done).error());
}

} // namespace

int main(int argc, char **argv) {
    return cli::run_tool(
        argc, argv,
        {"carrier-lease", "Take a DHCP lease for carrier-connect, whose udhcpc starts it"},
        [](CLI::App &app, cli::Action &action) {
            auto event = std::make_shared<std::string>();
            app.add_option("EVENT", *event, "deconfig, bound, renew, nak or leasefail")->required();
            app.callback([&action, event] { action = [event] { return run(*event); }; });
        });
}
