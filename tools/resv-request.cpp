// resv-request: reserves time on a relay, over the reservation network. What each verb asks of
// control is in lib/client; see resv-request(1).
#include "base/harden.hpp"
#include "base/log.hpp"
#include "cli/verbs.hpp"
#include "client/connection.hpp"
#include "client/enrol.hpp"
#include "client/login.hpp"
#include "client/order.hpp"
#include "client/printer.hpp"

namespace {

using base::Errc;
using base::fail_hint;
using base::Result;
using vault::Access;

struct Options {
    conf::TerminalFlags flags;
    client::Order order;
    std::string id;
    std::string token_file = "-";
    std::optional<std::int64_t> revision;
    std::string overlap = "24h";
    bool history = false, table = false, ics = false, series = false, dry_run = false;
    bool new_generation = false, preflight = false;
};

const base::SystemClock k_clock{};

Result<conf::TerminalConfig> configuration(const Options &o) {
    return conf::load_terminal(o.flags);
}

Result<client::Connection> connect(const Options &o, Access access) {
    return client::connect(TRY(configuration(o)), access);
}

client::Printer printer(const Options &o) {
    return {o.table, o.order.zone};
}

Result<base::Id> reservation_id(const Options &o) {
    return cli::option_value("ID", base::Id::parse(o.id));
}

// What was ordered, over the preset carrier when none was named; an offer names its own.
Result<client::Order> order(const Options &o) {
    client::Order order = o.order;
    if (!order.carriers.empty() || order.offer)
        return order;
    const auto config = TRY(configuration(o));
    if (config.preset.empty())
        return fail_hint(Errc::usage, "give --carrier NAME, or preset = \"NAME\" in terminal.toml",
                         "no carrier is named");
    order.carriers = {config.preset};
    return order;
}

int refusal(const base::Error &error, const client::Api &api, const Options &o) {
    printer(o).refusal(error, api.problem());
    return base::exit_code(error.code);
}

// The pending request is forgotten only when whoever reads our output has the outcome.
Result<int> change(const Options &o, const client::Change &wanted) {
    TRY(client::check_text(wanted));
    if (o.dry_run) {
        cli::print_record(client::request_record(wanted));
        return 0;
    }
    auto [vault, api] = TRY(connect(o, Access::write));
    auto store = TRY(client::PendingStore::open(vault));
    const auto outcome = client::carry_out(api, store, wanted, k_clock);
    if (!outcome)
        return refusal(outcome.error(), api, o);
    printer(o).outcome(*outcome);
    TRY(cli::flush());
    TRY(store.done(outcome->pending));
    return 0;
}

Result<int> book(const Options &o) {
    return change(o, TRY(client::booking_of(TRY(order(o)), k_clock.now())));
}
Result<int> commit(const Options &o) {
    return change(o, client::plain_change(TRY(reservation_id(o)), "commit"));
}
Result<int> cancel(const Options &o) {
    const base::Id id = TRY(reservation_id(o));
    return change(o, o.series ? client::series_cancelled(id) : client::plain_change(id, "cancel"));
}
Result<int> end(const Options &o) {
    return change(o, client::plain_change(TRY(reservation_id(o)), "end"));
}
Result<int> amend(const Options &o) {
    return change(
        o, TRY(client::amendment_of(o.order, TRY(reservation_id(o)), o.revision, k_clock.now())));
}
Result<int> revoke(const Options &o) {
    return change(o, client::plain_change(TRY(reservation_id(o)), "revoke"));
}
Result<int> extend(const Options &o) {
    return change(o, TRY(client::extension_of(o.order, TRY(reservation_id(o)), k_clock.now())));
}
Result<int> settings(const Options &o) {
    const base::Id id = TRY(reservation_id(o));
    return change(o, o.preflight ? client::preflight_of(id)
                                 : client::settings_again(id, o.new_generation));
}

Result<int> slots(const Options &o) {
    const auto query = TRY(client::query_of(TRY(order(o)), k_clock.now()));
    auto [vault, api] = TRY(connect(o, Access::read));
    const auto found = client::find_slots(api, query);
    if (!found)
        return refusal(found.error(), api, o);
    printer(o).slots(*found);
    if (found->empty())
        return fail_hint(Errc::refused, "look at other times, a lower rate or another carrier",
                         "no free slot");
    return 0;
}

Result<int> list(const Options &o) {
    auto [vault, api] = TRY(connect(o, Access::read));
    printer(o).reservations(TRY(client::list_reservations(api)));
    return 0;
}

Result<int> show(const Options &o) {
    const base::Id id = TRY(reservation_id(o));
    if (o.ics && (o.table || o.series))
        return fail_hint(Errc::usage, "give one of them",
                         "--ics: does not go with --table or --series");
    auto [vault, api] = TRY(connect(o, Access::read));
    if (o.history) {
        for (const wire::Json &entry : TRY(client::history_of(api, id)))
            cli::print_record(entry);
    } else if (o.ics) {
        cli::print_text(TRY(client::show_calendar(api, id)));
    } else if (o.series) {
        printer(o).reservations(TRY(client::show_series(api, id)));
    } else {
        printer(o).reservations({TRY(client::show_reservation(api, id))});
    }
    return 0;
}

Result<int> calendar(const Options &o) {
    auto [vault, api] = TRY(connect(o, Access::read));
    if (o.dry_run) {
        base::log::info("would ask {} for a link as key {}", api.target().url, vault.id().text());
        return 0;
    }
    const wire::Json link = TRY(client::login_link(api));
    if (o.table)
        cli::print_line(std::string(link.at("url").as_string()));
    else
        cli::print_record(link);
    return 0;
}

Result<int> enrol(const Options &o) {
    auto [vault, api] = TRY(connect(o, Access::write));
    const std::string &control = api.target().url;
    const std::string token = TRY(client::read_secret_line(o.token_file, "token"));
    if (o.dry_run) {
        base::log::info("would enrol key {} at {}", vault.id().text(), control);
        return 0;
    }
    const auto answer = TRY(client::enrol_terminal(api, vault, token, k_clock));
    cli::print_record(client::enrolment_record(answer, vault.id(), control));
    return 0;
}

Result<int> rotate(const Options &o) {
    base::Millis overlap{0}; // which no other duration may be
    if (o.overlap != "0s")
        overlap = TRY(cli::option_value("--overlap", base::parse_duration(o.overlap)));
    auto [vault, api] = TRY(connect(o, Access::write));
    const std::string control = api.target().url;
    if (o.dry_run) {
        base::log::info("would replace key {} at {}", vault.id().text(), control);
        return 0;
    }
    const auto done = TRY(client::rotate_keys(
        api, vault, std::chrono::duration_cast<base::Seconds>(overlap), k_clock));
    cli::print_record(client::rotation_record(done, control));
    return 0;
}

Result<int> time(const Options &o) {
    auto api = TRY(client::Api::open(client::target_of(TRY(configuration(o))), nullptr));
    printer(o).clock(TRY(client::measure_clock(api, k_clock)));
    return 0;
}

Result<int> print_config(const Options &o) {
    cli::print_text(conf::print_terminal(TRY(configuration(o))));
    return 0;
}

using Verbs = cli::Verbs<Options>;

CLI::App *verb_of_one(Verbs &verbs, Options &o, const char *name, const char *summary,
                      Verbs::Run run) {
    CLI::App *verb = verbs.add(name, summary, run);
    verb->add_option("ID", o.id, "Reservation, as printed by list")->required();
    return verb;
}

void define_common(CLI::App &app, Options &o) {
    app.add_option("--control", o.flags.control, "Control's address, https://host[:port]")
        ->type_name("URL");
    app.add_option("--cacert", o.flags.cacert, "Trust only the certificates of this PEM file")
        ->type_name("FILE");
    app.add_option("--interface", o.flags.interface,
                   "Leave by this interface, whatever the routes say")
        ->type_name("NAME");
    app.add_option("--config", o.flags.config, "terminal.toml, or its folder")->type_name("FILE");
    app.add_option("--vault", o.flags.vault, "Another vault")->type_name("DIR");
    app.add_option("--zone", o.order.zone, "Time zone of times without one, such as Europe/Paris")
        ->type_name("ZONE");
    app.add_flag("--table", o.table, "For people instead of JSON lines");
    app.add_flag("--dry-run", o.dry_run, "Say what would be sent, send nothing");
}

// What slots and book both ask for.
void define_demand(CLI::App &sub, Options &o) {
    sub.add_option("--rate", o.order.rate, "Transport stream bits a second, such as 6M")
        ->type_name("R");
    sub.add_option("--viewers", o.order.viewers, "Viewers at once (default: the channel's)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{10'000'000}, "1 to 10000000"))
        ->type_name("N");
    sub.add_option("--channel", o.order.channel, "This channel (default: any free one)")
        ->type_name("C");
    sub.add_option("--carrier", o.order.carriers,
                   "A line on this carrier; repeated, the first preferred (default: the preset)")
        ->allow_extra_args(false)
        ->type_name("C");
}

void define_asking(Verbs &verbs, Options &o) {
    CLI::App *sub = verbs.add("enrol", "Enrol this terminal's keys at control", enrol);
    sub->add_option("--token-file", o.token_file, "One-time token; - is standard input (default)")
        ->type_name("FILE");
    sub = verbs.add("rotate", "Replace this terminal's keys, also at control", rotate);
    sub->add_option("--overlap", o.overlap, "How long the former stay good there (default: 24h)")
        ->type_name("D");
    sub = verbs.add("slots", "Print free slots", slots);
    sub->add_option("--from", o.order.from, "Earliest start")->required()->type_name("T");
    sub->add_option("--to", o.order.to, "Latest end")->required()->type_name("T");
    sub->add_option("--duration", o.order.duration, "Length, such as 1h30m")
        ->required()
        ->type_name("D");
    define_demand(*sub, o);
    sub->get_option("--rate")->required();
    verbs.add("list", "Print all reservations of this distributor", list);
    sub = verb_of_one(verbs, o, "show", "Print one reservation", show);
    sub->add_flag("--series", o.series, "ID is a series: print all of it");
    sub->add_flag("--history", o.history, "What was done to it, when and by whom");
    sub->add_flag("--ics", o.ics, "As a calendar (RFC 5545), for others to open");
    verbs.add("calendar", "Print a link that opens control's calendar in a browser", calendar);
    verbs.add("time", "Compare this machine's clock with control's", time);
}

// What is asked for, by book and by change.
void define_wish(CLI::App &sub, Options &o) {
    sub.add_option("--start", o.order.start, "RFC 3339 or [date] HH:MM")->type_name("T");
    sub.add_option("--duration", o.order.duration, "Length, such as 1h30m")->type_name("D");
    sub.add_option("--end", o.order.end, "Instead of --duration")->type_name("T");
    define_demand(sub, o);
    sub.add_option("--title", o.order.title, "What viewers see")->type_name("TEXT");
    sub.add_option("--disclosure", o.order.disclosure, "public (default), unlisted or password")
        ->type_name("WHO");
    sub.add_option("--password-file", o.order.password_file,
                   "Viewers' password; - is standard input")
        ->type_name("FILE");
    sub.add_option("--notify", o.order.notify, "mailto: or https: address; repeatable")
        ->allow_extra_args(false)
        ->type_name("URL");
    sub.add_option("--offer", o.order.offer,
                   "Take this offer of a refusal, which says all the rest")
        ->type_name("TOKEN");
}

void define_changing(Verbs &verbs, Options &o) {
    CLI::App *sub = verbs.add("book", "Reserve; print the reservation and its settings", book);
    define_wish(*sub, o);
    sub->add_flag("--hold", o.order.hold, "Hold it for five minutes until commit");
    sub->add_flag("--now", o.order.at_once, "Instead of --start: as soon as control has it");
    sub->add_option("--repeat", o.order.repeat,
                    "Book again by this rule of RFC 5545, such as FREQ=WEEKLY;COUNT=10")
        ->type_name("RRULE");
    sub->add_option("--on-clash", o.order.on_clash,
                    "When not all can be: all-or-nothing (default), skip or propose")
        ->type_name("WHAT");
    sub =
        verb_of_one(verbs, o, "change", "Change what was asked for; print the new settings", amend);
    define_wish(*sub, o);
    sub->add_option("--revision", o.revision, "Only if it still has this one")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53, "1 to 2^53"))
        ->type_name("N");
    verb_of_one(verbs, o, "commit", "Turn a hold into a booking; print its settings", commit);
    sub = verb_of_one(verbs, o, "extend", "Move the end of a reservation", extend);
    sub->add_option("--end", o.order.end, "The new end")->required()->type_name("T");
    verb_of_one(verbs, o, "cancel", "Give a reservation up before it starts", cancel)
        ->add_flag("--series", o.series, "ID is a series: give up what of it is not active yet");
    verb_of_one(verbs, o, "end", "End a running reservation now", end);
    verb_of_one(verbs, o, "revoke", "Withdraw anybody's reservation, live or not (operators)",
                revoke);
    sub = verb_of_one(verbs, o, "settings", "Print a booking's settings again", settings);
    sub->add_flag("--new-generation", o.new_generation,
                  "Void the earlier settings: a new publisher takes over");
    sub->add_flag("--preflight", o.preflight, "With a ticket to try the line before the event")
        ->excludes("--new-generation");
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv,
                         {"resv-request", "Reserve time on a relay, over the reservation network"},
                         [&o](CLI::App &app, cli::Action &action) {
                             define_common(app, o);
                             // It reads keys, tokens and passwords.
                             Verbs verbs{app, action, o, base::harden_process};
                             verbs.print_config(print_config);
                             define_asking(verbs, o);
                             define_changing(verbs, o);
                         });
}
