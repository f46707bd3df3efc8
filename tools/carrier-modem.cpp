// carrier-modem: the process that connects a modem's line for carrier-connect and watches over it.
// By itself, since it alone needs D-Bus, and waits for modems while carrier-connect does other
// things.
#include "base/file.hpp"
#include "base/harden.hpp"
#include "cli/verbs.hpp"
#include "modem/dhcp.hpp"
#include "modem/line.hpp"

#include <unistd.h>

namespace {

using base::Result;

constexpr std::size_t k_max_order = 4096;

struct Options {
    std::string folder, carrier, lease_program;
};

modem::Files files_of(const Options &o) {
    return {o.folder, o.carrier};
}

Result<int> connect(const Options &o) {
    const auto order = TRY(
        line::read_modem_order(TRY(base::read_all(STDIN_FILENO, "standard input", k_max_order))));
    const auto files = files_of(o);
    const auto modems = TRY(modem::open_modem_manager());
    const base::SystemClock clock;
    modem::Dhcp dhcp{modem::ask_udhcpc(o.lease_program), clock};
    const modem::Means means{
        .put = [&](const line::Grant &grant) { return line::put(files.grant(), grant, true); },
        .dhcp = dhcp,
        .clock = clock};
    TRY(modem::connect(*modems, order, files, means));
    TRY(modem::hold(*modems, order, files, means));
    return 0;
}

Result<int> disconnect(const Options &o) {
    const auto modems = modem::open_modem_manager();
    TRY(modem::disconnect(modems ? modems->get() : nullptr, files_of(o)));
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(
        argc, argv, {"carrier-modem", "Connect a modem for carrier-connect, which starts it"},
        [&o](CLI::App &app, cli::Action &action) {
            cli::Verbs<Options> verbs{app, action, o, base::harden_process};
            auto *connects =
                verbs.add("connect", "Connect as standard input says, and stay", connect);
            connects->add_option("--lease-program", o.lease_program, "What udhcpc(8) runs")
                ->type_name("FILE")
                ->required();
            for (auto *verb :
                 {connects, verbs.add("disconnect", "End what connect began", disconnect)}) {
                verb->add_option("--folder", o.folder, "Where its files are")
                    ->type_name("DIR")
                    ->required();
                verb->add_option("--carrier", o.carrier, "Whose files")
                    ->type_name("NAME")
                    ->required();
            }
        });
}
