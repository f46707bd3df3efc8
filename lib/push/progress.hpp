// What push-stream shows while it runs: a line for people, records for programs.
#pragma once

#include "base/fd.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "wire/sender.hpp"

#include <optional>
#include <string>

namespace push {

/// `00:01:23`, or `2d 03:04:05`; never negative.
[[nodiscard]] std::string format_span(base::Millis span);

/// `starts in 00:05:12`.
[[nodiscard]] std::string countdown_line(base::Millis until_start);
/// `live 00:01:23, 00:58:37 left | 5.8 Mbit/s | RTT 12.1 ms | lost 0 | lineA (lineB)`: the lines
/// that media goes over, and in brackets those that are kept warm.
[[nodiscard]] std::string progress_line(base::Millis elapsed, base::Millis left,
                                        const wire::SenderStatus &status);

/// One line that is written over and over on a terminal's stderr; nothing elsewhere.
class ProgressLine {
  public:
    explicit ProgressLine(bool enabled) : m_enabled(enabled) {}
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine &) = delete;
    ProgressLine &operator=(const ProgressLine &) = delete;
    [[nodiscard]] bool enabled() const { return m_enabled; }
    void show(const std::string &text);
    /// Before anything else is written to the terminal.
    void clear();

  private:
    bool m_enabled;
    bool m_shown = false;
};

/// `{"type":"stats","v":1,"time":…,"reservation":…, …}`: the sender's status as a record.
/// @p end of the reservation, once it is known. @p encoder: what is encoded must stay below, if
/// something is.
[[nodiscard]] std::string stats_record(const wire::SenderStatus &status, const base::Id &id,
                                       base::UtcTime now, std::optional<base::UtcTime> end,
                                       std::optional<base::BitRate> encoder = {});
/// `{"type":"ends_soon","v":1,"time":…,"reservation":…,"end":…,"left_s":…}`.
[[nodiscard]] std::string end_record(const base::Id &id, base::UtcTime now, base::UtcTime end);

/// Writes one record a line. It never holds up the media: a line that a pipe has no room for is
/// dropped, and after the first error nothing more is written.
class StatsWriter {
  public:
    /// @p path: a file, made anew; `-` or empty: standard output.
    [[nodiscard]] static base::Result<StatsWriter> open(const std::string &path);
    void write(std::string line);
    /// The first error, once the run is over.
    [[nodiscard]] base::Result<void> finish();

  private:
    StatsWriter(base::Fd owned, int fd, std::string name)
        : m_owned(std::move(owned)), m_fd(fd), m_name(std::move(name)) {}
    base::Fd m_owned;
    int m_fd;
    std::string m_name;
    base::Result<void> m_result;
};

} // namespace push
