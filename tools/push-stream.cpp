// push-stream ID INPUT: sends the programme of a reservation, from its start to its end.
#include "base/log.hpp"
#include "cli/stop_signal.hpp"
#include "cli/tool.hpp"
#include "push/reader.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace {

struct Options {
    std::string id;
    std::string input;
    std::string stats = "-";
    bool loop = false;
};

base::Result<int> push_stream(const Options &options) {
    const auto id = base::Id::parse(options.id);
    if (!id)
        return base::fail(base::Errc::usage, "ID '{}': {}", options.id, id.error().message);
    push::ReaderOptions reader{*id, TRY(push::parse_input(options.input)), options.loop, false};
    if (reader.loop && reader.input.kind == push::InputName::Kind::standard_input)
        return base::fail(base::Errc::usage, "--loop: standard input cannot be read twice");
    TRY(push::check_input(reader.input));
    auto sender = TRY(push::sender_from_environment());
    auto stop = TRY(cli::StopSignal::make());
    auto stats = TRY(push::StatsWriter::open(options.stats));
    reader.progress = ::isatty(STDERR_FILENO) != 0 && base::log::enabled(base::log::Level::info);
    const base::SystemClock clock;
    const push::Outcome ended =
        TRY(push::Reader(std::move(reader), std::move(sender), stats,
                         {stop.fd(), [&stop] { return stop.take(); }}, clock)
                .run());
    if (ended.signal)
        return cli::StopSignal::exit_code(*ended.signal);
    TRY(stats.finish());
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    auto options = std::make_shared<Options>();
    return cli::run_tool(
        argc, argv, {"push-stream", "Send the programme of a reservation through its carrier"},
        [options](CLI::App &app, cli::Action &action) {
            app.add_option("ID", options->id, "The reservation")->required();
            app.add_option("INPUT", options->input,
                           "A media file, - (standard input) or test: (a test picture)")
                ->required();
            app.add_flag("--loop", options->loop, "Begin the file again when it is at its end");
            app.add_option("--stats", options->stats,
                           "Write the statistics there; - is standard output")
                ->type_name("FILE");
            app.footer("Run it by: carrier-connect exec ID -- push-stream ID INPUT");
            action = [options] { return push_stream(*options); };
        });
}
