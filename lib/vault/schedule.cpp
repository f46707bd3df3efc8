#include "vault/schedule.hpp"

#include "conf/paths.hpp"
#include "vault/view.hpp"

#include <algorithm>
#include <unistd.h>

namespace vault {

namespace fs = std::filesystem;
using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;
using base::UtcTime;
using namespace std::chrono_literals;

namespace {

// cron(8) reads changed tables once a minute, just before it runs that minute's lines.
constexpr auto k_cron_needs = 5s;
// MAX_COMMAND of Debian's cron is 1000 with the terminating zero.
constexpr std::size_t k_max_command = 990;

bool is_plain(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view{"/._-+:,@="}.find(c) != std::string_view::npos;
    });
}

std::string word(std::string_view text) {
    return is_plain(text) ? std::string(text) : shell_word(text);
}

std::string command_of(const Job &job, const base::Id &event) {
    std::string out;
    if (!job.carrier.empty())
        out = fmt::format(" --carrier {}", word(job.carrier));
    return fmt::format("{} exec {}{} -- {} {} {}", word(job.carrier_connect), event.text(), out,
                       word(job.push_stream), event.text(), word(job.input));
}

std::vector<std::string> environment_of(const Job &job) {
    std::vector<std::string> out;
    if (!job.config.empty())
        out.push_back("SLOTCAST_CONFIG=" + word(job.config));
    if (!job.vault.empty())
        out.push_back("SLOTCAST_VAULT=" + word(job.vault));
    return out;
}

std::string with_environment(const Job &job, const base::Id &event) {
    std::string out;
    for (const std::string &set : environment_of(job))
        out += set + " ";
    return out + command_of(job, event);
}

// cron turns a bare % into a line break.
std::string escape_percent(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '%')
            out += '\\';
        out += c;
    }
    return out;
}

struct Clock {
    std::chrono::year_month_day date{};
    std::chrono::hh_mm_ss<std::chrono::minutes> time;
};

Clock clock_at(UtcTime t, std::chrono::minutes offset) {
    const auto local = std::chrono::floor<std::chrono::minutes>(t) + offset;
    const auto day = std::chrono::floor<std::chrono::days>(local);
    return {std::chrono::year_month_day{day}, std::chrono::hh_mm_ss{local - day}};
}

Result<std::string> cron_line(const std::string &command, const base::Id &event, const Clock &at) {
    const std::string escaped = escape_percent(command);
    const std::string run = fmt::format("{} # slotcast {}", escaped, event.text());
    if (run.size() > k_max_command)
        return fail_hint(Errc::refused, "use shorter paths, or --as at",
                         "the command is longer than cron takes ({} of {} bytes)", run.size(),
                         k_max_command);
    return fmt::format("{} {} {} {} * {}", at.time.minutes().count(), at.time.hours().count(),
                       static_cast<unsigned>(at.date.day()), static_cast<unsigned>(at.date.month()),
                       run);
}

std::string systemd_line(const Job &job, const base::Id &event, UtcTime minute) {
    std::string set;
    for (const std::string &variable : environment_of(job))
        set += "--setenv=" + variable + " ";
    const Clock at = clock_at(minute, 0min);
    return fmt::format("systemd-run --unit=slotcast-{} --timer-property=AccuracySec=1s "
                       "--on-calendar='{:04}-{:02}-{:02} {:02}:{:02}:00 UTC' {}{}",
                       event.text(), static_cast<int>(at.date.year()),
                       static_cast<unsigned>(at.date.month()), static_cast<unsigned>(at.date.day()),
                       at.time.hours().count(), at.time.minutes().count(), set,
                       command_of(job, event));
}

std::string at_line(const std::string &command, const Clock &at) {
    return fmt::format("printf '%s\\n' {} | at -t {:04}{:02}{:02}{:02}{:02}", shell_word(command),
                       static_cast<int>(at.date.year()), static_cast<unsigned>(at.date.month()),
                       static_cast<unsigned>(at.date.day()), at.time.hours().count(),
                       at.time.minutes().count());
}

std::string program_path(std::string_view name) {
    std::vector<fs::path> folders;
    const std::string search = conf::environment("PATH").value_or("");
    for (std::size_t at = 0; at < search.size();) {
        const std::size_t colon = std::min(search.find(':', at), search.size());
        if (const fs::path folder = search.substr(at, colon - at); folder.is_absolute())
            folders.push_back(folder);
        at = colon + 1;
    }
    std::error_code ignored;
    if (const fs::path self = fs::read_symlink("/proc/self/exe", ignored); !self.empty())
        folders.push_back(self.parent_path());
    for (const fs::path &folder : folders)
        if (::access((folder / name).c_str(), X_OK) == 0)
            return (folder / name).lexically_normal().native();
    return std::string(name);
}

Result<std::string> absolute(const std::string &path) {
    std::error_code failed;
    const fs::path whole = fs::absolute(path, failed);
    if (failed)
        return fail(Errc::io, "find {}: {}", path, failed.message());
    return whole.lexically_normal().native();
}

Result<std::string> input_for_scheduler(const std::string &input) {
    if (input == "-" || input.empty())
        return fail_hint(Errc::usage, "name a file, or a source such as test:",
                         "--input: a scheduler gives no standard input");
    const std::size_t scheme = input.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-");
    if (scheme != std::string::npos && scheme > 0 && input[scheme] == ':')
        return input;
    return absolute(input);
}

} // namespace

Result<Scheduler> parse_scheduler(std::string_view text) {
    if (text == "cron")
        return Scheduler::cron;
    if (text == "systemd")
        return Scheduler::systemd;
    if (text == "at")
        return Scheduler::at;
    return fail(Errc::usage, "'{}' is not a scheduler (cron, systemd or at)", text.substr(0, 32));
}

Result<Job> scheduled_job(const std::string &input, const std::string &carrier,
                          const std::string &config, const std::string &vault) {
    const auto given = [](const std::string &flag, const char *variable) {
        return flag.empty() ? conf::environment(variable).value_or("") : flag;
    };
    const std::string source = TRY(input_for_scheduler(input));
    Job job{.carrier_connect = program_path("carrier-connect"),
            .push_stream = program_path("push-stream"),
            .input = source,
            .carrier = carrier,
            .config = given(config, "SLOTCAST_CONFIG"),
            .vault = given(vault, "SLOTCAST_VAULT")};
    if (!job.config.empty())
        job.config = TRY(absolute(job.config));
    if (!job.vault.empty())
        job.vault = TRY(absolute(job.vault));
    return job;
}

Result<UtcTime> start_minute(const resv::Window &window, base::Millis lead, UtcTime now) {
    const UtcTime wanted = std::chrono::floor<std::chrono::minutes>(window.opens() - lead);
    const UtcTime earliest = std::chrono::floor<std::chrono::minutes>(now + k_cron_needs) + 1min;
    const UtcTime minute = std::max(wanted, earliest);
    if (minute >= window.end)
        return fail(Errc::refused, "the event ends at {}, too soon to be scheduled",
                    base::format_rfc3339(window.end));
    return minute;
}

Result<std::string> schedule_line(Scheduler scheduler, const Job &job, const base::Id &event,
                                  UtcTime minute, const ZoneOffset &zone) {
    for (const std::string *text : {&job.carrier_connect, &job.push_stream, &job.input,
                                    &job.carrier, &job.config, &job.vault})
        if (text->find_first_of("\n\r") != std::string::npos)
            return fail(Errc::usage, "'{}' holds a line break", *text);
    if (scheduler == Scheduler::systemd)
        return systemd_line(job, event, minute);
    const Clock at = clock_at(minute, TRY(zone(minute)));
    const std::string command = with_environment(job, event);
    return scheduler == Scheduler::cron ? cron_line(command, event, at) : at_line(command, at);
}

Result<std::string> schedule(const ScheduleWish &wish, const wire::Settings &settings, UtcTime now,
                             const ZoneOffset &zone) {
    const Scheduler scheduler = TRY(parse_scheduler(wish.as));
    auto lead = base::parse_duration(wish.lead);
    if (!lead) {
        base::Error e = std::move(lead).error().in("--lead");
        e.code = Errc::usage;
        return std::unexpected(std::move(e));
    }
    if (!wish.carrier.empty())
        TRY(choose_carrier(settings, wish.carrier, ""));
    const Job job = TRY(scheduled_job(wish.input, wish.carrier, wish.config, wish.vault));
    const UtcTime minute = TRY(start_minute(settings.window, *lead, now));
    return schedule_line(scheduler, job, settings.reservation, minute, zone);
}

} // namespace vault
