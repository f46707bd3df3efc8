// Who counts as a viewer of HLS, and that the reserved number holds for both kinds together.
#include "relay/config.hpp"
#include "relay_router_fixture.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t k_second = 1'000'000;

net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

struct World : router_test::Front {
    explicit World(std::int64_t viewers) {
        const auto now = base::SystemClock{}.now();
        wire::FeedEntry e;
        e.reservation = base::Id::make(base::from_unix_ms(1000), {});
        e.vid = "event";
        e.window = {.start = now - 1h, .end = now + 1h, .lead_in = 0s, .drain = 0s};
        e.viewers = viewers;
        event = std::make_shared<relay::Event>(e, "t");
        auto snapshot = std::make_shared<relay::Snapshot>(*event->snapshot());
        snapshot->playlist = std::make_shared<const relay::Document>("#EXTM3U\n");
        snapshot->target_s = 4;
        event->publish(snapshot);
        board.set({{"event", event}});
    }
    [[nodiscard]] int get(std::string_view address, const std::string &agent,
                          const std::string &name = "index.m3u8", bool by_proxy = false) const {
        relay::HttpRequest request;
        request.method = "GET";
        request.path = "/w/event/" + name;
        request.user_agent = agent;
        request.by_proxy = by_proxy;
        return router.answer(request, {.address = ip(address)}).status;
    }
    relay::EventPtr event;
};

} // namespace

TEST_CASE("relay: an audience keeps who is there, lets in whom there is room for, and forgets") {
    relay::Audience audience;
    CHECK(audience.admit(1, 0, 9 * k_second, 2));
    CHECK(audience.admit(2, k_second, 9 * k_second, 2));
    CHECK_FALSE(audience.admit(3, 2 * k_second, 9 * k_second, 2));
    CHECK(audience.admit(1, 8 * k_second, 9 * k_second, 2));
    CHECK(audience.count(9 * k_second) == 2);
    CHECK_FALSE(audience.admit(3, 9 * k_second, 9 * k_second, 2));
    CHECK(audience.admit(3, 10 * k_second, 9 * k_second, 2)); // 2 has left
    CHECK_FALSE(audience.admit(2, 11 * k_second, 9 * k_second, 2));
    // Fewer places than before: who is there stays, who left does not come back.
    CHECK(audience.admit(1, 12 * k_second, 9 * k_second, 0));
    CHECK(audience.count(100 * k_second) == 0);
    CHECK_FALSE(audience.admit(1, 100 * k_second, 9 * k_second, 0));
    // Strangers do not fill memory.
    for (std::uint64_t i = 0; i < 10'000; ++i)
        std::ignore = audience.admit(i, 200 * k_second, 9 * k_second, 10);
    CHECK(audience.count(200 * k_second) == 10);
}

TEST_CASE("relay: a viewer is an address and a program; IPv6 hosts change half of theirs") {
    using relay::viewer_number;
    const auto number = viewer_number(ip("192.0.2.1"), "VLC");
    CHECK(viewer_number(ip("192.0.2.1"), "VLC") == number);
    CHECK(viewer_number(ip("192.0.2.2"), "VLC") != number);
    CHECK(viewer_number(ip("192.0.2.1"), "mpv") != number);
    CHECK(viewer_number(ip("2001:db8:1:2::1"), "VLC") ==
          viewer_number(ip("2001:db8:1:2:ffff::9"), "VLC"));
    CHECK(viewer_number(ip("2001:db8:1:2::1"), "VLC") !=
          viewer_number(ip("2001:db8:1:3::1"), "VLC"));
}

TEST_CASE("relay: one more is refused, and nobody who watches") {
    const World world{3};
    CHECK(world.get("192.0.2.1", "a") == 200);
    CHECK(world.get("192.0.2.2", "a") == 200);
    CHECK(world.event->enter()); // of live.ts
    CHECK(world.event->is_full());
    CHECK(world.get("192.0.2.3", "a") == 503);
    CHECK(world.get("192.0.2.1", "b") == 503);
    CHECK(world.get("192.0.2.3", "a", "ll.m3u8") == 503);
    CHECK_FALSE(world.event->enter());
    CHECK(world.event->viewers_refused == 4);
    for (int i = 0; i < 3; ++i)
        CHECK(world.get("192.0.2.1", "a") == 200);
    CHECK(world.event->attending() == 2);
    // From HLS to live.ts: the same viewer, the same place.
    CHECK(world.event->enter(relay::viewer_number(ip("192.0.2.1"), "a")));
    CHECK(world.event->attending() == 1);
    world.event->leave();
    CHECK(world.get("192.0.2.3", "a") == 200);
    // Names of media, the page and the picture are not asked for a place.
    CHECK(world.get("192.0.2.4", "a", "") == 200);
    CHECK(world.get("192.0.2.4", "a", "0-t.ts") == 404);
    CHECK(world.get("192.0.2.4", "a", "poster.jpg") != 503);
}

TEST_CASE("relay: a cache takes one place, and one's own is never refused") {
    const World world{2};
    CHECK(world.get("192.0.2.9", "firefox", "index.m3u8", true) == 200);
    CHECK(world.get("192.0.2.9", "chrome", "index.m3u8", true) == 200); // for another viewer
    CHECK(world.event->attending() == 1);
    CHECK(world.get("192.0.2.1", "a") == 200);
    CHECK(world.get("192.0.2.8", "a", "index.m3u8", true) == 503); // nobody named it
    CHECK(world.get("10.1.2.3", "a") == 200);
    CHECK(world.get("10.1.2.3", "b") == 200);
    CHECK(world.get("10.2.2.3", "a") == 503);
    CHECK(world.event->attending() == 3);
}

TEST_CASE("relay: what is over is on demand for any number") {
    const World world{1};
    CHECK(world.get("192.0.2.1", "a") == 200);
    CHECK(world.get("192.0.2.2", "a") == 503);
    auto snapshot = std::make_shared<relay::Snapshot>(*world.event->snapshot());
    snapshot->ended = true;
    world.event->publish(snapshot);
    CHECK(world.get("192.0.2.2", "a") == 200);
    CHECK(world.get("192.0.2.3", "a") == 200);
}

TEST_CASE("relay: proxies in relay.toml are addresses or networks") {
    const auto read = [](const std::string &line) {
        return relay::read_config(
            *conf::Table::parse("id = \"r1\"\ncontrol = \"https://c\"\nhttp = \"127.0.0.1:80\"\n" +
                                    line + "\n[ingest.a]\nlisten = \"127.0.0.2:90\"\n",
                                "relay.toml"));
    };
    const auto config = read("proxies = [\"10.1.0.0/16\", \"2001:db8::7\"]");
    REQUIRE(config.has_value());
    CHECK(config->proxies.size() == 2);
    CHECK(relay::print_config(*config).contains("proxies = [\"10.1.0.0/16\", \"2001:db8::7"));
    CHECK_FALSE(read("proxies = [\"10.1.0.1/16\"]").has_value());
    CHECK_FALSE(read("proxies = [\"cache.example\"]").has_value());
    CHECK_FALSE(read("proxies = \"10.1.0.0/16\"").has_value());
}
