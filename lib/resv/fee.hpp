// What a reservation costs: integers of a currency's minor unit, never fractions.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace resv {

/// So much of an ISO 4217 currency.
struct Money {
    std::int64_t minor = 0; ///< in its minor unit: cents of EUR, yen of JPY
    std::string currency;   ///< three capital letters
    bool operator==(const Money &) const = default;
};

/// A tariff: so much for each started minute or hour, and once for setting up.
struct Fee {
    std::int64_t per_unit = 0;
    base::Millis unit{3'600'000};
    std::int64_t set_up = 0;
};

/// What @p fees come to for a programme of @p duration; refused when that is beyond 64 bits.
[[nodiscard]] base::Result<std::int64_t> fee_of(const std::vector<Fee> &fees,
                                                base::Millis duration);

/// Whether @p text has the form of an ISO 4217 code.
[[nodiscard]] bool is_currency(std::string_view text);

/// `125.00 EUR`, `1500 JPY`: with as many decimals as the currency has by ISO 4217.
[[nodiscard]] std::string format_money(const Money &money);

} // namespace resv
