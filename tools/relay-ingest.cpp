// relay-ingest: the process of relay-serve that faces publishers.
#include "base/harden.hpp"
#include "base/log.hpp"
#include "cli/stop_signal.hpp"
#include "cli/tool.hpp"
#include "confine/process.hpp"
#include "relay/ingest_server.hpp"

#include <CLI/CLI.hpp>

namespace {

base::Result<int> serve(int fd) {
    TRY(base::harden_process());
    TRY(confine::files()); // before there are threads
    auto stop = TRY(cli::StopSignal::make());
    base::MessageSocket parent{base::Fd{fd}};
    TRY(relay::run_ingest(parent, stop.fd(), base::SystemClock{},
                          [] { return confine::calls(confine::Work::receive); }));

    const auto signal = stop.take();
    return signal ? cli::StopSignal::exit_code(*signal) : 0;
}

} // namespace

int main(int argc, char **argv) {
    return cli::run_tool(
        argc, argv,
        {"relay-ingest", "Receive publishers over SRT for relay-serve, which starts it"},
        [](CLI::App &app, cli::Action &action) {
            auto fd = std::make_shared<int>(-1);
            app.add_option("--fd", *fd, "Descriptor of the socket to relay-serve")
                ->type_name("N")
                ->required()
                ->check(CLI::Range(3, 1'048'576));
            app.callback([&action, fd] { action = [fd] { return serve(*fd); }; });
        });
}
