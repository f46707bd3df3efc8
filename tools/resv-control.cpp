// resv-control: the reservation control. What it does is in lib/control; see resv-control(8).
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "cli/stop_signal.hpp"
#include "cli/verbs.hpp"
#include "control/admin.hpp"
#include "control/carrier_export.hpp"
#include "control/enrolment.hpp"
#include "control/key_changes.hpp"
#include "control/ledgers.hpp"
#include "control/migration.hpp"
#include "control/service.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

using base::Errc;
using base::Result;
using cli::print_line;
using cli::print_record;
using cli::print_row;
using control::Config;

struct Options {
    std::string config;
    bool dry_run = false;
    bool table = false;
    std::string name;
    std::string role;
    std::string reservations;
    std::string id;
    std::string format;
    std::string output = "-";
    int ready_fd = -1;
};

Result<Config> configuration(const Options &o) {
    return control::load_control(o.config);
}

base::UtcTime now() {
    return base::SystemClock{}.now();
}

Result<int> print_config(const Options &o) {
    cli::print_text(control::print_control(TRY(configuration(o))));
    return 0;
}

Result<int> init(const Options &o) {
    const Config config = TRY(configuration(o));
    if (o.dry_run && !TRY(control::ledger_is_there(config))) {
        base::log::info("would make {} with new keys and an empty ledger", config.data.native());
        return 0;
    }
    if (!o.dry_run && TRY(control::init_data(config)) == control::InitResult::made)
        base::log::info("made {}; keep a backup of its keys", config.data.native());
    else
        base::log::info("{} is there already; nothing was changed", config.data.native());
    print_record(TRY(control::control_record(config)));
    return 0;
}

Result<int> enrol(const Options &o) {
    const Config config = TRY(configuration(o));
    const auto role = ledger::parse_role(o.role);
    if (!role)
        return base::fail(Errc::usage, "--role: {}", role.error().message);
    TRY(control::load_keys(config)); // without them the token would open nothing
    const auto ledger = TRY(control::open_ledger(config));
    if (o.dry_run) {
        TRY(control::check_enrolment(*ledger, config, o.name, *role));
        base::log::info("would make a token for {} as {}", o.name, o.role);
        return 0;
    }
    print_line(TRY(control::make_token(*ledger, config, o.name, *role, now())));
    base::log::info("the line above enrols one {} as '{}' within 24 h", o.role, o.name);
    return 0;
}

std::string_view text_of(const wire::Json &record, std::string_view key) {
    const auto *value = record.as_object().if_contains(key);
    return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : "-";
}

Result<int> revoke(const Options &o) {
    if (o.reservations != "keep" && o.reservations != "revoke")
        return base::fail(Errc::usage, "--reservations: keep or revoke");
    const Config config = TRY(configuration(o));
    const auto ledger = TRY(control::open_ledger(config));
    const control::Revocation what{.who = o.name, .reservations = o.reservations == "revoke"};
    const auto done = TRY(control::revoke(*ledger, config, what, now(), o.dry_run));
    print_record(control::to_json(done));
    base::log::info("{} {} keys and {} reservations of '{}'",
                    o.dry_run ? "would revoke" : "revoked", done.keys.size(),
                    done.reservations.size(), done.name);
    return 0;
}

Result<int> keys(const Options &o) {
    const auto ledger = TRY(control::open_ledger(TRY(configuration(o))));
    const auto records = TRY(control::key_records(*ledger, now()));
    if (o.table)
        print_line(
            fmt::format("{:16}  {:8}  {:12}  {:20}  {}", "KEY", "STATE", "ROLE", "UNTIL", "NAME"));
    for (const wire::Json &r : records)
        print_line(o.table ? fmt::format("{:16}  {:8}  {:12}  {:20}  {}", text_of(r, "key_id"),
                                         text_of(r, "state"), text_of(r, "role"),
                                         text_of(r, "until"), text_of(r, "name"))
                           : wire::compact_json(r));
    return 0;
}

// The newline that a supervisor waits for, as s6's notification or a test does.
Result<void> notify(base::Fd fd) {
    return fd ? base::write_all(fd.get(), "\n", "--ready-fd") : Result<void>{};
}

int wait_for(cli::StopSignal &signals) {
    for (;;) {
        pollfd waiting{.fd = signals.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&waiting, 1, -1);
        if (const auto signal = signals.take())
            return *signal;
    }
}

Result<int> serve(const Options &o) {
    base::Fd ready_fd{o.ready_fd};
    if (o.ready_fd >= 0 && ::fcntl(o.ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
        (void)ready_fd.release();
        return base::fail(Errc::usage, "--ready-fd: {} is not an open descriptor", o.ready_fd);
    }
    const Config config = TRY(configuration(o));
    auto signals = TRY(cli::StopSignal::make({SIGHUP})); // before the first thread
    int ended_by = SIGTERM;
    const control::ServiceCalls calls{
        .ready =
            [&](const std::string &url) {
                base::log::info("ready at {}", url);
                if (const auto sent = notify(std::move(ready_fd)); !sent)
                    cli::report(sent.error());
            },
        .next =
            [&] {
                ended_by = wait_for(signals);
                return ended_by == SIGHUP ? control::Wish::reload : control::Wish::stop;
            },
        .load = [&] { return configuration(o); }};
    const bool whole = TRY(control::serve(config, calls));
    base::log::info("stopped");
    return whole ? 0 : cli::StopSignal::exit_code(ended_by);
}

Result<int> reservations(const Options &o) {
    const auto records = TRY(control::reservation_records(TRY(configuration(o)), now()));
    if (o.table)
        print_line(fmt::format("{:26}  {:9}  {:20}  {:20}  {:12}  {:12}  {}", "ID", "STATE",
                               "START", "END", "OWNER", "CHANNEL", "TITLE"));
    for (const wire::Json &r : records)
        o.table ? print_row(fmt::format("{:26}  {:9}  {:20}  {:20}  {:12}  {:12}  {}",
                                        text_of(r, "id"), text_of(r, "state"), text_of(r, "start"),
                                        text_of(r, "end"), text_of(r, "owner"),
                                        text_of(r, "channel"), text_of(r, "title")))
                : print_record(r);
    return 0;
}

Result<int> history(const Options &o) {
    const auto id = TRY(cli::option_value("ID", base::Id::parse(o.id)));
    for (const wire::Json &r : TRY(control::history_records(TRY(configuration(o)), id)))
        print_record(r);
    return 0;
}

Result<int> relays(const Options &o) {
    const auto records = TRY(control::relay_records(TRY(configuration(o))));
    if (o.table)
        print_line(fmt::format("{:12}  {:16}  {:20}  {}", "NAME", "KEY", "SEEN", "VIEWERS AT"));
    for (const wire::Json &r : records)
        print_line(o.table ? fmt::format("{:12}  {:16}  {:20}  {}", text_of(r, "name"),
                                         text_of(r, "key_id"), text_of(r, "seen"),
                                         text_of(r, "public_url"))
                           : wire::compact_json(r));
    return 0;
}

Result<int> calendar(const Options &o) {
    const wire::Json link = TRY(control::calendar_link(TRY(configuration(o)), now()));
    if (o.table)
        print_line(text_of(link, "url"));
    else
        print_record(link);
    return 0;
}

Result<int> check(const Options &o) {
    const Config config = TRY(configuration(o));
    int failed = 0;
    for (const wire::Json &record : control::check_records(config, now())) {
        print_record(record);
        failed += record.at("ok").as_bool() ? 0 : 1;
    }
    if (failed > 0)
        return base::fail(Errc::config, "{}: {} of the checks failed", config.file.native(),
                          failed);
    return 0;
}

Result<int> migrate(const Options &o) {
    const Config config = TRY(configuration(o));
    const wire::Json record = TRY(control::migrate(config, o.dry_run));
    cli::print_record(record);
    base::log::info("{} {}; the file stays as it was, and is not used any more",
                    o.dry_run ? "would copy" : "copied", config.ledger_file().native());
    return 0;
}

Result<int> export_carrier(const Options &o) {
    const auto format = TRY(cli::option_value("--format", control::parse_export_format(o.format)));
    const bool to_file = o.output != "-";
    if (!to_file && ::isatty(STDOUT_FILENO) != 0)
        return base::fail_hint(Errc::refused, "--output FILE writes a file of mode 0600",
                               "what is exported is secret: it is not shown on a terminal");
    std::string text = TRY(control::export_carrier(TRY(configuration(o)), o.name, format));
    const auto written = to_file ? base::write_file_atomic(o.output, text, 0600)
                                 : base::write_all(STDOUT_FILENO, text, "standard output");
    seal::wipe(text);
    TRY(written);
    if (to_file)
        base::log::info("wrote the accounts of carrier {} to {}", o.name, o.output);
    return 0;
}

void define(CLI::App &app, cli::Action &action, Options &o) {
    cli::Verbs<Options> verbs{app, action, o};
    app.add_option("--config", o.config, "control.toml, or its folder")->type_name("FILE");
    verbs.print_config(print_config);
    verbs.add("init", "Make the data folder, the keys and the ledger", init)
        ->add_flag("--dry-run", o.dry_run, "Say what would be done, change nothing");
    CLI::App *verb = verbs.add("enrol", "Print a one-time token that enrols NAME", enrol);
    verb->add_option("NAME", o.name, "Who: for a relay its id in control.toml")->required();
    verb->add_option("--role", o.role, "distributor, relay or operator")
        ->required()
        ->type_name("ROLE");
    verb->add_flag("--dry-run", o.dry_run, "Say what would be done, change nothing");
    verb = verbs.add("revoke", "Refuse from now on what a party's keys sign", revoke);
    verb->add_option("WHO", o.name, "A name, or the id of a key")->required();
    verb->add_option("--reservations", o.reservations,
                     "What becomes of its live reservations: keep or revoke")
        ->required()
        ->type_name("WHAT");
    verb->add_flag("--dry-run", o.dry_run, "Say what would be done, change nothing");
    verbs.add("keys", "Print every key that signs or signed", keys)
        ->add_flag("--table", o.table, "For people");
    verbs.add("serve", "Serve the API until SIGTERM or SIGINT", serve)
        ->add_option("--ready-fd", o.ready_fd, "Write a newline to it when ready")
        ->type_name("N");
    verbs.add("reservations", "Print every reservation", reservations)
        ->add_flag("--table", o.table, "For people");
    verbs.add("history", "Print what was done to a reservation, when and by whom", history)
        ->add_option("ID", o.id, "Reservation, as printed by reservations")
        ->required();
    verbs.add("relays", "Print every relay", relays)->add_flag("--table", o.table, "For people");
    verbs.add("calendar", "Print a link that opens the calendar in a browser", calendar)
        ->add_flag("--table", o.table, "For people");
    verbs
        .add("migrate", "Copy the SQLite ledger into the PostgreSQL database of control.toml",
             migrate)
        ->add_flag("--dry-run", o.dry_run, "Say what would be done, change nothing");
    verb = verbs.add("export-carrier", "Print the accounts of a carrier, for its access side",
                     export_carrier);
    verb->add_option("NAME", o.name, "A carrier of control.toml")->required();
    verb->add_option("--format", o.format, "chap-secrets or wireguard")->required()->type_name("F");
    verb->add_option("--output", o.output, "Write this file, mode 0600, instead")
        ->type_name("FILE");
    verbs.add("check", "Check configuration, certificate, keys and ledger", check);
    app.require_subcommand(0, 1);
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(
        argc, argv, {"resv-control", "Take reservations and tell terminals and relays of them"},
        [&](CLI::App &app, cli::Action &action) { define(app, action, o); });
}
