// The window of a reservation: half-open, UTC, and the only source of "too early" and "too late".
#pragma once

#include "base/time.hpp"

namespace resv {

/// Programme runs in [start, end). Admission occupies, tickets allow and the relay enforces
/// [start - lead_in, end + drain).
struct Window {
    base::UtcTime start;
    base::UtcTime end;
    base::Seconds lead_in{0};
    base::Seconds drain{0};

    [[nodiscard]] base::UtcTime opens() const { return start - lead_in; }
    [[nodiscard]] base::UtcTime closes() const { return end + drain; }
    bool operator==(const Window &) const = default;
};

} // namespace resv
