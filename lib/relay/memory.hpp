// How much memory the events' media takes: what each may keep, and what all of them together.
#pragma once

#include "base/control_clock.hpp"
#include "relay/config.hpp"
#include "relay/live_event.hpp"

namespace relay {

/// What relay.toml's `memory` means: itself, or when it is 0 a quarter of the machine's.
[[nodiscard]] std::int64_t memory_budget(const RelayConfig &config);

/// How @p entry's media is kept when it begins now, and where: without @p spool (or when that has
/// no @p recording for it) in memory only. @p clock and @p spool outlive the store.
[[nodiscard]] Store::Options store_options(const RelayConfig &config, const wire::FeedEntry &entry,
                                           const base::ControlClock &clock, Spool *spool = nullptr,
                                           const RecordingPtr &recording = {});

/// Brings what @p events keep together to at most @p budget bytes: first those that are over give
/// theirs up, the one that ended first before the others; then the ones that keep most drop their
/// oldest segments, but for three target durations, which no viewer can do without. True when any
/// did.
bool keep_within(std::int64_t budget, const std::vector<LiveEvent *> &events);

} // namespace relay
