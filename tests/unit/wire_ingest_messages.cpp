#include "wire/ingest.hpp"
#include "wire/ingest_refusal.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace {

using namespace wire;

const base::Id k_id = base::Id::make(base::from_unix_ms(1'795'000'000'000), {1, 2, 3});

IngestAdmit admit() {
    IngestAdmit m;
    m.reservation = k_id;
    m.channel = "studio1";
    m.window = {.start = base::from_unix_ms(1'795'000'000'123),
                .end = base::from_unix_ms(1'795'000'060'000),
                .lead_in = base::Seconds{10},
                .drain = base::Seconds{5}};
    m.generation = 4'294'967'295U;
    m.max_rate = {6'000'000};
    return m;
}

// One of every message, the optional members present and absent.
std::vector<IngestMessage> samples() {
    IngestSetup bare{.relay = "r1",
                     .carrier = "lineA",
                     .listen = {"203.0.113.10", 9000},
                     .echo = std::nullopt,
                     .control_key = "Y29udHJvbA",
                     .group_key = "Z3JvdXA"};
    IngestSetup full = bare;
    full.listen = {"2001:db8::1", 65535};
    full.echo = Probe{.at = {"2001:db8::1", 9001}, .key = "a2V5"};
    full.latency_ms = 250;
    return {bare,
            full,
            IngestClock{-1500},
            IngestPace{.part_ms = 4},
            admit(),
            IngestWithdraw{k_id, "revoked"},
            IngestExtent{.stream = 3, .extent = 1, .bytes = 4'194'304},
            IngestOpened{.stream = 3,
                         .reservation = k_id,
                         .generation = 2,
                         .instance = "AAAAAAAAAAA",
                         .path = 1,
                         .peer = "198.51.100.7:4000"},
            IngestNeedExtent{.stream = 3, .extent = 2},
            IngestPart{.stream = 3,
                       .extent = 1,
                       .offset = 188,
                       .bytes = 1316,
                       .received_us = 77,
                       .cuts = {{.position = 188, .pts_90k = 8'589'934'591},
                                {.position = 9, .pts_90k = 0}}},
            IngestPart{
                .stream = 3, .extent = 1, .offset = 0, .bytes = 188, .received_us = 0, .cuts = {}},
            IngestPart{.stream = 3,
                       .extent = 1,
                       .offset = 0,
                       .bytes = 2632,
                       .received_us = 0,
                       .cuts = {},
                       .runs = {{.sequence = 65'535, .count = 1, .packets = 7},
                                {.sequence = 3, .count = 7, .packets = 1}}},
            IngestPreflight{.stream = 4, .reservation = k_id, .peer = "198.51.100.7:4000"},
            IngestPreflightDone{.stream = 4,
                                .reason = "ended",
                                .duration_ms = 60'000,
                                .bytes = 45'000'000,
                                .rtt_us = 2,
                                .lost_packets = 3,
                                .dropped_packets = 4},
            IngestStats{
                .stream = 3, .rate_bps = 1, .rtt_us = 2, .lost_packets = 3, .dropped_packets = 4},
            IngestClose{.stream = 3, .reason = "busy"},
            IngestClosed{.stream = 3, .reason = "over_rate"},
            IngestRefused{.reason = "busy", .peer = "198.51.100.7:4000", .count = 12}};
}

} // namespace

TEST_CASE("wire: every ingest message survives its text") {
    for (const IngestMessage &message : samples()) {
        const std::string text = write_ingest(message);
        CAPTURE(text);
        const auto back = read_ingest(text);
        REQUIRE(back.has_value());
        CHECK(back->index() == message.index());
        CHECK(write_ingest(*back) == text);
    }
    const auto back = read_ingest(write_ingest(admit()));
    REQUIRE(back.has_value());
    const auto *m = std::get_if<IngestAdmit>(&*back);
    REQUIRE(m != nullptr);
    CHECK(m->window == admit().window);
    CHECK(m->generation == admit().generation);
    CHECK(m->reservation == k_id);
}

TEST_CASE("wire: a cut or padded ingest message is refused") {
    for (const IngestMessage &message : samples()) {
        const std::string text = write_ingest(message);
        for (std::size_t n = 0; n < text.size(); ++n)
            CHECK_FALSE(read_ingest(std::string_view{text}.substr(0, n)).has_value());
        CHECK_FALSE(read_ingest(text + "{}").has_value());
        const std::string more = text.substr(0, text.size() - 1) + R"(,"extra":1})";
        CHECK_FALSE(read_ingest(more).has_value());
    }
}

TEST_CASE("wire: an ingest message with a flipped bit is refused or is another valid one") {
    const auto all = samples();
    CHECK(rc::check("no crash, no half-read message",
                    [&](std::size_t which, std::size_t at, std::uint8_t bit) {
                        std::string text = write_ingest(all[which % all.size()]);
                        char &c = text[at % text.size()];
                        c = static_cast<char>(static_cast<unsigned char>(c) ^ (1U << (bit % 8U)));
                        if (const auto back = read_ingest(text))
                            RC_ASSERT(read_ingest(write_ingest(*back)).has_value());
                    }));
}

TEST_CASE("wire: impossible numbers in ingest messages are refused") {
    CHECK_FALSE(read_ingest(R"({"type":"extent","stream":-1,"extent":0,"bytes":1})").has_value());
    CHECK_FALSE(read_ingest(R"({"type":"extent","stream":1,"extent":0,"bytes":0})").has_value());
    CHECK_FALSE(read_ingest(R"({"type":"extent","stream":1,"extent":0,"bytes":1.5})").has_value());
    CHECK_FALSE(read_ingest(R"({"type":"unheard_of"})").has_value());
    CHECK_FALSE(read_ingest(R"({"stream":1})").has_value());
    IngestAdmit backwards = admit();
    std::swap(backwards.window.start, backwards.window.end);
    CHECK_FALSE(read_ingest(write_ingest(backwards)).has_value());
    IngestSetup named{.relay = "r1",
                      .carrier = "a",
                      .listen = {"relay.example", 1},
                      .echo = {},
                      .control_key = "",
                      .group_key = ""};
    CHECK_FALSE(read_ingest(write_ingest(named)).has_value());
}

TEST_CASE("wire: every refusal has a name of its own") {
    CHECK(name(IngestRefusal::bad_ticket) == "bad_ticket");
    CHECK(name(IngestRefusal::wrong_use) == "wrong_use");
    CHECK(name(IngestRefusal::over_rate) == "over_rate");
    CHECK(name(static_cast<IngestRefusal>(2999)) == "other");
}

TEST_CASE("wire: a refusal's code tells by how much it is too early, and what passes by itself") {
    using namespace wire;
    using namespace std::chrono_literals;
    CHECK(refusal_code(IngestRefusal::busy, 5s) == 2006);
    CHECK(refusal_code(IngestRefusal::too_early, 0ms) == 2003);
    CHECK(refusal_code(IngestRefusal::too_early, 199'001ms) == 10'200);
    CHECK(refusal_code(IngestRefusal::too_early, 1ms) == 10'001);
    CHECK(refusal_code(IngestRefusal::too_early, 24h * 400) == 10'000 + 30 * 86'400);
    CHECK(refusal_text(10'200) == "too_early, by 3m20s");
    CHECK(refusal_text(10'000 + 30 * 86'400) == "too_early, by 30d");
    CHECK(refusal_text(2003) == "too_early");
    CHECK(refusal_text(2009) == "over_rate");
    for (const int none : {0, 2000, 2010, 10'000, 10'001 + 30 * 86'400, 2'147'483'647, -1})
        CHECK(refusal_text(none) == "other");
    CHECK(refusal_name("too_early, by 3m20s") == "too_early");
    CHECK(refusal_name("busy") == "busy");
    for (const char *passes : {"too_early", "too_early, by 2s", "busy", "unknown", "over_rate"})
        CHECK(is_passing(passes));
    for (const char *stays :
         {"bad_ticket", "wrong_relay", "wrong_use", "withdrawn", "ended", "other", ""})
        CHECK_FALSE(is_passing(stays));
}
