// A preflight: what is measured while the line is tried, what that comes to, and how it is told.
#pragma once

#include "base/clock.hpp"
#include "base/id.hpp"
#include "media/ts_scanner.hpp"
#include "wire/sender.hpp"

#include <optional>
#include <string>
#include <vector>

namespace push {

/// What the programme's key frames are apart, by their presentation times.
class KeyFrames {
  public:
    void add(const media::TsCut &cut);
    /// The longest time between two of them; nothing with less than two.
    [[nodiscard]] std::optional<base::Millis> longest() const { return m_longest; }

  private:
    std::optional<std::uint64_t> m_last; // 90 kHz
    std::optional<base::Millis> m_longest;
};

/// What was reserved.
struct PreflightTerms {
    base::Id reservation;
    base::BitRate rate;
    std::int64_t max_gop_s = 4;
};

struct PreflightReport {
    base::UtcTime at; ///< when it was over, by control's clock
    base::Millis lasted{0};
    wire::SenderStatus status; ///< the last
    std::int64_t rtt_max_us = 0;
    std::optional<base::Millis> key_frames; ///< the longest time between two
    base::Millis clock_offset{0};           ///< control's clock minus this machine's

    /// TS that arrived in time, on average.
    [[nodiscard]] base::BitRate usable() const;
    /// Packets that got lost on the way, of those sent; most come again.
    [[nodiscard]] double loss_percent() const;
    /// What would spoil the event, one sentence each; none: all is well.
    [[nodiscard]] std::vector<std::string> problems(const PreflightTerms &terms) const;
};

/// `{"type":"preflight","v":1,…}`, see push-stream(1).
[[nodiscard]] wire::Json to_json(const PreflightReport &report, const PreflightTerms &terms);
/// The same for people: a line for each.
[[nodiscard]] std::string table_of(const PreflightReport &report, const PreflightTerms &terms);

} // namespace push
