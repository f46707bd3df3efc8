#include "base/time.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using base::format_duration;
using base::format_rfc3339;
using base::from_unix_ms;
using base::Millis;
using base::parse_duration;
using base::parse_rfc3339;
using base::unix_ms;

namespace {
constexpr std::int64_t k_last_ms = 253'402'300'799'999; // 9999-12-31T23:59:59.999Z
}

TEST_CASE("base: an instant survives its RFC 3339 text") {
    CHECK(rc::check("round trip", [] {
        const auto t = from_unix_ms(*rc::gen::inRange<std::int64_t>(0, k_last_ms + 1));
        const auto back = parse_rfc3339(format_rfc3339(t));
        RC_ASSERT(back.has_value());
        RC_ASSERT(*back == t);
    }));
    CHECK(format_rfc3339(from_unix_ms(0)) == "1970-01-01T00:00:00Z");
    CHECK(format_rfc3339(from_unix_ms(1'500)) == "1970-01-01T00:00:01.500Z");
    CHECK(format_rfc3339(from_unix_ms(k_last_ms)) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("base: the offset of an RFC 3339 time counts") {
    const auto noon = parse_rfc3339("2026-11-22T12:00:00Z");
    REQUIRE(noon.has_value());
    for (const char *same :
         {"2026-11-22T13:00:00+01:00", "2026-11-22t06:30:00-05:30", "2026-11-22 12:00:00z",
          "2026-11-22T12:00:00.000000+00:00", "2026-11-23T00:00:00+12:00"}) {
        CAPTURE(same);
        CHECK(parse_rfc3339(same) == *noon);
    }
    CHECK(parse_rfc3339("2024-02-29T00:00:00Z").has_value());
}

TEST_CASE("base: what is not an instant to the millisecond is refused, never rounded") {
    for (const char *text : {"",
                             "2026-11-22",
                             "2026-11-22T12:00:00",
                             "2026-11-22T12:00Z",
                             "2026-11-22T12:00:00.Z",
                             "2026-11-22T12:00:00.0001Z",
                             "2026-02-29T00:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-00-01T00:00:00Z",
                             "2026-11-31T00:00:00Z",
                             "2026-11-22T24:00:00Z",
                             "2026-11-22T12:60:00Z",
                             "2016-12-31T23:59:60Z",
                             "2026-11-22T12:00:00+24:00",
                             "2026-11-22T12:00:00+0100",
                             "2026-11-22T12:00:00+01",
                             "+026-11-22T12:00:00Z",
                             "2026-11-22T12:00:00Z ",
                             " 2026-11-22T12:00:00Z",
                             "1969-12-31T23:59:59Z",
                             "1970-01-01T00:00:00+00:01",
                             "9999-12-31T23:59:59-00:01",
                             "12026-11-22T12:00:00Z",
                             "2026-11-22X12:00:00Z",
                             "2026-11-22T12:00:00Zjunk"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rfc3339(text).has_value());
    }
}

TEST_CASE("base: a duration survives its text") {
    CHECK(rc::check("round trip", [] {
        const Millis d{*rc::gen::inRange<std::int64_t>(1, 366LL * 86'400'000 + 1)};
        const auto back = parse_duration(format_duration(d));
        RC_ASSERT(back.has_value());
        RC_ASSERT(*back == d);
    }));
    CHECK(parse_duration("2h30m") == Millis{9'000'000});
    CHECK(parse_duration("90s") == Millis{90'000});
    CHECK(parse_duration("500ms") == Millis{500});
    CHECK(parse_duration("1d") == Millis{86'400'000});
    CHECK(format_duration(Millis{0}) == "0s");
    CHECK(format_duration(Millis{-90'000}) == "-1m30s");
}

TEST_CASE("base: sloppy durations are refused") {
    for (const char *text :
         {"", "0s", "5", "s", "5 s", "5S", "-5s", "+5s", "5s5s", "30m2h", "1.5h", "5x", "1h ",
          "99999999999999999999s", "367d", "9223372036854775807d", "366d1ms", "5min"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text).has_value());
    }
}
