// What viewers get of an event that is over, and who gives up memory when it is short.
#include "relay/memory.hpp"
#include "relay_router_fixture.hpp"

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

// Segments of two seconds, one less than @p parts, each in an extent of its own.
void deliver(relay::LiveEvent &live, std::int64_t parts = 6) {
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
    for (std::int64_t i = 0; i < parts; ++i)
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

struct Viewer : router_test::Front {
    explicit Viewer(const relay::EventPtr &event) { board.set({{"event", event}}); }
    [[nodiscard]] relay::Reply get(const std::string &path) const {
        relay::HttpRequest request;
        request.method = "GET";
        request.path = "/w/event/" + path;
        return router.answer(request, {});
    }
};

} // namespace

TEST_CASE("relay: an event that is over stays on demand, until its memory is wanted") {
    const long before = extents_open();
    relay::LiveEvent live{entry(), {.segments = {.window = 3}, .tag = "t"}};
    const Viewer viewer{live.event()};
    deliver(live);
    REQUIRE(extents_open() == before + 6);
    live.end(false);
    live.tick(k_start + 24h);
    REQUIRE(viewer.get("index.m3u8").status == 200);
    CHECK(viewer.get("index.m3u8").body->contains("\n#EXT-X-PLAYLIST-TYPE:VOD\n"));
    CHECK(viewer.get("index.m3u8").body->ends_with("5-t.ts\n#EXT-X-ENDLIST\n"));
    CHECK(viewer.get("ll.m3u8").body->ends_with("5-t.ts\n#EXT-X-ENDLIST\n"));
    CHECK(viewer.get("5-t.ts").length() == k_part);
    CHECK(extents_open() == before + 6);
    CHECK_FALSE(relay::keep_within(6 * k_part, {&live}));
    CHECK(extents_open() == before + 6);

    CHECK(relay::keep_within(6 * k_part - 1, {&live}));
    CHECK(extents_open() == before);
    CHECK(viewer.get("5-t.ts").status == 410);
    CHECK(viewer.get("5-x.ts").status == 404);
    CHECK(viewer.get("live.ts").status == 410);
    CHECK(viewer.get("index.m3u8").status == 410);
    CHECK(viewer.get("ll.m3u8").status == 410);
    CHECK(viewer.get("").status == 200);
    CHECK(viewer.get("").text.contains("This event is over."));
}

TEST_CASE("relay: an event that goes on after its end keeps its media again") {
    relay::LiveEvent live{entry(), {.segments = {.window = 3}, .tag = "t"}};
    live.end(false);
    live.keep_at_most(0);
    live.reopen(entry(), {.segments = {.window = 3}, .tag = "u"});
    deliver(live);
    live.end(false);
    live.tick(k_start + 3h);
    CHECK(live.event()->snapshot()->playlist != nullptr);
    live.keep_at_most(0);
    CHECK(live.event()->snapshot()->slices.empty());
}

TEST_CASE(
    "relay: memory is taken from what is over first, then from who keeps most, never the edge") {
    const relay::Store::Options options{.segments = {.window = 100, .window_ticks = 90'000'000},
                                        .tag = "t"};
    relay::LiveEvent over{entry(), options};
    auto later = entry();
    later.window.end += 60s;
    relay::LiveEvent over_later{later, options};
    relay::LiveEvent small{entry(), options};
    relay::LiveEvent large{entry(), options};
    deliver(over);
    deliver(over_later);
    deliver(small);
    deliver(large, 20);
    over.end(false);
    over_later.end(false);
    const std::vector<relay::LiveEvent *> all{&large, &small, &over_later, &over};
    CHECK(relay::keep_within((6 * 2 + 20) * k_part, all));
    CHECK(over.bytes_kept() == 0);
    CHECK(over_later.bytes_kept() == 6 * k_part);
    CHECK(relay::keep_within(16 * k_part, all));
    CHECK(over_later.bytes_kept() == 0);
    CHECK(small.bytes_kept() == 6 * k_part);
    CHECK(large.bytes_kept() == 10 * k_part);
    // The playlist never lists what is gone.
    const auto snapshot = large.event()->snapshot();
    CHECK(snapshot->playlist->text().contains("#EXT-X-MEDIA-SEQUENCE:10\n"));
    CHECK(snapshot->segments->front().sequence == 10);
    CHECK(large.event()->bytes_kept == 10 * k_part);
    relay::keep_within(1, all); // cannot be: three target durations of each stay
    CHECK(small.bytes_kept() >= 5 * k_part);
    CHECK(large.bytes_kept() >= 6 * k_part);
    CHECK_FALSE(relay::keep_within(1, all));
}
