// What an administrator reads of a running relay, and the log of sessions.
#include "relay/sessions.hpp"
#include "relay/status.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

constexpr std::string_view k_id = "0000000001040g000000000000";

std::string metrics() {
    const std::string label = "{reservation=\"" + std::string(k_id) + "\"";
    const std::string path = label + ",carrier=\"lineA\",path=\"";
    return "slotcast_relay_connections 3\nslotcast_relay_feed_age_seconds -1\n"
           "slotcast_relay_clock_offset_milliseconds -12\nslotcast_relay_reports_waiting 2\n"
           "slotcast_relay_live" +
           label + "} 1\nslotcast_relay_viewers" + label + "} 5\nslotcast_relay_peak_viewers" +
           label + "} 9\nslotcast_relay_gaps_total" + label +
           "} 4\nslotcast_relay_ingest_bytes_total" + label +
           "} 1234567\nslotcast_relay_egress_bytes_total" + label +
           "} 999\nslotcast_relay_path_rate_bits" + path + "0\"} 2000000\n" +
           "slotcast_relay_path_rate_bits" + path + "1\"} 500000\n" +
           "slotcast_relay_path_round_trip_microseconds" + path + "0\"} 20500\n" +
           "slotcast_relay_path_lost_packets" + path + "1\"} 7\n";
}

} // namespace

TEST_CASE("relay: status has what the metrics say of each reservation") {
    const auto records = relay::status_records(metrics());
    REQUIRE(records.size() == 2);
    CHECK(records[0].at("connections").as_int64() == 3);
    const auto &event = records[1].as_object();
    CHECK(event.at("reservation").as_string() == k_id);
    CHECK(event.at("live").as_bool());
    CHECK(event.at("peak_viewers").as_int64() == 9);
    CHECK(event.at("paths").as_array().size() == 2);
}

TEST_CASE("relay: the table has a row for each reservation, its paths together") {
    const auto table = relay::status_table(relay::status_records(metrics()));
    REQUIRE(table.size() == 3);
    CHECK(table[0] == "3 connections, control not heard yet, clock -12 ms off, 2 reports waiting");
    CHECK(table[1].starts_with("RESERVATION"));
    for (const char *part :
         {"yes", " 5 ", " 9 ", "1.2 MB", "999 B", " 4 ", "2.5 Mbit/s", "20.5 ms", " 7"}) {
        INFO(part);
        CHECK(table[2].find(part) != std::string::npos);
    }
    CHECK(table[1].size() == table[2].size());
}

TEST_CASE("relay: an event without a publisher has no rate, and nothing is a table too") {
    const std::string text = "slotcast_relay_live{reservation=\"" + std::string(k_id) + "\"} 0\n";
    const auto table = relay::status_table(relay::status_records(text));
    REQUIRE(table.size() == 3);
    CHECK(table[2].find("no") != std::string::npos);
    CHECK(table[2].ends_with("-"));
    CHECK(relay::status_table(relay::status_records("")).size() == 2);
}

TEST_CASE("relay: a session is told of once, with what came over it") {
    relay::Sessions sessions;
    const relay::StreamKey key{.carrier = "lineA", .run = 2, .stream = 5};
    const base::SteadyTime start{100s};
    CHECK_FALSE(sessions.closed(key, start));
    sessions.opened(key,
                    {.stream = 5,
                     .reservation = base::Id::parse(k_id).value(),
                     .generation = 1,
                     .instance = "AAAAAAAAAAA",
                     .path = 1,
                     .peer = "[2001:db8::1]:9000"},
                    start);
    sessions.part(key, 1000);
    sessions.part(key, 500);
    sessions.part({.carrier = "lineA", .run = 1, .stream = 5}, 7); // of a former process
    sessions.stats(
        key, {.stream = 5, .rate_bps = 1, .rtt_us = 2, .lost_packets = 3, .dropped_packets = 4});
    CHECK(sessions.of("lineA", 1).empty());
    CHECK(sessions.of("lineA", 2).size() == 1);
    const auto told = sessions.closed(key, start + 1500ms);
    REQUIRE(told);
    CHECK(told->at("bytes").as_int64() == 1500);
    CHECK(told->at("duration_ms").as_int64() == 1500);
    CHECK(told->at("lost_packets").as_int64() == 3);
    CHECK_FALSE(sessions.closed(key, start));
    CHECK(relay::log_text("closed", *told) ==
          "closed reservation=0000000001040g000000000000 carrier=lineA instance=AAAAAAAAAAA path=1 "
          "peer=[2001:db8::1]:9000 duration_ms=1500 bytes=1500 rtt_us=2 lost_packets=3 "
          "dropped_packets=4");
}

TEST_CASE("relay: what strangers write stays one word of the log") {
    CHECK(relay::log_text("x", {{"a", "b c=d\n\"e\""}, {"f", ""}, {"g", 1}}) ==
          "x a=\"b c=d\\n\\\"e\\\"\" f=\"\" g=1");
}

TEST_CASE("relay: check says what confines, and what is missing") {
    const auto full = relay::check_confinement({.filter = true, .landlock = 7}, true);
    CHECK_FALSE(full.error);
    CHECK(full.note == "seccomp, Landlock ABI 7");
    const auto without = relay::check_confinement({.filter = true, .landlock = 0}, true);
    CHECK_FALSE(without.error);
    CHECK(without.note == "seccomp, no Landlock");
    const auto none = relay::check_confinement({.filter = false, .landlock = 7}, true);
    REQUIRE(none.error);
    CHECK(none.error->code == base::Errc::unavailable);
    const auto sanitized = relay::check_confinement({.filter = true, .landlock = 7}, false);
    CHECK_FALSE(sanitized.error);
    CHECK(sanitized.note.find("not confined") != std::string::npos);
}
