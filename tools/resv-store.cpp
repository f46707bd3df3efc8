// resv-store: the terminal's vault. What each verb does is in lib/vault; see resv-store(1).
#include "base/file.hpp"
#include "base/harden.hpp"
#include "base/log.hpp"
#include "cli/stop_signal.hpp"
#include "cli/time_arg.hpp"
#include "cli/tool.hpp"
#include "conf/terminal.hpp"
#include "vault/next.hpp"
#include "vault/records.hpp"
#include "vault/schedule.hpp"
#include "vault/view.hpp"

#include <CLI/CLI.hpp>
#include <fcntl.h>

namespace {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;
using cli::option_value;
using cli::print_line;
using vault::Access;
using vault::Vault;

struct Options {
    std::string config;
    std::string vault;
    bool print_config = false;
    bool dry_run = false;
    std::string id;
    std::string key;
    std::string file = "-";
    bool table = false;
    std::string carrier;
    bool env = false;
    bool url = false;
    bool reveal = false;
    std::string within;
    bool wait = false;
    std::string scheduler;
    std::string input;
    std::string lead = "1m";
};

Result<conf::TerminalConfig> configuration(const Options &o) {
    conf::TerminalConfig config = TRY(conf::load_terminal(o.config));
    if (!o.vault.empty())
        config.vault = o.vault;
    return config;
}

Result<Vault> open_vault(const Options &o, Access access) {
    return Vault::open(TRY(configuration(o)).vault, access);
}

Result<base::Id> event_id(const Options &o) {
    return option_value("ID", base::Id::parse(o.id));
}

void print(const wire::Json &record) {
    print_line(wire::compact_json(record));
}

Result<int> print_config(const Options &o) {
    std::string text = conf::print_terminal(TRY(configuration(o)));
    if (text.ends_with('\n'))
        text.pop_back();
    print_line(text);
    return 0;
}

Result<int> init(const Options &o) {
    const auto folder = TRY(configuration(o)).vault;
    if (o.dry_run && !std::filesystem::exists(folder)) {
        base::log::info("would make the vault {} and its keys", folder.native());
        return 0;
    }
    const Vault vault = TRY(o.dry_run ? Vault::open(folder, Access::write) : Vault::create(folder));
    print(TRY(vault::terminal_record(vault)));
    return 0;
}

Result<int> id(const Options &o) {
    print(TRY(vault::terminal_record(TRY(open_vault(o, Access::read)))));
    return 0;
}

Result<int> trust(const Options &o) {
    const std::string text =
        o.key == "-" ? TRY(base::read_all(STDIN_FILENO, "standard input", 64)) : o.key;
    const auto key = TRY(option_value(
        "KEY", seal::public_key_from_text(text.substr(0, text.find_last_not_of(" \r\n") + 1))));
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
    const base::UtcTime now = base::SystemClock{}.now();
    int code = 0;
    for (const auto &line : lines) {
        auto added = !line.settings ? std::unexpected(line.settings.error())
                     : o.dry_run    ? vault.examine(*line.settings, now)
                                    : vault.add(*line.settings, now);
        if (added) {
            print(vault::stored_record(line.settings->reservation, *added));
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
            print_line(vault::table_row(e, cli::format_local(e.window.start, "")));
        else
            print(vault::event_record(e));
    return listing.damaged.empty() ? 0 : base::exit_code(listing.damaged.front().code);
}

Result<int> get(const Options &o) {
    if (o.reveal && !o.url)
        return fail_hint(Errc::usage, "only --url has anything to reveal",
                         "--reveal without --url");
    const auto config = TRY(configuration(o));
    const Vault vault = TRY(Vault::open(config.vault, Access::read));
    wire::Settings settings = TRY(vault.get(TRY(event_id(o))));
    const auto *carrier = TRY(vault::choose_carrier(settings, o.carrier, config.preset));
    if (o.url) {
        print_line(TRY(vault::publish_url(
            settings, *carrier, o.reveal ? vault::Secrets::reveal : vault::Secrets::hide)));
    } else if (o.env) {
        print_line(TRY(vault::shell_lines(settings, *carrier)));
    } else {
        if (!o.carrier.empty())
            settings.carriers = {*carrier};
        print(vault::document_record(settings));
    }
    return 0;
}

Result<int> next(const Options &o) {
    std::optional<base::Millis> within;
    if (!o.within.empty())
        within = TRY(option_value("--within", base::parse_duration(o.within)));
    const Vault vault = TRY(open_vault(o, Access::read));
    const base::SystemClock clock;
    std::optional<vault::Summary> event;
    if (o.wait) {
        auto stop = TRY(cli::StopSignal::make());
        event = TRY(vault::wait_for_next(vault, clock, within, stop.fd()));
        if (!event)
            return cli::StopSignal::exit_code(stop.take().value_or(SIGTERM));
    } else {
        const auto listing = TRY(vault.list());
        for (const base::Error &e : listing.damaged)
            base::log::warning("{}", e.message);
        event = vault::next_event(listing.documents, clock.now(), within);
    }
    if (!event)
        return fail(Errc::refused, "no event {}",
                    within ? "starts within " + base::format_duration(*within) : "is to come");
    print_line(event->reservation.text());
    return 0;
}

Result<int> schedule(const Options &o) {
    const auto scheduler = TRY(vault::parse_scheduler(o.scheduler));
    const auto lead = TRY(option_value("--lead", base::parse_duration(o.lead)));
    const auto settings = TRY(TRY(open_vault(o, Access::read)).get(TRY(event_id(o))));
    if (!o.carrier.empty())
        TRY(vault::choose_carrier(settings, o.carrier, ""));
    const vault::Job job = TRY(vault::scheduled_job(o.input, o.carrier, o.config, o.vault));
    const auto minute = TRY(vault::start_minute(settings.window, lead, base::SystemClock{}.now()));
    print_line(TRY(vault::schedule_line(scheduler, job, settings.reservation, minute,
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
    const base::UtcTime now = base::SystemClock{}.now();
    for (const base::Id &id : TRY(o.dry_run ? vault.expired(now) : vault.prune(now)))
        print(vault::removed_record(id));
    return 0;
}

Result<int> check(const Options &o) {
    const auto folder = TRY(configuration(o)).vault;
    const auto found = TRY(Vault::check(folder));
    for (const vault::Violation &v : found)
        print(vault::violation_record(v));
    if (!found.empty())
        return fail_hint(Errc::bad_data, "each line above names one; see resv-store(1), CHECKS",
                         "{}: {} violation{}", folder.native(), found.size(),
                         found.size() == 1 ? "" : "s");
    return 0;
}

class Commands {
  public:
    Commands(CLI::App &app, cli::Action &action, Options &o)
        : m_app(app), m_action(action), m_o(o) {}

    CLI::App *verb(const char *name, const char *summary, Result<int> (*run)(const Options &)) {
        CLI::App *sub = m_app.add_subcommand(name, summary);
        sub->callback([this, run] {
            m_action = [this, run]() -> Result<int> {
                TRY(base::harden_process());
                return run(m_o);
            };
        });
        return sub;
    }
    void id_of(CLI::App *sub) {
        sub->add_option("ID", m_o.id, "Reservation, as printed by list")->required();
    }
    void dry_run_of(CLI::App *sub) {
        sub->add_flag("--dry-run", m_o.dry_run, "Say what would be done, change nothing");
    }

  private:
    CLI::App &m_app;
    cli::Action &m_action;
    Options &m_o;
};

void define_changing(Commands &c, Options &o) {
    c.dry_run_of(c.verb("init", "Make the vault and the terminal's keys", init));
    auto *sub = c.verb("trust", "Accept settings that this control signed", trust);
    sub->add_option("KEY", o.key, "Control's public key, base64url; - reads it")->required();
    c.dry_run_of(sub);
    sub = c.verb("add", "Store the settings records of a pipe or file", add);
    sub->add_option("FILE", o.file, "JSON lines; - is standard input (default)");
    c.dry_run_of(sub);
    sub = c.verb("rm", "Remove one event", rm);
    c.id_of(sub);
    c.dry_run_of(sub);
    c.dry_run_of(c.verb("prune", "Remove the events that have expired", prune));
}

void define_reading(Commands &c, Options &o) {
    c.verb("id", "Print the terminal's key id and public keys", id);
    auto *sub = c.verb("list", "Print the stored events, the next first", list);
    sub->add_flag("--table", o.table, "For people, in the machine's time zone");
    sub = c.verb("get", "Print one document, its secrets hidden", get);
    c.id_of(sub);
    sub->add_option("--carrier", o.carrier, "This carrier's part")->type_name("NAME");
    auto *env = sub->add_flag("--env", o.env, "NAME='value' lines for a shell, without secrets");
    sub->add_flag("--url", o.url, "The srt:// address to publish to")->excludes(env);
    sub->add_flag("--reveal", o.reveal, "With --url: its ticket and passphrase in full");
    sub = c.verb("next", "Print the id of the event that is on or next", next);
    sub->add_option("--within", o.within, "Only one that starts in this time")->type_name("D");
    sub->add_flag("--wait", o.wait, "Wait until there is one");
    sub = c.verb("schedule", "Print a line that starts an event", schedule);
    c.id_of(sub);
    sub->add_option("--as", o.scheduler, "cron, systemd or at")->required()->type_name("WHAT");
    sub->add_option("--input", o.input, "What push-stream sends")->required()->type_name("INPUT");
    sub->add_option("--carrier", o.carrier, "Instead of the preset one")->type_name("NAME");
    sub->add_option("--lead", o.lead, "Start this long before the window (default 1m)")
        ->type_name("D");
    c.verb("check", "Report everything that is wrong with the vault", check);
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    std::optional<Commands> commands;
    return cli::run_tool(
        argc, argv, {"resv-store", "Keep the terminal's keys and the settings of its events"},
        [&](CLI::App &app, cli::Action &action) {
            app.add_option("--config", o.config, "terminal.toml, or its folder")->type_name("FILE");
            app.add_option("--vault", o.vault, "Another vault")->type_name("DIR");
            app.add_flag("--print-config", o.print_config, "Show the configuration in force");
            commands.emplace(app, action, o);
            define_changing(*commands, o);
            define_reading(*commands, o);
            app.callback([&] {
                if (o.print_config)
                    action = [&] { return print_config(o); };
            });
        });
}
