#include "cli/time_arg.hpp"

#include <doctest/doctest.h>

using base::format_rfc3339;
using base::parse_rfc3339;
using cli::parse_time;

namespace {

base::UtcTime utc(const char *text) {
    return *parse_rfc3339(text);
}

std::string read(std::string_view text, std::string_view zone,
                 base::UtcTime now = utc("2026-11-22T10:00:00Z")) {
    const auto t = parse_time(text, zone, now);
    return t ? format_rfc3339(*t) : "refused: " + t.error().message;
}

bool contains(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("cli: times are read in the zone that is asked for") {
    CHECK(read("18:00", "Europe/Paris") == "2026-11-22T17:00:00Z");
    CHECK(read("18:00:30", "Europe/Paris") == "2026-11-22T17:00:30Z");
    CHECK(read("18:00", "America/New_York") == "2026-11-22T23:00:00Z");
    CHECK(read("18:00", "Asia/Kathmandu") == "2026-11-22T12:15:00Z");
    CHECK(read("2026-07-01 18:00", "Europe/Paris") == "2026-07-01T16:00:00Z");
    CHECK(read("2026-07-01T18:00", "Europe/Paris") == "2026-07-01T16:00:00Z");
    CHECK(read("2026-07-01T18:00:00+09:00", "Europe/Paris") == "2026-07-01T09:00:00Z");
    // today is the zone's today
    CHECK(read("08:00", "Asia/Tokyo", utc("2026-11-22T20:00:00Z")) == "2026-11-22T23:00:00Z");
    CHECK(read("08:00", "Etc/UTC", utc("2026-11-22T23:59:59.999Z")) == "2026-11-22T08:00:00Z");
}

TEST_CASE("cli: a local time that a daylight-saving change skips is refused with the instants") {
    // Paris: 2026-03-29 02:00 CET becomes 03:00 CEST
    const auto gap = parse_time("2026-03-29 02:30", "Europe/Paris", utc("2026-03-01T00:00:00Z"));
    REQUIRE_FALSE(gap.has_value());
    CHECK(gap.error().code == base::Errc::usage);
    CHECK(contains(gap.error().message, "does not exist in Europe/Paris"));
    CHECK(contains(gap.error().hint, "2026-03-29T01:30:00Z"));
    CHECK(read("2026-03-29 01:59:59", "Europe/Paris") == "2026-03-29T00:59:59Z");
    CHECK(read("2026-03-29 03:00", "Europe/Paris") == "2026-03-29T01:00:00Z");
    CHECK(contains(read("02:30", "Europe/Paris", utc("2026-03-28T23:30:00Z")), "does not exist"));
    // Lord Howe Island moves by half an hour
    CHECK(contains(read("2026-10-04 02:15", "Australia/Lord_Howe"), "does not exist"));
    CHECK(read("2026-10-04 02:30", "Australia/Lord_Howe") == "2026-10-03T15:30:00Z");
}

TEST_CASE("cli: a local time that happens twice is refused with both readings") {
    // Paris: 2026-10-25 03:00 CEST becomes 02:00 CET
    const auto twice = parse_time("2026-10-25 02:30", "Europe/Paris", utc("2026-10-01T00:00:00Z"));
    REQUIRE_FALSE(twice.has_value());
    CHECK(contains(twice.error().message, "happens twice in Europe/Paris"));
    CHECK(contains(twice.error().hint, "2026-10-25T00:30:00Z"));
    CHECK(contains(twice.error().hint, "2026-10-25T01:30:00Z"));
    CHECK(read("2026-10-25 01:59:59", "Europe/Paris") == "2026-10-24T23:59:59Z");
    CHECK(read("2026-10-25 03:00", "Europe/Paris") == "2026-10-25T02:00:00Z");
}

TEST_CASE("cli: a date that a zone skipped whole does not exist there") {
    CHECK(contains(read("2011-12-30 12:00", "Pacific/Apia"), "does not exist"));
}

TEST_CASE("cli: what is not a time or a zone is refused") {
    for (const char *text : {"",
                             "now",
                             "24:00",
                             "25:00",
                             "18:60",
                             "18:00:61",
                             "18",
                             "6pm",
                             "18:00 ",
                             "18:00x",
                             "2026-02-30 18:00",
                             "2026-13-01 18:00",
                             "2026-11-22",
                             "22.11.2026 18:00",
                             "-1:00",
                             "18:00Z",
                             "2026-11-22 18:00 +01:00",
                             "18:00:00.5",
                             "+18:00",
                             "1:2:3:4"}) {
        CAPTURE(text);
        CHECK(contains(read(text, "Europe/Paris"), "refused"));
    }
    for (const char *zone : {"Mars/Olympus", "../../etc/passwd", "europe/paris", "Europe/Paris "}) {
        CAPTURE(zone);
        CHECK(contains(read("18:00", zone), "is not a time zone"));
    }
}

TEST_CASE("cli: the past is refused by name") {
    const auto now = utc("2026-11-22T10:00:00Z");
    CHECK(cli::not_past(now, now, "--start").has_value());
    const auto past = cli::not_past(now - base::Millis{1}, now, "--start");
    REQUIRE_FALSE(past.has_value());
    CHECK(past.error().code == base::Errc::usage);
    CHECK(past.error().message.starts_with("--start 2026-11-22T09:59:59.999Z is past"));
}

TEST_CASE("cli: times are shown in a zone with its name") {
    CHECK(cli::format_local(utc("2026-07-01T16:00:00.999Z"), "Europe/Paris") ==
          "2026-07-01 18:00:00 CEST");
    CHECK(cli::format_local(utc("2026-07-01T16:00:00Z"), "No/Where") == "2026-07-01T16:00:00Z");
    CHECK(cli::zone_offset(utc("2026-07-01T16:00:00Z"), "Europe/Paris") ==
          std::chrono::minutes{120});
    CHECK(cli::zone_offset(utc("2026-01-01T16:00:00Z"), "America/St_Johns") ==
          std::chrono::minutes{-210});
}
