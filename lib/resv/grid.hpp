// Instants at whole multiples of a step since 1970-01-01T00:00Z; a step of 0 allows every instant.
#pragma once

#include "base/time.hpp"

namespace resv {

/// The last such instant up to @p t.
[[nodiscard]] constexpr base::UtcTime grid_down(base::UtcTime t, base::Millis step) {
    if (step <= base::Millis{0})
        return t;
    const auto over = t.time_since_epoch() % step; // of t's sign
    return t - over - (over < base::Millis{0} ? step : base::Millis{0});
}

/// The first such instant from @p t on.
[[nodiscard]] constexpr base::UtcTime grid_up(base::UtcTime t, base::Millis step) {
    const base::UtcTime down = grid_down(t, step);
    return down == t ? t : down + step;
}

[[nodiscard]] constexpr bool on_grid(base::UtcTime t, base::Millis step) {
    return grid_down(t, step) == t;
}

} // namespace resv
