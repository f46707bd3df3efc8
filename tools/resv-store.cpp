// resv-store: the terminal's vault. What each verb does is in lib/vault; see resv-store(1).
#include "base/harden.hpp"
#include "base/log.hpp"
#include "cli/stop_signal.hpp"
#include "cli/time_arg.hpp"
#include "cli/verbs.hpp"
#include "conf/terminal.hpp"
#include "vault/next.hpp"
#include "vault/records.hpp"
#include "vault/schedule.hpp"
#include "vault/view.hpp"

namespace {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;
using cli::option_value;
using cli::print_line;
using cli::print_record;
using vault::Access;
using vault::Form;
using vault::Vault;

struct Options {
    conf::TerminalFlags flags;
    std::string id, key, file = "-", carrier, within;
    bool dry_run = false, table = false, env = false, url = false, reveal = false, wait = false;
    vault::ScheduleWish schedule;
};

const base::SystemClock k_clock{};

Result<conf::TerminalConfig> configuration(const Options &o) {
    return conf::load_terminal(o.flags);
}

Result<Vault> open_vault(const Options &o, Access access) {
    return Vault::open(TRY(configuration(o)).vault, access);
}

Result<base::Id> event_id(const Options &o) {
    return option_value("ID", base::Id::parse(o.id));
}

Result<int> print_config(const Options &o) {
    cli::print_text(conf::print_terminal(TRY(configuration(o))));
    return 0;
}

Result<int> init(const Options &o) {
    const auto folder = TRY(configuration(o)).vault;
    if (o.dry_run && !std::filesystem::exists(folder)) {
        base::log::info("would make the vault {} and its keys", folder.native());
        return 0;
    }
    const Vault vault = TRY(o.dry_run ? Vault::open(folder, Access::write) : Vault::create(folder));
    print_record(TRY(vault::terminal_record(vault)));
    return 0;
}

Result<int> id(const Options &o) {
    print_record(TRY(vault::terminal_record(TRY(open_vault(o, Access::read)))));
    return 0;
}

Result<int> trust(const Options &o) {
    const auto key = TRY(vault::read_key(o.key));
    Vault vault = TRY(open_vault(o, Access::write));
    if (!o.dry_run)
        TRY(vault.trust(key));
    base::log::info("{} control {}", o.dry_run ? "would trust" : "trusts",
                    seal::key_id(key).text());
    return 0;
}

// Every settings record is tried, so that one bad line costs only itself; the first failure
// decides.
Result<int> add(const Options &o) {
    const auto lines = TRY(vault::read_records(o.file));
    Vault vault = TRY(open_vault(o, Access::write));
    const base::UtcTime now = k_clock.now();
    int code = 0;
    for (const auto &line : lines) {
        auto added = !line.settings ? std::unexpected(line.settings.error())
                     : o.dry_run    ? vault.examine(*line.settings, now)
                                    : vault.add(*line.settings, now);
        if (added) {
            print_record(vault::stored_record(line.settings->reservation, *added));
            continue;
        }
        const base::Error e = std::move(added).error().in(line.where);
        cli::report(e);
        code = code == 0 ? base::exit_code(e.code) : code;
    }
    return code;
}

Result<int> list(const Options &o) {
    const auto listing = TRY(TRY(open_vault(o, Access::read)).list());
    for (const base::Error &e : listing.damaged)
        cli::report(e);
    if (o.table)
        print_line(vault::table_head());
    for (const vault::Summary &e : listing.documents)
        if (o.table)
            cli::print_row(vault::table_row(e, cli::format_local(e.window.start, "")));
        else
            print_record(vault::event_record(e));
    return listing.damaged.empty() ? 0 : base::exit_code(listing.damaged.front().code);
}

Result<int> get(const Options &o) {
    if (o.reveal && !o.url)
        return fail_hint(Errc::usage, "only --url has anything to reveal",
                         "--reveal without --url");
    const auto form = o.reveal ? Form::revealed_url
                      : o.url  ? Form::url
                      : o.env  ? Form::shell
                               : Form::record;
    const auto config = TRY(configuration(o));
    const Vault vault = TRY(Vault::open(config.vault, Access::read));
    const auto settings = TRY(vault.get(TRY(event_id(o))));
    print_line(TRY(vault::shown(settings, form, o.carrier, config.preset)));
    return 0;
}

Result<int> next(const Options &o) {
    std::optional<base::Millis> within;
    if (!o.within.empty())
        within = TRY(option_value("--within", base::parse_duration(o.within)));
    const Vault vault = TRY(open_vault(o, Access::read));
    auto stop = TRY(cli::StopSignal::make());
    const auto event = TRY(o.wait ? vault::wait_for_next(vault, k_clock, within, stop.fd())
                                  : vault::find_next(vault, k_clock, within));
    if (const auto signal = stop.take(); !event && signal)
        return cli::StopSignal::exit_code(*signal);
    if (!event)
        return fail(Errc::refused, "no event {}",
                    within ? "starts within " + base::format_duration(*within) : "is to come");
    print_line(event->reservation.text());
    return 0;
}

Result<int> schedule(const Options &o) {
    vault::ScheduleWish wish = o.schedule;
    wish.carrier = o.carrier;
    wish.config = o.flags.config;
    wish.vault = o.flags.vault;
    const auto settings = TRY(TRY(open_vault(o, Access::read)).get(TRY(event_id(o))));
    print_line(TRY(vault::schedule(wish, settings, k_clock.now(),
                                   [](base::UtcTime t) { return cli::zone_offset(t, ""); })));
    return 0;
}

Result<int> rm(const Options &o) {
    const base::Id wanted = TRY(event_id(o));
    Vault vault = TRY(open_vault(o, Access::write));
    const bool removed =
        o.dry_run ? vault.get_sealed(wanted).has_value() : TRY(vault.remove(wanted));
    base::log::info("{}: {}", wanted.text(),
                    !removed    ? "not in the vault"
                    : o.dry_run ? "would be removed"
                                : "removed");
    return 0;
}

Result<int> prune(const Options &o) {
    Vault vault = TRY(open_vault(o, Access::write));
    const base::UtcTime now = k_clock.now();
    for (const base::Id &id : TRY(o.dry_run ? vault.expired(now) : vault.prune(now)))
        print_record(vault::removed_record(id));
    return 0;
}

Result<int> check(const Options &o) {
    const auto folder = TRY(configuration(o)).vault;
    const auto found = TRY(Vault::check(folder));
    for (const vault::Violation &v : found)
        print_record(vault::violation_record(v));
    if (!found.empty())
        return fail_hint(Errc::bad_data, "each line above names one; see resv-store(1), CHECKS",
                         "{}: {} violation{}", folder.native(), found.size(),
                         found.size() == 1 ? "" : "s");
    return 0;
}

using Verbs = cli::Verbs<Options>;

void id_of(CLI::App *verb, Options &o) {
    verb->add_option("ID", o.id, "Reservation, as printed by list")->required();
}

void dry_run_of(CLI::App *verb, Options &o) {
    verb->add_flag("--dry-run", o.dry_run, "Say what would be done, change nothing");
}

void define_changing(Verbs &verbs, Options &o) {
    dry_run_of(verbs.add("init", "Make the vault and the terminal's keys", init), o);
    auto *verb = verbs.add("trust", "Accept settings that this control signed", trust);
    verb->add_option("KEY", o.key, "Control's public key, base64url; - reads it")->required();
    dry_run_of(verb, o);
    verb = verbs.add("add", "Store the settings records of a pipe or file", add);
    verb->add_option("FILE", o.file, "JSON lines; - is standard input (default)");
    dry_run_of(verb, o);
    verb = verbs.add("rm", "Remove one event", rm);
    id_of(verb, o);
    dry_run_of(verb, o);
    dry_run_of(verbs.add("prune", "Remove the events that have expired", prune), o);
}

void define_reading(Verbs &verbs, Options &o) {
    verbs.add("id", "Print the terminal's key id and public keys", id);
    auto *verb = verbs.add("list", "Print the stored events, the next first", list);
    verb->add_flag("--table", o.table, "For people, in the machine's time zone");
    verb = verbs.add("get", "Print one document, its secrets hidden", get);
    id_of(verb, o);
    verb->add_option("--carrier", o.carrier, "This carrier's part")->type_name("NAME");
    auto *env = verb->add_flag("--env", o.env, "NAME='value' lines for a shell, without secrets");
    verb->add_flag("--url", o.url, "The srt:// address to publish to")->excludes(env);
    verb->add_flag("--reveal", o.reveal, "With --url: its ticket and passphrase in full");
    verb = verbs.add("next", "Print the id of the event that is on or next", next);
    verb->add_option("--within", o.within, "Only one that starts in this time")->type_name("D");
    verb->add_flag("--wait", o.wait, "Wait until there is one");
    verb = verbs.add("schedule", "Print a line that starts an event", schedule);
    id_of(verb, o);
    verb->add_option("--as", o.schedule.as, "cron, systemd or at")->required()->type_name("WHAT");
    verb->add_option("--input", o.schedule.input, "What push-stream sends")
        ->required()
        ->type_name("INPUT");
    verb->add_option("--carrier", o.carrier, "Instead of the preset one")->type_name("NAME");
    verb->add_option("--lead", o.schedule.lead, "Start this long before the window (default 1m)")
        ->type_name("D");
    verbs.add("check", "Report everything that is wrong with the vault", check);
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(
        argc, argv, {"resv-store", "Keep the terminal's keys and the settings of its events"},
        [&o](CLI::App &app, cli::Action &action) {
            app.add_option("--config", o.flags.config, "terminal.toml, or its folder")
                ->type_name("FILE");
            app.add_option("--vault", o.flags.vault, "Another vault")->type_name("DIR");
            Verbs verbs{app, action, o, base::harden_process};
            verbs.print_config(print_config);
            define_changing(verbs, o);
            define_reading(verbs, o);
        });
}
