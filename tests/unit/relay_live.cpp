// Which publisher is shown, and what happens to a viewer who is too slow.
#include "relay_live_fixture.hpp"

using namespace std::chrono_literals;
using relay::LiveEvent;
using Outcome = relay::LiveCursor::Outcome;
using namespace live_test;

TEST_CASE("relay: first media, lost, back and ended are told once each") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    a.open(live);
    a.deliver(live, k_start, 10, false);
    CHECK(live.take_news().empty()); // nothing that a viewer could begin with
    a.deliver(live, k_start);
    a.deliver(live, k_start + 1s);
    live.tick(k_start + 2s);
    CHECK(live.take_news() == News{LiveEvent::News::first_media});
    live.tick(k_start + 3s);
    live.tick(k_start + 4s);
    CHECK(live.take_news() == News{LiveEvent::News::lost});
    a.deliver(live, k_start + 5s);
    CHECK(live.take_news() == News{LiveEvent::News::back});
    live.end(false);
    live.end(false);
    CHECK(live.take_news() == News{LiveEvent::News::ended});
    a.deliver(live, k_start + 6s);
    CHECK(live.take_news().empty());
    CHECK(live.event()->snapshot()->ended);
}

TEST_CASE("relay: an extension that comes after the end makes the event go on") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    a.open(live);
    a.deliver(live, k_start);
    live.end(false);
    const auto ended = live.event();
    auto extended = entry();
    extended.viewers = 7;
    live.reopen(extended, {.segments = {.window = 3}, .tag = "u"});
    CHECK(ended->snapshot()->ended); // who watched it is told so
    CHECK_FALSE(live.ended());
    CHECK(live.event()->tag() == "u");
    CHECK(live.event()->entry()->viewers == 7);
    CHECK_FALSE(live.event()->snapshot()->ended);
    Stream again{.key = {"lineA", 1, 2}, .instance = "x", .mark = 'b'};
    again.open(live);
    again.deliver(live, k_start + 1s);
    CHECK(live.event()->snapshot()->newest_cut == 0);
    CHECK(live.take_news() ==
          News{LiveEvent::News::first_media, LiveEvent::News::ended, LiveEvent::News::back});
    live.end(false);
    CHECK(live.take_news() == News{LiveEvent::News::ended});
}

TEST_CASE("relay: the other path of a publisher takes over when the first is silent") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream b{.key = {"lineB", 1, 1}, .instance = "x", .mark = 'b', .path = 1};
    CHECK(a.open(live).empty());
    CHECK(b.open(live).empty());
    a.deliver(live, k_start);
    b.deliver(live, k_start + 100ms); // a warm path: not shown twice
    CHECK(live.event()->bytes_in == 1880);
    b.deliver(live, k_start + 400ms);
    CHECK(live.event()->bytes_in == 2 * 1880);
    CHECK(live.event()->gaps == 1);
    a.deliver(live, k_start + 500ms); // late: b has it now
    CHECK(live.event()->bytes_in == 2 * 1880);
    live.closed(b.key);
    a.deliver(live, k_start + 600ms);
    CHECK(live.event()->bytes_in == 3 * 1880);
}

TEST_CASE("relay: another publisher on another carrier is busy until the first is silent") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream thief{.key = {"lineB", 1, 1}, .instance = "y", .mark = 't'};
    a.open(live);
    a.deliver(live, k_start);
    CHECK(thief.open(live, 0, k_start + 1999ms) == "lineB busy ");
    thief.deliver(live, k_start + 3s); // on its way while it is closed
    CHECK(live.event()->bytes_in == 1880);
    live.closed(thief.key);
    thief.key.stream = 2;
    CHECK(thief.open(live, 0, k_start + 2s) == "lineA replaced ");
    thief.deliver(live, k_start + 2001ms);
    a.deliver(live, k_start + 2002ms);
    live.closed(a.key);
    CHECK(live.event()->bytes_in == 2 * 1880);
    CHECK(live.event()->gaps == 1);
    Stream unknown{.key = {"lineC", 1, 1}, .instance = "x", .mark = 'u'};
    unknown.deliver(live, k_start + 10s); // never opened
    CHECK(live.event()->gaps == 1);
}

TEST_CASE("relay: a newer generation on another carrier takes over at once") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream newer{.key = {"lineB", 1, 2}, .instance = "z", .mark = 'n'};
    a.open(live);
    a.deliver(live, k_start);
    CHECK(newer.open(live, 1, k_start + 1ms) == "lineA replaced ");
    newer.deliver(live, k_start + 2ms);
    CHECK(live.event()->bytes_in == 2 * 1880);
}

TEST_CASE("relay: the same path of a publisher moves to another carrier at once") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    Stream moved{.key = {"lineB", 1, 1}, .instance = "x", .mark = 'm'};
    a.open(live);
    a.deliver(live, k_start);
    CHECK(moved.open(live, 0, k_start + 1ms) == "lineA replaced ");
    moved.deliver(live, k_start + 2ms);
    a.deliver(live, k_start + 3ms);
    CHECK(live.event()->bytes_in == 2 * 1880);
    CHECK(live.event()->gaps == 1);
}

TEST_CASE("relay: two bare tickets on two carriers do not throw each other out") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "AAAAAAAAAAA", .mark = 'a'};
    Stream b{.key = {"lineB", 1, 1}, .instance = "AAAAAAAAAAA", .mark = 'b'};
    a.open(live);
    a.deliver(live, k_start);
    CHECK(b.open(live, 0, k_start + 1s) == "lineB busy ");
    a.deliver(live, k_start + 2s);
    CHECK(live.event()->bytes_in == 2 * 1880);
}

TEST_CASE("relay: a viewer begins at the newest cut and gets every byte from there") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    relay::LatencyRecord latency;
    relay::Fanout fanout;
    Pair pair;
    relay::Transport out{std::move(pair.relay)};
    relay::LiveCursor cursor{live.event()};
    const auto pump = [&](base::SteadyTime now) {
        return cursor.pump(out, fanout, *live.event()->snapshot(), now, latency);
    };
    CHECK(pump(k_start) == Outcome::idle); // came before the media
    a.open(live);
    a.deliver(live, k_start, 7);
    a.deliver(live, k_start, 5);
    a.deliver(live, k_start, 3, false);
    CHECK(pump(k_start) == Outcome::idle);
    CHECK(pair.read().size() == 8 * 188);
    CHECK(latency.count() == 0); // what was there already is not late
    a.deliver(live, k_start, 4, false);
    CHECK(pump(k_start) == Outcome::idle);
    CHECK(pair.read().size() == 4 * 188);
    CHECK(latency.count() == 1);
    live.end(false);
    CHECK(pump(k_start) == Outcome::ended);
}

TEST_CASE("relay: a slow viewer is moved at a packet's end, and dropped at the fourth time") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    a.open(live);
    relay::LatencyRecord latency;
    relay::Fanout fanout;
    Pair pair;
    relay::Transport out{std::move(pair.relay)};
    relay::LiveCursor cursor{live.event()};
    auto now = k_start;
    std::string got;
    const auto pump = [&] {
        return cursor.pump(out, fanout, *live.event()->snapshot(), now, latency);
    };
    for (int round = 1; round <= 4; ++round) {
        for (int i = 0; i < 40; ++i) { // seconds in which the viewer does not read
            a.mark = static_cast<char>('a' + i % 26);
            a.deliver(live, now, 1000);
            now += 1s;
            if (i < 4)
                CHECK(pump() != Outcome::slow);
        }
        got += pair.read();
        const Outcome outcome = pump();
        CHECK((outcome == Outcome::slow) == (round == 4));
        CHECK(live.event()->viewers_moved == round);
        got += pair.read();
    }
    REQUIRE(got.size() > 188);
    for (std::size_t i = 0; i + 188 <= got.size(); i += 188) // packets are whole at the joints
        REQUIRE(got.find_first_not_of(got[i], i) >= i + 188);
}

TEST_CASE("relay: a stream without cuts is shown from the live window on") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    a.open(live);
    a.deliver(live, k_start); // the only cut
    relay::LatencyRecord latency;
    relay::Fanout fanout;
    Pair early;
    relay::Transport out_early{std::move(early.relay)};
    relay::LiveCursor slow{live.event()};
    CHECK(slow.pump(out_early, fanout, *live.event()->snapshot(), k_start, latency) ==
          Outcome::idle);
    CHECK(early.read().size() == 10 * 188);
    for (int i = 1; i < 200; ++i) {
        if (i % 20 == 0)
            a.take_extent();
        a.deliver(live, k_start + i * 1s, 10, false);
    }
    const auto snapshot = live.event()->snapshot();
    REQUIRE(snapshot->newest_cut < snapshot->slices.front().begin);
    const auto expected = static_cast<std::size_t>(snapshot->end() - snapshot->window_begin);
    Pair late;
    relay::Transport out_late{std::move(late.relay)};
    relay::LiveCursor fresh{live.event()};
    CHECK(fresh.pump(out_late, fanout, *snapshot, k_start + 200s, latency) == Outcome::idle);
    CHECK(late.read().size() == expected);
    CHECK(slow.pump(out_early, fanout, *snapshot, k_start + 200s, latency) == Outcome::idle);
    CHECK(early.read().size() == expected);
    CHECK(live.event()->viewers_moved == 1);
}

TEST_CASE("relay: places are taken up to the reserved number") {
    relay::Event event{entry(), "t"};
    CHECK(event.enter());
    CHECK(event.enter());
    CHECK_FALSE(event.enter());
    CHECK(event.viewers_refused == 1);
    event.leave();
    CHECK(event.enter());
}

TEST_CASE("relay: times are recorded to a few percent") {
    relay::LatencyRecord record;
    for (int i = 1; i <= 1000; ++i)
        record.add(i * 100);
    CHECK(record.count() == 1000);
    CHECK(record.max_us() == 100'000);
    CHECK(record.quantile_us(0.5) >= 50'000);
    CHECK(record.quantile_us(0.5) <= 54'000);
    CHECK(record.quantile_us(0.99) >= 99'000);
    CHECK(record.quantile_us(1) == 100'000);
    record.add(-5); // two clocks' edges
    record.add(std::int64_t{1} << 50);
    CHECK(record.max_us() == std::int64_t{1} << 50);
}
