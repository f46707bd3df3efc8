// What viewers get of an event that is over, and when its memory is free again.
#include "relay/live_event.hpp"
#include "relay/router.hpp"

#include <doctest/doctest.h>
#include <filesystem>

using namespace std::chrono_literals;

namespace {

constexpr base::SteadyTime k_start{100s};
constexpr std::int64_t k_part = 188 * 10;

// Extents whose memory the kernel still holds for this process.
long extents_open() {
    long count = 0;
    std::error_code gone;
    for (const auto &fd : std::filesystem::directory_iterator("/proc/self/fd"))
        count += std::filesystem::read_symlink(fd.path(), gone).native().contains("slotcast-extent")
                     ? 1
                     : 0;
    return count;
}

wire::FeedEntry entry() {
    const auto now = base::SystemClock{}.now();
    wire::FeedEntry e;
    e.reservation = base::Id::make(base::from_unix_ms(1000), {});
    e.vid = "event";
    e.disclosure = resv::Disclosure::public_;
    e.window = {.start = now - 1h, .end = now - 1s, .lead_in = 0s, .drain = 0s};
    e.retention_s = 86'400;
    e.viewers = 2;
    return e;
}

// Five segments, each in an extent of its own.
void deliver(relay::LiveEvent &live) {
    const relay::StreamKey key{.carrier = "lineA", .run = 1, .stream = 1};
    REQUIRE(live.opened(key,
                        {.stream = 1,
                         .reservation = {},
                         .generation = 0,
                         .instance = "x",
                         .path = 0,
                         .peer = "p"},
                        k_start)
                .empty());
    for (std::int64_t i = 0; i < 6; ++i)
        live.part(key,
                  {.stream = 1,
                   .reservation = {},
                   .extent = *relay::Extent::make(k_part),
                   .position = i * k_part,
                   .offset = 0,
                   .bytes = k_part,
                   .received_us = i * 2'000'000,
                   .cuts = {{.position = i * k_part, .pts_90k = i * 180'000}}},
                  k_start + i * 2s);
}

struct Viewer {
    explicit Viewer(const relay::EventPtr &event) { board.set({{"event", event}}); }
    [[nodiscard]] relay::Reply get(const std::string &path) const {
        relay::HttpRequest request;
        request.method = "GET";
        request.path = "/w/event/" + path;
        return router.answer(request, {});
    }
    relay::Board board;
    base::SystemClock machine;
    base::ControlClock clock{machine};
    seal::Secret key{seal::Bytes(32, 1)};
    relay::Router router{
        {.board = &board, .clock = &clock, .viewer_key = &key, .metrics = [] { return ""; }}};
};

} // namespace

TEST_CASE("relay: an event that is over gives up its memory, in an order that players survive") {
    const long before = extents_open();
    relay::LiveEvent live{entry(), {.segments = {.window = 3}, .tag = "t"}};
    const Viewer viewer{live.event()};
    deliver(live);
    REQUIRE(extents_open() == before + 6);
    live.end(false);
    const auto end = k_start + 1h;
    live.tick(end);
    REQUIRE(viewer.get("index.m3u8").status == 200);
    CHECK(viewer.get("index.m3u8").body->ends_with("5-t.ts\n#EXT-X-ENDLIST\n"));

    live.tick(end + 2min - 1s);
    CHECK(viewer.get("index.m3u8").status == 200);
    live.tick(end + 2min);
    CHECK(viewer.get("index.m3u8").status == 410);
    CHECK(viewer.get("5-t.ts").status == 200); // for those who have the playlist
    live.tick(end + 5min - 1s);
    CHECK(viewer.get("5-t.ts").length() == k_part);
    CHECK(extents_open() == before + 6);

    live.tick(end + 5min);
    CHECK(extents_open() == before);
    CHECK(viewer.get("5-t.ts").status == 410);
    CHECK(viewer.get("5-x.ts").status == 404);
    CHECK(viewer.get("live.ts").status == 410);
    CHECK(viewer.get("index.m3u8").status == 410);
    CHECK(viewer.get("").status == 200);
    CHECK(viewer.get("").text.contains("This event is over."));
}

TEST_CASE("relay: an event that goes on after its end keeps its media again") {
    relay::LiveEvent live{entry(), {.segments = {.window = 3}, .tag = "t"}};
    live.end(false);
    live.tick(k_start);
    live.tick(k_start + 1h);
    live.reopen(entry(), {.segments = {.window = 3}, .tag = "u"});
    deliver(live);
    live.tick(k_start + 2h);
    live.end(false);
    live.tick(k_start + 3h);
    CHECK(live.event()->snapshot()->playlist != nullptr);
    live.tick(k_start + 3h + 5min);
    CHECK(live.event()->snapshot()->slices.empty());
}
