#include "resv/fee.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <rapidcheck.h>

using base::Millis;
using resv::Fee;
using resv::format_money;

TEST_CASE("resv: a fee is for started units and for setting up, and adds up") {
    const Fee hourly{.per_unit = 12'000, .unit = std::chrono::hours{1}, .set_up = 500};
    const Fee by_minute{.per_unit = 7, .unit = std::chrono::minutes{1}, .set_up = 0};
    CHECK(resv::fee_of({hourly}, std::chrono::hours{1}) == 12'500);
    CHECK(resv::fee_of({hourly}, std::chrono::hours{1} + Millis{1}) == 24'500);
    CHECK(resv::fee_of({hourly}, Millis{1}) == 12'500);
    CHECK(resv::fee_of({hourly, by_minute}, std::chrono::minutes{90}) == 24'500 + 630);
    CHECK(resv::fee_of({}, std::chrono::hours{1}) == 0);
}

TEST_CASE("resv: fees are exact, or refused when 64 bits do not hold them") {
    CHECK(rc::check("fee", [] {
        const auto any = [] {
            return *rc::gen::element<std::int64_t>(0, 1, 59, 1'000'000'007, 1LL << 40, 1LL << 62);
        };
        std::vector<Fee> fees;
        const std::int64_t minutes = *rc::gen::inRange(1, 1'000'000);
        const Millis duration{minutes * 60'000 - *rc::gen::inRange(0, 60'000)};
        __extension__ __int128 sum = 0;
        for (int i = 0; i < *rc::gen::inRange(0, 10); ++i) {
            fees.push_back({.per_unit = any(), .unit = Millis{60'000}, .set_up = any()});
            sum += __extension__ static_cast<__int128>(fees.back().per_unit) * minutes +
                   fees.back().set_up;
        }
        const auto got = resv::fee_of(fees, duration);
        RC_ASSERT(got.has_value() == (sum <= std::numeric_limits<std::int64_t>::max()));
        if (got)
            RC_ASSERT(*got == static_cast<std::int64_t>(sum));
    }));
}

TEST_CASE("resv: money has the decimals of its currency") {
    CHECK(format_money({12'500, "EUR"}) == "125.00 EUR");
    CHECK(format_money({5, "USD"}) == "0.05 USD");
    CHECK(format_money({12'500, "JPY"}) == "12500 JPY");
    CHECK(format_money({12'500, "KWD"}) == "12.500 KWD");
    CHECK(resv::is_currency("EUR"));
    for (const char *text : {"", "eur", "EURO", "E1R", "€"})
        CHECK_FALSE(resv::is_currency(text));
}
