// resv-request: reserves time on a relay, over the reservation network. What each verb asks of
// control is in lib/client; see resv-request(1).
#include "base/harden.hpp"
#include "base/log.hpp"
#include "cli/time_arg.hpp"
#include "cli/tool.hpp"
#include "client/enrol.hpp"
#include "client/records.hpp"
#include "client/words.hpp"

#include <CLI/CLI.hpp>

namespace {

using base::Errc;
using base::fail_hint;
using base::Result;
using base::UtcTime;
using cli::option_value;
using cli::print_line;
using client::Api;
using vault::Access;
using vault::Vault;

struct Options : client::Words {
    std::string control, cacert, interface, config, vault;
    bool table = false, dry_run = false, print_config = false, new_generation = false;
    std::string token_file = "-";
    std::string id;
};

// What every verb starts from: the configuration with the flags over it.
Result<conf::TerminalConfig> configuration(const Options &o) {
    conf::TerminalConfig config = TRY(conf::load_terminal(o.config));
    for (auto [flag, value] : {std::pair{&o.control, &config.control},
                               {&o.cacert, &config.cacert},
                               {&o.interface, &config.reservation_interface}})
        if (!flag->empty())
            *value = *flag;
    if (!o.vault.empty())
        config.vault = o.vault;
    return config;
}

Result<Api> open_api(const conf::TerminalConfig &config, const seal::SigningKey *key) {
    return Api::open(
        {.url = config.control, .cacert = config.cacert, .interface = config.reservation_interface},
        key);
}

// Control, and the vault whose key signs what is asked of it.
struct Connection {
    Vault vault;
    Api api;
};

Result<Connection> connect(const Options &o, Access access) {
    const auto config = TRY(configuration(o));
    Vault vault = TRY(Vault::open(config.vault, access));
    Api api = TRY(open_api(config, &vault.signing_key())); // a move leaves the key where it is
    return Connection{std::move(vault), std::move(api)};
}

UtcTime now() {
    return base::SystemClock{}.now();
}

Result<base::Id> reservation_id(const Options &o) {
    return option_value("ID", base::Id::parse(o.id));
}

void print(const wire::Json &record) {
    print_line(wire::compact_json(record));
}

// Times for people are in the zone that was asked for.
client::TimeText time_text(const Options &o) {
    return [zone = o.zone](UtcTime t) { return cli::format_local(t, zone); };
}

void print_reservations(const std::vector<wire::Reservation> &all, const Options &o) {
    if (o.table)
        print_line(client::reservation_header());
    for (const wire::Reservation &r : all)
        print_line(o.table ? client::reservation_row(r, time_text(o))
                           : wire::compact_json(wire::to_json(r)));
}

void print_slots(const std::vector<wire::Slot> &slots, const Options &o) {
    if (o.table)
        print_line(client::slot_header());
    for (const wire::Slot &s : slots)
        print_line(o.table ? client::slot_row(s, time_text(o))
                           : wire::compact_json(wire::to_json(s)));
}

// The pending request is forgotten only when whoever reads our output has it.
Result<int> print_outcome(const client::Outcome &outcome, client::PendingStore &store,
                          const Options &o) {
    if (outcome.reservation)
        print_reservations({*outcome.reservation}, o);
    if (outcome.settings && !o.table)
        print(wire::to_json(*outcome.settings));
    TRY(cli::flush());
    TRY(store.done(outcome.pending));
    return 0;
}

void print_alternatives(const std::vector<wire::Alternative> &all, const Options &o) {
    if (o.table && !all.empty())
        print_line(client::alternative_header());
    for (const wire::Alternative &a : all)
        print_line(o.table ? client::alternative_row(a, time_text(o))
                           : wire::compact_json(wire::to_json(a)));
}

// What fell short, after the error itself: one line a resource. Then what would do instead.
Result<int> refusal(const base::Error &error, const Api &api, const Options &o) {
    cli::report(error);
    if (const auto &problem = api.problem()) {
        for (const wire::Shortfall &s : problem->shortfalls)
            base::log::error("{}", client::shortfall_text(s, time_text(o)));
        print_alternatives(problem->alternatives, o);
    }
    return base::exit_code(error.code);
}

Result<int> change(const Options &o, const client::Change &wanted) {
    if (o.dry_run) {
        print(client::request_record(wanted));
        return 0;
    }
    Connection to = TRY(connect(o, Access::write));
    auto store = TRY(client::PendingStore::open(to.vault));
    auto outcome = client::carry_out(to.api, store, wanted, base::SystemClock{});
    if (!outcome)
        return refusal(outcome.error(), to.api, o);
    return print_outcome(*outcome, store, o);
}

Result<int> book(const Options &o) {
    return change(o, TRY(client::read_booking(o, TRY(configuration(o)), now())));
}

Result<int> commit(const Options &o) {
    return change(o, client::plain_change(TRY(reservation_id(o)), "commit"));
}
Result<int> cancel(const Options &o) {
    return change(o, client::plain_change(TRY(reservation_id(o)), "cancel"));
}
Result<int> end(const Options &o) {
    return change(o, client::plain_change(TRY(reservation_id(o)), "end"));
}
Result<int> extend(const Options &o) {
    const base::Id id = TRY(reservation_id(o));
    return change(o, client::extension(id, TRY(client::read_time(o, "--end", o.end, now()))));
}
Result<int> settings(const Options &o) {
    return change(o, client::settings_again(TRY(reservation_id(o)), o.new_generation));
}

Result<int> slots(const Options &o) {
    const auto query = TRY(client::read_slot_query(o, TRY(configuration(o)), now()));
    Connection to = TRY(connect(o, Access::read));
    const auto found = client::find_slots(to.api, query);
    if (!found)
        return refusal(found.error(), to.api, o);
    print_slots(*found, o);
    if (found->empty())
        return fail_hint(Errc::refused, "look at other times, a lower rate or another carrier",
                         "no free slot");
    return 0;
}

Result<int> list(const Options &o) {
    Connection to = TRY(connect(o, Access::read));
    print_reservations(TRY(client::list_reservations(to.api)), o);
    return 0;
}

Result<int> show(const Options &o) {
    const base::Id id = TRY(reservation_id(o));
    Connection to = TRY(connect(o, Access::read));
    print_reservations({TRY(client::show_reservation(to.api, id))}, o);
    return 0;
}

Result<int> enrol(const Options &o) {
    Connection to = TRY(connect(o, Access::write));
    const std::string &control = to.api.target().url;
    const std::string token = TRY(client::read_secret_line(o.token_file, "token"));
    if (o.dry_run) {
        base::log::info("would enrol key {} at {}", to.vault.id().text(), control);
        return 0;
    }
    const auto answer = TRY(client::enrol_terminal(to.api, to.vault, token, base::SystemClock{}));
    print(client::enrolment_record(answer, to.vault.id(), control));
    return 0;
}

Result<int> time(const Options &o) {
    constexpr base::Millis k_worth_a_warning{1000};
    Api api = TRY(open_api(TRY(configuration(o)), nullptr));
    const auto reading = TRY(client::measure_clock(api, base::SystemClock{}));
    if (std::chrono::abs(reading.offset) > k_worth_a_warning)
        base::log::warning("this machine's clock is {} ms {} control's; set it by NTP",
                           std::chrono::abs(reading.offset).count(),
                           reading.offset.count() > 0 ? "behind" : "ahead of");
    if (o.table)
        print_line(client::clock_text(reading, time_text(o)));
    else
        print(client::clock_record(reading));
    return 0;
}

Result<int> print_config(const Options &o) {
    const std::string text = conf::print_terminal(TRY(configuration(o)));
    print_line(std::string_view{text}.substr(0, text.find_last_not_of('\n') + 1));
    return 0;
}

// Adds verbs that run with the options, and borrows them.
struct Commands {
    using Run = Result<int> (*)(const Options &);
    CLI::App &app;
    cli::Action &action;
    Options &o;

    CLI::App *verb(const char *name, const char *summary, Run run) {
        CLI::App *sub = app.add_subcommand(name, summary);
        sub->callback([this, run] {
            action = [this, run]() -> Result<int> {
                TRY(base::harden_process()); // it reads keys, tokens and passwords
                return run(o);
            };
        });
        return sub;
    }
    CLI::App *verb_of_one(const char *name, const char *summary, Run run) {
        CLI::App *sub = verb(name, summary, run);
        sub->add_option("ID", o.id, "Reservation, as printed by list")->required();
        return sub;
    }
};

void define_common(CLI::App &app, Options &o) {
    app.add_option("--control", o.control, "Control's address, https://host[:port]")
        ->type_name("URL");
    app.add_option("--cacert", o.cacert, "Trust only the certificates of this PEM file")
        ->type_name("FILE");
    app.add_option("--interface", o.interface, "Leave by this interface, whatever the routes say")
        ->type_name("NAME");
    app.add_option("--config", o.config, "terminal.toml, or its folder")->type_name("FILE");
    app.add_option("--vault", o.vault, "Another vault")->type_name("DIR");
    app.add_option("--zone", o.zone, "Time zone of times without one, such as Europe/Paris")
        ->type_name("ZONE");
    app.add_flag("--table", o.table, "For people instead of JSON lines");
    app.add_flag("--dry-run", o.dry_run, "Say what would be sent, send nothing");
    app.add_flag("--print-config", o.print_config, "Show the configuration in force");
}

// What slots and book both ask for.
void define_demand(CLI::App &sub, Options &o) {
    sub.add_option("--rate", o.rate, "Transport stream bits a second, such as 6M")->type_name("R");
    sub.add_option("--viewers", o.viewers, "Viewers at once (default: the channel's)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{10'000'000}, "1 to 10000000"))
        ->type_name("N");
    sub.add_option("--channel", o.channel, "This channel (default: any free one)")->type_name("C");
    sub.add_option("--carrier", o.carriers,
                   "A line on this carrier; repeated, the first preferred (default: the preset)")
        ->allow_extra_args(false)
        ->type_name("C");
}

void define_asking(Commands &c, Options &o) {
    CLI::App *sub = c.verb("enrol", "Enrol this terminal's keys at control", enrol);
    sub->add_option("--token-file", o.token_file, "One-time token; - is standard input (default)")
        ->type_name("FILE");
    sub = c.verb("slots", "Print free slots", slots);
    sub->add_option("--from", o.from, "Earliest start")->required()->type_name("T");
    sub->add_option("--to", o.to, "Latest end")->required()->type_name("T");
    sub->add_option("--duration", o.duration, "Length, such as 1h30m")->required()->type_name("D");
    define_demand(*sub, o);
    sub->get_option("--rate")->required();
    c.verb("list", "Print all reservations of this distributor", list);
    c.verb_of_one("show", "Print one reservation", show);
    c.verb("time", "Compare this machine's clock with control's", time);
}

void define_changing(Commands &c, Options &o) {
    CLI::App *sub = c.verb("book", "Reserve; print the reservation and its settings", book);
    sub->add_option("--start", o.start, "RFC 3339 or [date] HH:MM")->type_name("T");
    sub->add_option("--duration", o.duration, "Length, such as 1h30m")->type_name("D");
    sub->add_option("--end", o.end, "Instead of --duration")->type_name("T");
    define_demand(*sub, o);
    sub->add_option("--title", o.title, "What viewers see")->type_name("TEXT");
    sub->add_option("--disclosure", o.disclosure, "public (default), unlisted or password")
        ->type_name("WHO");
    sub->add_option("--password-file", o.password_file, "Viewers' password; - is standard input")
        ->type_name("FILE");
    sub->add_option("--notify", o.notify, "mailto: or https: address; repeatable")
        ->allow_extra_args(false)
        ->type_name("URL");
    sub->add_flag("--hold", o.hold, "Hold it for five minutes until commit");
    sub->add_option("--offer", o.offer, "Take this offer of a refusal; of the rest, only --hold")
        ->type_name("TOKEN");
    c.verb_of_one("commit", "Turn a hold into a booking; print its settings", commit);
    sub = c.verb_of_one("extend", "Move the end of a reservation", extend);
    sub->add_option("--end", o.end, "The new end")->required()->type_name("T");
    c.verb_of_one("cancel", "Give a reservation up before it starts", cancel);
    c.verb_of_one("end", "End a running reservation now", end);
    sub = c.verb_of_one("settings", "Print a booking's settings again", settings);
    sub->add_flag("--new-generation", o.new_generation,
                  "Void the earlier settings: a new publisher takes over");
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    std::optional<Commands> commands;
    return cli::run_tool(argc, argv,
                         {"resv-request", "Reserve time on a relay, over the reservation network"},
                         [&](CLI::App &app, cli::Action &action) {
                             define_common(app, o);
                             commands.emplace(Commands{app, action, o});
                             define_asking(*commands, o);
                             define_changing(*commands, o);
                             app.callback([&] {
                                 if (o.print_config)
                                     action = [&] { return print_config(o); };
                             });
                         });
}
