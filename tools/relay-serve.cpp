// relay-serve: takes in media for reserved events and gives it to their viewers. What it does is in
// lib/relay; see relay-serve(8).
#include "base/harden.hpp"
#include "base/log.hpp"
#include "cli/stop_signal.hpp"
#include "cli/tool.hpp"
#include "client/enrol.hpp"
#include "relay/event_output.hpp"
#include "relay/hub.hpp"
#include "relay/status.hpp"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace {

using base::Errc;
using base::Result;

struct Options {
    std::string config;
    bool print_config = false;
    bool once = false;
    bool table = false;
    std::string events;
    int ready_fd = -1;
    std::string spool;
    std::string control, cacert;
    std::string token_file = "-";
    // Not for people: how a running relay starts the program that takes its place.
    int take_over = -1;
    bool rehearse = false;
    std::function<Result<relay::OwnCommand>()> command;
};

Result<relay::RelayConfig> configuration(const Options &o) {
    relay::RelayConfig config = TRY(relay::load_config(o.config));
    if (!o.control.empty())
        config.control = o.control;
    if (!o.cacert.empty())
        config.cacert = o.cacert;
    if (!o.spool.empty())
        config.spool = o.spool;
    return config;
}

Result<int> print_config(const Options &o) {
    const auto config = TRY(configuration(o));
    std::fputs(relay::print_config(config).c_str(), stdout);
    return 0;
}

Result<int> serve(const Options &o) {
    const auto config = TRY(configuration(o));
    if (!o.events.empty() && o.events != "-")
        return base::fail_hint(Errc::usage, "write --events -", "--events: '{}' is not -",
                               o.events);
    TRY(base::harden_process());
    auto stop = TRY(cli::StopSignal::make({SIGHUP, SIGUSR2}));
    auto command = TRY(o.command());
    relay::ServeOptions options{.once = o.once,
                                .ready_fd = o.ready_fd,
                                .on_event = {},
                                .stop_fd = stop.fd(),
                                .stop_signal = [&stop] { return stop.take(); },
                                .configuration = [&o] { return configuration(o); },
                                .child_mask = {},
                                .command = std::move(command),
                                .take_over = o.take_over,
                                .rehearse = o.rehearse};
    sigemptyset(&options.child_mask);
    if (!o.events.empty())
        options.on_event = [out = relay::EventOutput{STDOUT_FILENO}](
                               const wire::Json &record) mutable { out.write(record); };
    return relay::serve(config, options);
}

Result<int> enrol(const Options &o) {
    const auto config = TRY(configuration(o));
    TRY(relay::enrol(config, TRY(client::read_secret_line(o.token_file, "the token"))));
    base::log::info("relay {} is enrolled with {}", config.id, config.control);
    return 0;
}

Result<int> check(const Options &o) {
    const auto config = TRY(configuration(o));
    int code = 0;
    for (const relay::CheckItem &item : relay::check_relay(config)) {
        cli::print_line(wire::compact_json(relay::to_json(item)));
        if (!item.error)
            continue;
        cli::report(*item.error);
        code = code == 0 ? base::exit_code(item.error->code) : code;
    }
    return code;
}

Result<int> status(const Options &o) {
    const auto config = TRY(configuration(o));
    const auto records = TRY(relay::relay_status(config));
    if (o.table)
        for (const std::string &row : relay::status_table(records))
            cli::print_row(row);
    else
        for (const wire::Json &record : records)
            cli::print_line(wire::compact_json(record));
    return 0;
}

void define(CLI::App &app, cli::Action &action, int argc, char **argv) {
    auto o = std::make_shared<Options>();
    o->command = [argc, argv] { return relay::own_command(argc, argv); };
    const auto does = [&action, o](Result<int> (*what)(const Options &)) {
        return [&action, o, what] {
            action = [o, what] { return o->print_config ? print_config(*o) : what(*o); };
        };
    };
    app.add_option("--config", o->config, "Configuration file or folder")->type_name("FILE");
    app.add_flag("--print-config", o->print_config, "Print the configuration in effect");
    app.add_option("--events", o->events, "Print what happens as JSON lines: -")->type_name("-");
    app.add_flag("--once", o->once, "End after the first event's end or cancellation");
    app.add_option("--spool", o->spool, "Record events as files in this folder")->type_name("DIR");
    app.add_option("--ready-fd", o->ready_fd, "Write a newline there when viewers can come")
        ->type_name("N")
        ->check(CLI::Range(1, 1'048'576));
    app.add_option("--take-over", o->take_over)->group("");
    app.add_flag("--rehearse", o->rehearse)->group("");
    auto *enrols = app.add_subcommand("enrol", "Make this relay's keys and make control know them");
    enrols->add_option("--control", o->control, "Control's address")->type_name("URL");
    enrols->add_option("--cacert", o->cacert, "Authority of control's certificate")
        ->type_name("FILE");
    enrols->add_option("--token-file", o->token_file, "The one-time token's file; - is stdin")
        ->type_name("FILE");
    enrols->callback(does(enrol));
    app.add_subcommand("check", "Say whether the relay could start here")->callback(does(check));
    auto *says = app.add_subcommand("status", "Say how the running relay is");
    says->add_flag("--table", o->table, "For people instead of as JSON lines");
    says->callback(does(status));
    app.require_subcommand(0, 1);
    app.callback([&app, set = does(serve)] {
        if (app.get_subcommands().empty())
            set();
    });
}

} // namespace

int main(int argc, char **argv) {
    return cli::run_tool(
        argc, argv,
        {"relay-serve", "Take in media for reserved events and give it to their viewers"},
        [argc, argv](CLI::App &app, cli::Action &action) { define(app, action, argc, argv); });
}
