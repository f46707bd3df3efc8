// Which of a publisher's connections carries the media: pure, from what was acknowledged when.
#pragma once

#include "base/clock.hpp"

#include <optional>
#include <span>

namespace push {

/// How long a connection must have been good before the media comes back to it.
inline constexpr base::Millis k_good_again{5000};

/// How one connection is.
struct PathView {
    bool usable = false;   ///< connected, and its interface is there
    bool expected = false; ///< it is being made for the first time, and not for long
    /// When the oldest message was sent that is not acknowledged; nothing: all are.
    std::optional<base::SteadyTime> waits_since;
    base::SteadyTime answered{}; ///< when the newest message was sent that is acknowledged
    base::Millis patience{};     ///< what an acknowledgement may take
    bool fit = true;             ///< never failed, or good for long enough since
};

/// What was sent over it is not acknowledged in time.
[[nodiscard]] bool stalled(const PathView &path, base::SteadyTime now);

/// The path to send over: an index of @p paths, which are by preference. @p active is left when it
/// cannot be used; when it stalls and another one answered to what was sent since, so that the
/// stall is the line's and not the relay's or this machine's; and for a better one that is fit.
[[nodiscard]] std::size_t choose_path(std::span<const PathView> paths, std::size_t active,
                                      base::SteadyTime now);

} // namespace push
