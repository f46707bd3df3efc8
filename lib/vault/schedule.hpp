// Lines that start an event by the system's own schedulers: crontab(5), systemd-run(1), at(1).
#pragma once

#include "vault/vault.hpp"

#include <chrono>
#include <functional>

namespace vault {

enum class Scheduler { cron, systemd, at };
[[nodiscard]] base::Result<Scheduler> parse_scheduler(std::string_view text);

/// What the line runs: `carrier-connect exec ID -- push-stream ID INPUT`.
struct Job {
    std::string carrier_connect; ///< program, absolute: schedulers have a short PATH
    std::string push_stream;
    std::string input;   ///< an absolute file, or what push-stream takes
    std::string carrier; ///< --carrier, or empty for the preset one
    std::string config;  ///< SLOTCAST_CONFIG for both, or empty
    std::string vault;   ///< SLOTCAST_VAULT for both, or empty
};

/// The machine's own zone, in which cron and at read the clock: minutes east of UTC at an instant.
using ZoneOffset = std::function<base::Result<std::chrono::minutes>(base::UtcTime)>;

/// When to start the job: a whole minute, @p lead or more before the window opens, but at least 5 s
/// after @p now, since cron reads its table once a minute. The programs wait for the window
/// themselves. refused: the event is over.
[[nodiscard]] base::Result<base::UtcTime> start_minute(const resv::Window &window,
                                                       base::Millis lead, base::UtcTime now);

/// The job with programs as a scheduler can run them: the first on $PATH, else the one beside this
/// program, else the bare name. A file's name becomes absolute, `scheme:…` stays. Configuration and
/// vault, by flag (empty: not given) or from our environment, are passed on. usage: @p input is
/// `-`, since a scheduler gives no standard input.
[[nodiscard]] base::Result<Job> scheduled_job(const std::string &input, const std::string &carrier,
                                              const std::string &config, const std::string &vault);

/// One line (no newline) that runs @p job for @p event at @p minute. A crontab line ends in
/// `# slotcast ID`, by which it is found again.
[[nodiscard]] base::Result<std::string> schedule_line(Scheduler scheduler, const Job &job,
                                                      const base::Id &event, base::UtcTime minute,
                                                      const ZoneOffset &zone);

/// What schedule() is asked for.
struct ScheduleWish {
    std::string as;            ///< cron, systemd or at
    std::string lead = "1m";   ///< before the window
    std::string input;         ///< as in Job
    std::string carrier;       ///< as in Job; one of the event's
    std::string config, vault; ///< by flag; empty: not given
};

/// The line that starts the event of @p settings: all of the above. usage, refused: as above.
[[nodiscard]] base::Result<std::string> schedule(const ScheduleWish &wish,
                                                 const wire::Settings &settings, base::UtcTime now,
                                                 const ZoneOffset &zone);

} // namespace vault
