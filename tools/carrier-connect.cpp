// carrier-connect: connects the carrier that a reservation sends through, and runs the sender.
// What each verb does is in lib/carrier, the routing in lib/route; see carrier-connect(8).
#include "base/harden.hpp"
#include "base/log.hpp"
#include "carrier/check.hpp"
#include "carrier/exec.hpp"
#include "carrier/preset.hpp"
#include "carrier/records.hpp"
#include "carrier/users.hpp"
#include "carrier/watch.hpp"
#include "cli/stop_signal.hpp"
#include "cli/verbs.hpp"
#include "route/isolation.hpp"

namespace {

using base::Errc;
using base::Result;
using carrier::Connector;
using cli::option_value;
using cli::print_record;
using vault::Vault;

struct Options {
    conf::TerminalFlags flags;
    std::string id, carrier, settings, preset, isolate;
    bool dry_run = false, no_probe = false, table = false;
    std::vector<std::string> command;
};

Result<conf::TerminalConfig> configuration(const Options &o) {
    return conf::load_terminal(o.flags);
}

void print_steps(const carrier::Outcome &outcome) {
    for (const wire::Json &step : carrier::records(outcome))
        print_record(step);
}

Result<int> print_config(const Options &o) {
    cli::print_text(conf::print_terminal(TRY(configuration(o))));
    return 0;
}

// What a reservation needs to be connected, from vault or file and configuration.
struct Event {
    conf::TerminalConfig config;
    Vault vault;
    wire::Settings settings;
};

Result<Event> load_event(const Options &o) {
    const base::Id id = TRY(option_value("ID", base::Id::parse(o.id)));
    auto config = TRY(configuration(o));
    auto vault = TRY(Vault::open(config.vault, vault::Access::read));
    auto settings = TRY(carrier::load_settings(vault, id, o.settings));
    return Event{std::move(config), std::move(vault), std::move(settings)};
}

void print_isolation(const route::Policy &policy) {
    for (const std::string &command : route::isolation_commands(policy))
        print_record(wire::JsonObject{
            {"type", "step"}, {"v", 1}, {"action", "isolate"}, {"command", command}});
}

// What a signal, if one came, makes of a verb that gave up.
Result<int> given_up(cli::StopSignal &stop, const base::Error &error) {
    const auto signal = stop.take();
    if (!signal)
        return std::unexpected(error);
    base::log::error("{}", error.message);
    return cli::StopSignal::exit_code(*signal);
}

Result<int> connect(const Options &o, const Event &event) {
    const auto choice = TRY(carrier::choose(event.settings, event.config, o.carrier));
    const auto media = TRY(carrier::media_user(event.config));
    auto connector = TRY(Connector::open(event.config.state, !o.dry_run));
    auto stop = TRY(cli::StopSignal::make());
    const auto outcome =
        connector.up(event.settings, choice, media.uid,
                     {.dry_run = o.dry_run, .probe = !o.no_probe, .stop_fd = stop.fd()});
    if (!outcome)
        return given_up(stop, outcome.error());
    if (o.dry_run) {
        print_steps(*outcome);
        if (!o.isolate.empty())
            print_isolation(
                TRY(connector.policy_of(outcome->carriers, event.settings.reservation)));
        return 0;
    }
    for (const carrier::Status &status : TRY(connector.status()))
        if (status.state.name == choice.name)
            print_record(carrier::record(status));
    if (const auto foreign = connector.foreign_rule(); foreign && *foreign)
        base::log::warning("a rule of another program stands before ours: {}", **foreign);
    return 0;
}

Result<int> up(const Options &o) {
    if (!o.dry_run)
        TRY(carrier::require_privilege(false));
    return connect(o, TRY(load_event(o)));
}

Result<int> down(const Options &o) {
    const base::Id id = TRY(option_value("ID", base::Id::parse(o.id)));
    const auto config = TRY(configuration(o));
    if (!o.dry_run)
        TRY(carrier::require_privilege(false));
    auto connector = TRY(Connector::open(config.state, !o.dry_run));
    if (o.dry_run)
        print_steps(TRY(connector.down(id, true)));
    else
        TRY(connector.release(id));
    return 0;
}

Result<int> status(const Options &o) {
    auto connector = TRY(Connector::open(TRY(configuration(o)).state, false));
    const auto statuses = TRY(connector.status());
    if (o.table) {
        cli::print_line(carrier::table(statuses));
        return 0;
    }
    for (const carrier::Status &one : statuses)
        print_record(carrier::record(one));
    return 0;
}

Result<int> preset(const Options &o) {
    auto config = TRY(configuration(o));
    if (!o.preset.empty()) {
        TRY(carrier::write_preset(config.file, o.preset, o.dry_run));
        config.preset = o.preset;
    }
    if (config.preset.empty())
        return base::fail_hint(Errc::refused, "carrier-connect preset NAME sets one",
                               "there is no preset carrier");
    print_record(wire::JsonObject{{"type", "preset"}, {"v", 1}, {"carrier", config.preset}});
    return 0;
}

Result<int> check(const Options &o) {
    if (!o.dry_run)
        TRY(carrier::require_privilege(true));
    auto event = TRY(load_event(o));
    auto stop = TRY(cli::StopSignal::make());
    auto connector = TRY(Connector::open(event.config.state, !o.dry_run));
    const carrier::CheckRequest request{.settings = std::move(event.settings),
                                        .config = std::move(event.config),
                                        .carrier = o.carrier,
                                        .how = {.probe = !o.no_probe, .stop_fd = stop.fd()}};
    if (o.dry_run) {
        print_steps(TRY(carrier::plan_check(request, connector)));
        return 0;
    }
    const auto rows = carrier::check(request, connector);
    if (!rows)
        return given_up(stop, rows.error());
    if (o.table)
        cli::print_line(carrier::table(*rows));
    for (const carrier::CheckRow &row : *rows)
        if (!o.table)
            print_record(carrier::record(row));
    return carrier::verdict(*rows);
}

Result<int> watch(const Options &o) {
    if (o.dry_run)
        return connect(o, TRY(load_event(o)));
    TRY(carrier::require_privilege(false));
    auto event = TRY(load_event(o));
    auto stop = TRY(cli::StopSignal::make());
    auto connector = TRY(Connector::open(event.config.state, true));
    const auto done = carrier::watch({.settings = std::move(event.settings),
                                      .config = std::move(event.config),
                                      .carrier = o.carrier,
                                      .probe = !o.no_probe,
                                      .stop_fd = stop.fd(),
                                      .tell =
                                          [](const wire::Json &record) {
                                              print_record(record);
                                              return cli::flush();
                                          }},
                                     connector);
    if (!done)
        return given_up(stop, done.error());
    const auto signal = stop.take();
    return signal ? cli::StopSignal::exit_code(*signal) : 0;
}

Result<int> exec(const Options &o) {
    if (o.dry_run)
        return connect(o, TRY(load_event(o)));
    TRY(carrier::require_privilege(true));
    if (!o.isolate.empty())
        TRY(carrier::require_isolation_privilege());
    auto event = TRY(load_event(o));
    const auto stop = TRY(cli::StopSignal::make({SIGHUP, SIGCHLD}));
    auto connector = TRY(Connector::open(event.config.state, true));
    return carrier::exec({.settings = std::move(event.settings),
                          .config = std::move(event.config),
                          .carrier = o.carrier,
                          .probe = !o.no_probe,
                          .isolate = !o.isolate.empty(),
                          .command = o.command,
                          .signal_fd = stop.fd(),
                          .restore_signals = [&stop] { stop.unblock(); }},
                         event.vault, connector);
}

using Verbs = cli::Verbs<Options>;

void id_of(CLI::App *verb, Options &o) {
    verb->add_option("ID", o.id, "Reservation, as resv-store list prints it")->required();
}

void source_of(CLI::App *verb, Options &o) {
    verb->add_option("--carrier", o.carrier, "Instead of the preset one")->type_name("NAME");
    verb->add_option("--settings", o.settings, "A settings record instead of the vault's")
        ->type_name("FILE");
    verb->add_flag("--no-probe", o.no_probe, "Do not ask whether the relay answers");
}

void dry_run_of(CLI::App *verb, Options &o, const char *text = "Print the steps, change nothing") {
    verb->add_flag("--dry-run", o.dry_run, text);
}

void define(CLI::App &app, Verbs verbs, Options &o) {
    app.add_option("--config", o.flags.config, "terminal.toml, or its folder")->type_name("FILE");
    app.add_option("--vault", o.flags.vault, "Another vault")->type_name("DIR");
    app.add_option("--state", o.flags.state, "Another state folder")->type_name("DIR");
    verbs.print_config(print_config);
    auto *verb = verbs.add("up", "Connect a carrier for a reservation", up);
    id_of(verb, o);
    source_of(verb, o);
    dry_run_of(verb, o);
    verb = verbs.add("down", "Disconnect all that a reservation uses", down);
    id_of(verb, o);
    dry_run_of(verb, o);
    verb = verbs.add("status", "Print the carriers in use", status);
    verb->add_flag("--table", o.table, "For people");
    verb = verbs.add("preset", "Show or set the carrier used when none is named", preset);
    verb->add_option("NAME", o.preset, "Its name in terminal.toml");
    dry_run_of(verb, o, "Check NAME, change nothing");
    verb = verbs.add("check", "Try whether media can leave by another way", check);
    id_of(verb, o);
    source_of(verb, o);
    verb->add_flag("--table", o.table, "For people");
    dry_run_of(verb, o);
    verb = verbs.add("watch", "Look after the lines, move between them", watch);
    id_of(verb, o);
    source_of(verb, o);
    dry_run_of(verb, o, "Print the steps of up, watch nothing");
    verb = verbs.add("exec", "Connect, run a command and the sender, disconnect", exec);
    id_of(verb, o);
    source_of(verb, o);
    verb->add_option("--isolate", o.isolate, "Let the sender see its carriers alone: netns")
        ->type_name("HOW")
        ->check(CLI::IsMember({"netns"}));
    verb->add_option("COMMAND", o.command, "What to run, behind --")->required();
    dry_run_of(verb, o, "Print the steps of up, run nothing");
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv,
                         {"carrier-connect", "Connect carriers, and send through nothing else"},
                         [&o](CLI::App &app, cli::Action &action) {
                             // Not harden_process(): the command of exec stays free.
                             define(app, Verbs{app, action, o, base::hide_memory}, o);
                         });
}
