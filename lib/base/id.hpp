// Reservation ids: ULIDs (48 bits of milliseconds, 80 random bits) as 26 lower-case characters of
// Crockford's base 32, so that they sort by age, double-click, and never look like an option.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

struct Id {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Id &) const = default;
    [[nodiscard]] std::string text() const;

    /// The ULID of @p now with @p random; the caller provides the randomness.
    [[nodiscard]] static Id make(UtcTime now, const std::array<std::uint8_t, 10> &random);
    /// Reads the 26 characters; either case, but not the look-alikes i, l, o, u.
    [[nodiscard]] static Result<Id> parse(std::string_view text);
};

} // namespace base
