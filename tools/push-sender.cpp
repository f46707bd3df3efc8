// push-sender: the process that sends media over the carriers, and nothing else.
#include "base/harden.hpp"
#include "cli/stop_signal.hpp"
#include "cli/tool.hpp"
#include "push/sender.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace {

struct Descriptors {
    int plan = -1;
    int reader = -1;
};

base::Result<int> send(const Descriptors &fds) {
    if (::geteuid() == 0)
        return base::fail_hint(base::Errc::not_permitted,
                               "carrier-connect starts it as the media user (media_uid)",
                               "it does not run as root");
    TRY(base::harden_process());
    auto stop = TRY(cli::StopSignal::make());
    const base::SystemClock clock;
    push::Sender sender{base::MessageSocket{base::Fd{fds.plan}},
                        base::MessageSocket{base::Fd{fds.reader}}, clock};
    TRY(sender.run(stop.fd()));
    const auto signal = stop.take();
    return signal ? cli::StopSignal::exit_code(*signal) : 0;
}

} // namespace

int main(int argc, char **argv) {
    return cli::run_tool(
        argc, argv,
        {"push-sender", "Send media over a carrier for carrier-connect, which starts it"},
        [](CLI::App &app, cli::Action &action) {
            auto fds = std::make_shared<Descriptors>();
            const CLI::Range usable{3, 1'048'576};
            app.add_option("--plan-fd", fds->plan, "Descriptor of the socket to carrier-connect")
                ->type_name("N")
                ->required()
                ->check(usable);
            app.add_option("--reader-fd", fds->reader, "Descriptor of the socket to the reader")
                ->type_name("N")
                ->required()
                ->check(usable);
            app.callback([&action, fds] { action = [fds] { return send(*fds); }; });
        });
}
