// What the node may give in all: viewers of what is over get what the open events leave.
#include "relay_router_fixture.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t k_mbit = 1'000'000;

struct World : router_test::Front {
    using Front::Front;

    relay::EventPtr add(const std::string &vid, bool over, std::int64_t viewers, std::int64_t bps) {
        const auto now = machine.now();
        wire::FeedEntry e;
        e.reservation = base::Id::make(base::from_unix_ms(1000), {});
        e.vid = vid;
        e.window = {
            .start = now - 2h, .end = over ? now - 1h : now + 1h, .lead_in = 0s, .drain = 0s};
        e.viewers = viewers;
        e.max_rate = {bps};
        e.retention_s = 86'400;
        auto event = std::make_shared<relay::Event>(e, "t");
        auto snapshot = std::make_shared<relay::Snapshot>(*event->snapshot());
        snapshot->playlist = std::make_shared<const relay::Document>("#EXTM3U\n");
        snapshot->ended = over;
        event->publish(snapshot);
        events[vid] = event;
        board.set(events);
        stock();
        return event;
    }
    void stock() { egress.take_stock(board, clock.now()); }
    [[nodiscard]] int get(const std::string &vid, const std::string &agent,
                          const std::string &name = "index.m3u8", bool by_proxy = false) const {
        relay::HttpRequest request;
        request.method = "GET";
        request.path = "/w/" + vid + "/" + name;
        request.user_agent = agent;
        request.by_proxy = by_proxy;
        const auto from = net::Ip::parse(by_proxy ? "10.1.2.3" : "192.0.2.1");
        return router.answer(request, {.address = from.value()}).status;
    }

    relay::Board::Events events;
};

} // namespace

TEST_CASE("relay: viewers of what is over get what the open events were not promised") {
    World w{8 * k_mbit};
    w.add("live", false, 3, 2 * k_mbit);
    const auto old = w.add("old", true, 100, k_mbit);
    CHECK(w.egress.promised_bps() == 6 * k_mbit);
    CHECK(w.get("old", "a") == 200);
    CHECK(w.get("old", "b") == 200);
    CHECK(w.get("old", "c") == 503);
    CHECK(w.get("old", "a", "0-t.ts") == 410); // as always, when it is gone
    CHECK(w.get("old", "c", "0-t.ts") == 410);
    CHECK(w.egress.refused() == 1);
    CHECK(w.get("old", "c", "") == 200); // the page
    CHECK(w.get("old", "cache", "index.m3u8", true) == 200);
    CHECK(w.egress.on_demand_bps() == 2 * k_mbit); // the cache is not counted
    CHECK(w.get("old", "c", "poster.jpg") != 503); // nor what takes nothing of the line
    CHECK(w.get("old", "d", "9-x.ts") == 404);
    CHECK(old->viewers_refused == 0); // of those that were reserved
    CHECK(old->peak_viewers == 0);
    // Who was promised something gets it.
    for (const char *viewer : {"a", "b", "c"})
        CHECK(w.get("live", viewer) == 200);
    CHECK(w.get("live", "d") == 503);
}

TEST_CASE("relay: when an event opens, as many viewers of what is over have to go as it needs") {
    World w{4 * k_mbit};
    const auto old = w.add("old", true, 100, k_mbit);
    const auto watching = [&] {
        int n = 0;
        for (const char *viewer : {"a", "b", "c", "d"})
            n += w.get("old", viewer) == 503 ? 0 : 1;
        return n;
    };
    CHECK(watching() == 4);
    CHECK(w.get("old", "e") == 503);
    const auto live = w.add("live", false, 3, k_mbit);
    CHECK(old->attending() == 1);
    CHECK(watching() == 1);
    w.stock();
    CHECK(w.egress.on_demand_bps() == k_mbit);
    CHECK(watching() == 1);
    w.add("more", false, 2, k_mbit); // more than there is, which control would not have booked
    CHECK(w.egress.promised_bps() == 5 * k_mbit);
    CHECK(watching() == 0);
    live->withdrawn = true;
    w.stock();
    CHECK(w.egress.promised_bps() == 2 * k_mbit);
    CHECK(watching() == 2);
}

TEST_CASE("relay: without a limit nobody is refused, and what was promised is known") {
    World w{0};
    w.add("live", false, 1000, 1000 * k_mbit);
    w.add("old", true, 1, k_mbit);
    for (const char *viewer : {"a", "b", "c"})
        CHECK(w.get("old", viewer) == 200);
    CHECK(w.egress.promised_bps() == 1'000'000 * k_mbit);
    CHECK(w.egress.refused() == 0);
}
