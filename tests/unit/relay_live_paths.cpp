// Publishers with two numbered paths, as viewers see them.
#include "relay_live_fixture.hpp"

using namespace std::chrono_literals;
using relay::LiveEvent;
using namespace live_test;

TEST_CASE("relay: the numbered paths of one publisher are one stream, and one may go") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream b{.key = {"lineB", 1, 1}, .instance = "x", .mark = 'b', .path = 1};
    CHECK(a.open(live).empty());
    CHECK(b.open(live).empty());
    a.number(live, k_start, 100, 10, true);
    b.number(live, k_start + 10ms, 100, 10, true); // the same
    a.number(live, k_start + 20ms, 112, 3);        // 110 and 111 were lost
    b.number(live, k_start + 30ms, 110, 4);
    live.closed(a.key);
    b.number(live, k_start + 40ms, 114, 6);
    CHECK(live.event()->bytes_in == 20 * 7 * 188);
    CHECK(live.event()->gaps == 0);
    CHECK(live.event()->payloads_lost == 0);
    const auto snapshot = live.event()->snapshot();
    CHECK(snapshot->end() == 20 * 7 * 188);
    CHECK(snapshot->newest_cut == 0);
    std::string shown;
    for (const relay::Slice &slice : snapshot->slices) {
        std::string bytes(static_cast<std::size_t>(slice.end - slice.begin), 0);
        REQUIRE(::pread(slice.extent->fd(), bytes.data(), bytes.size(), slice.offset) ==
                slice.end - slice.begin);
        for (std::size_t i = 0; i < bytes.size(); i += std::size_t{7} * 188)
            shown += bytes[i];
    }
    CHECK(shown == "aaaaaaaaaabbbbabbbbb");
    // The last one goes: what comes then is another stream.
    live.closed(b.key);
    a.open(live);
    a.number(live, k_start + 50ms, 200, 1, true);
    CHECK(live.event()->gaps == 1);
}

TEST_CASE("relay: a newer generation closes both paths of the old one, a stranger neither") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream b{.key = {"lineB", 1, 1}, .instance = "x", .mark = 'b', .path = 1};
    Stream other{.key = {"lineC", 1, 1}, .instance = "y", .mark = 'c'};
    a.open(live);
    b.open(live); // a warm one: it delivers nothing
    a.number(live, k_start + 5s, 0, 1, true);
    CHECK(other.open(live, 0, k_start + 5s) == "lineC busy ");
    CHECK(other.open(live, 1, k_start + 5s) == "lineA replaced lineB replaced ");
    b.number(live, k_start + 6s, 1, 1);
    CHECK(live.event()->bytes_in == 1316);
    // The same path over another carrier takes the place of the former.
    Stream moved{.key = {"lineD", 1, 1}, .instance = "y", .mark = 'd'};
    CHECK(moved.open(live, 1, k_start + 6s) == "lineC replaced ");
}

TEST_CASE("relay: each open connection of a publisher says how it is") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream b{.key = {"lineB", 1, 4}, .instance = "x", .mark = 'b', .path = 1};
    a.open(live);
    b.open(live);
    live.stats(a.key, {.stream = 1, .rate_bps = 10, .rtt_us = 3, .lost_packets = 2});
    live.stats(b.key, {.stream = 4, .rate_bps = 20, .rtt_us = 5, .lost_packets = 4});
    live.stats({"lineC", 1, 1}, {.stream = 1, .rate_bps = 99}); // not open
    REQUIRE(live.event()->paths().size() == 2);
    CHECK(live.event()->paths()[1].carrier == "lineB");
    CHECK(live.event()->paths()[1].path == 1);
    CHECK(live.event()->paths()[1].rate_bps == 20);
    CHECK(live.event()->lost_packets == 6);
    CHECK(live.event()->rtt_us == 5); // of the one that carries most
    live.closed(b.key);
    CHECK(live.event()->paths().size() == 1);
    CHECK(live.event()->lost_packets == 2);
}

TEST_CASE("relay: a numbered publisher takes over from another's silence only") {
    LiveEvent live = make_event();
    Stream plain{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream numbered{.key = {"lineB", 1, 1}, .instance = "x", .mark = 'b', .path = 1};
    plain.open(live);
    numbered.open(live);
    plain.deliver(live, k_start);
    numbered.number(live, k_start + 100ms, 0, 1, true);
    CHECK(live.event()->bytes_in == 1880);
    numbered.number(live, k_start + 301ms, 1, 1, true);
    CHECK(live.event()->bytes_in == 1880 + 1316);
    plain.deliver(live, k_start + 400ms);
    CHECK(live.event()->bytes_in == 1880 + 1316);
    CHECK(live.event()->gaps == 1);
}
