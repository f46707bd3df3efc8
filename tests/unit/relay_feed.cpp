// The feed's state: merged, pruned, on disk, and what a damaged one leads to.
#include "relay/config.hpp"
#include "relay/feed_state.hpp"
#include "relay/status.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <rapidcheck.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

struct TempFolder {
    TempFolder() {
        std::string name = (fs::temp_directory_path() / "relay-feed.XXXXXX").native();
        path = ::mkdtemp(name.data());
    }
    ~TempFolder() { fs::remove_all(path); }
    fs::path path;
};

wire::FeedEntry entry(std::uint8_t n, std::int64_t serial) {
    wire::FeedEntry e;
    e.reservation = base::Id::make(base::from_unix_ms(1000), {n});
    e.serial = serial;
    e.channel = "studio1";
    e.window = {.start = base::from_unix_ms(10'000),
                .end = base::from_unix_ms(20'000),
                .lead_in = base::Seconds{10},
                .drain = base::Seconds{10}};
    e.vid = e.reservation.text();
    e.viewers = 5;
    e.max_rate.bps = 6'000'000;
    return e;
}

wire::Feed feed(std::int64_t serial, std::vector<wire::FeedEntry> entries) {
    return {.relay = "r1",
            .serial = serial,
            .time = base::from_unix_ms(0),
            .entries = std::move(entries)};
}

} // namespace

TEST_CASE("relay: of two words on one reservation the newer counts, in any order") {
    CHECK(rc::check("merge", [](const std::vector<std::pair<std::uint8_t, std::uint8_t>> &words) {
        relay::FeedState state;
        std::map<base::Id, std::int64_t> newest;
        for (const auto &[n, serial] : words) {
            const auto e = entry(n % 4, serial);
            const auto changed = state.merge(feed(serial, {e}));
            auto &best = newest.try_emplace(e.reservation, -1).first->second;
            RC_ASSERT(changed.size() == (serial > best ? 1U : 0U));
            best = std::max<std::int64_t>(best, serial);
        }
        for (const auto &[id, serial] : newest)
            RC_ASSERT(state.entries.at(id).serial == serial);
    }));
}

TEST_CASE(
    "relay: the feed's state survives its file, and another relay's or a damaged one does not") {
    const TempFolder temp;
    const auto folder = *vault::Folder::create(temp.path / "data");
    CHECK(relay::load_feed_state(folder, "r1").serial == 0);
    relay::FeedState state;
    state.merge(feed(7, {entry(1, 6), entry(2, 7)}));
    state.offset_ms = -1234;
    REQUIRE(relay::save_feed_state(folder, "r1", state).has_value());
    const auto back = relay::load_feed_state(folder, "r1");
    CHECK(back.serial == 7);
    CHECK(back.offset_ms == -1234);
    CHECK(back.entries == state.entries);
    CHECK(relay::load_feed_state(folder, "r2").serial == 0);
    const auto file = temp.path / "data" / "feed.json";
    const auto size = fs::file_size(file);
    for (std::uintmax_t cut = 0; cut + 2 < size; cut += 171) {
        fs::resize_file(file, cut);
        CHECK(relay::load_feed_state(folder, "r1").serial == 0);
        REQUIRE(relay::save_feed_state(folder, "r1", state).has_value());
    }
}

TEST_CASE("relay: what is long over is forgotten") {
    relay::FeedState state;
    auto kept = entry(2, 2);
    kept.retention_s = 3600;
    state.merge(feed(2, {entry(1, 1), kept}));
    const auto closes = base::from_unix_ms(30'000);
    state.prune(closes + std::chrono::hours{24});
    CHECK(state.entries.size() == 2);
    state.prune(closes + std::chrono::hours{24} + base::Millis{1});
    CHECK(state.entries.size() == 1);
    CHECK(state.entries.contains(kept.reservation));
}

TEST_CASE("relay: the configuration names file, line and key of an error") {
    const auto read = [](const std::string &text) {
        return relay::read_config(*conf::Table::parse(text, "relay.toml"));
    };
    const std::string good = "id = \"r1\"\ncontrol = \"https://c\"\nhttp = \"127.0.0.1:80\"\n"
                             "data = \"/d\"\n[ingest.lineA]\nlisten = \"127.0.0.2:9000\"\n";
    const auto config = read(good);
    REQUIRE(config.has_value());
    CHECK(config->ingest.at("lineA").listen.port == 9000);
    const auto again = read(relay::print_config(*config));
    REQUIRE(again.has_value());
    CHECK(relay::print_config(*again) == relay::print_config(*config));
    const auto error = [&](const std::string &text) {
        const auto result = read(text);
        return result ? std::string{} : result.error().message;
    };
    CHECK(error("speed = 1\n" + good).find("relay.toml:1: speed") != std::string::npos);
    CHECK(error(good + "latency = \"10\"\n").find("relay.toml:7: ingest.lineA.latency") !=
          std::string::npos);
    CHECK(error(good + "latency = \"1ms\"\n").find("latency") != std::string::npos);
    CHECK(error("workers = -1\n" + good).find("relay.toml:1: workers") != std::string::npos);
    CHECK(error("id = \"r1\"\n").find("control") != std::string::npos);
    CHECK(error("admin = \"127.0.0.1:80\"\n" + good).find("admin") != std::string::npos);
}

TEST_CASE("relay: status is read from the metrics") {
    const auto records = relay::status_records(
        "# HELP x\nslotcast_relay_connections 3\n"
        "slotcast_relay_viewers{reservation=\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"} 12\n"
        "slotcast_relay_live{reservation=\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"} 1\nnonsense\n\n"
        "slotcast_relay_path_rate_bits{reservation=\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",carrier="
        "\"lineA\","
        "path=\"0\"} 5\n"
        "slotcast_relay_path_rate_bits{reservation=\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",carrier="
        "\"lineB\","
        "path=\"1\"} 6\n"
        "slotcast_relay_path_lost_packets{reservation=\"01ARZ3NDEKTSV4RRFFQ69G5FAV\","
        "carrier=\"lineA\",path=\"0\"} 7\n");
    REQUIRE(records.size() == 2);
    CHECK(wire::compact_json(records[0]) == R"({"type":"relay","v":1,"connections":3})");
    CHECK(wire::compact_json(records[1]) ==
          R"({"type":"event","v":1,"reservation":"01ARZ3NDEKTSV4RRFFQ69G5FAV","paths":[)"
          R"({"carrier":"lineA","path":0,"rate_bps":5,"lost_packets":7},)"
          R"({"carrier":"lineB","path":1,"rate_bps":6}],"viewers":12,"live":true})");
}

TEST_CASE("relay: a clock that was far off brings all entries up again") {
    relay::FeedState state;
    state.merge(feed(2, {entry(1, 1), entry(2, 2)}));
    CHECK(state.set_offset(900).empty());
    CHECK(state.set_offset(100).empty());
    CHECK(state.set_offset(-7200'000).size() == 2);
    CHECK(state.set_offset(-7200'010).empty());
    CHECK(state.offset_ms == -7200'010);
}
