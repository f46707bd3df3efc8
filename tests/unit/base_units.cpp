#include "base/units.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using base::BitRate;
using base::format_rate;
using base::parse_bytes;
using base::parse_rate;

TEST_CASE("base: a bit rate survives its text") {
    CHECK(rc::check("round trip", [] {
        const BitRate rate{*rc::gen::inRange<std::int64_t>(1, 1'000'000'000'001)};
        const auto back = parse_rate(format_rate(rate));
        RC_ASSERT(back.has_value());
        RC_ASSERT(*back == rate);
    }));
    CHECK(parse_rate("6M") == BitRate{6'000'000});
    CHECK(parse_rate("2.5M") == BitRate{2'500'000});
    CHECK(parse_rate("800k") == BitRate{800'000});
    CHECK(parse_rate("0.064M") == BitRate{64'000});
    CHECK(parse_rate("1G") == BitRate{1'000'000'000});
    CHECK(parse_rate("1000G").has_value());
    CHECK(format_rate({2'500'000}) == "2500K");
    CHECK(format_rate({1'234}) == "1234");
}

TEST_CASE("base: bit rates that are not whole, too large or unclear are refused") {
    for (const char *text : {"",
                             "0",
                             "-6M",
                             "+6M",
                             "6m6",
                             "M",
                             "6 M",
                             "6MB",
                             "6Mbit",
                             "1.5",
                             "0.5",
                             ".5M",
                             "6.M",
                             "1.0005K",
                             "1001G",
                             "1e6",
                             "99999999999999999999",
                             "6T",
                             "0x10",
                             "1.9.9M"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rate(text).has_value());
    }
    CHECK(parse_bytes("64K") == 64'000);
    CHECK_FALSE(parse_bytes("64KiB").has_value());
}
