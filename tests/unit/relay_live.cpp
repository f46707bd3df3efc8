// Which publisher is shown, and what happens to a viewer who is too slow.
#include "relay/live_cursor.hpp"
#include "relay/live_event.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

using namespace std::chrono_literals;
using relay::LiveEvent;
using Outcome = relay::LiveCursor::Outcome;

namespace {

wire::FeedEntry entry() {
    wire::FeedEntry e;
    e.reservation = base::Id::make(base::from_unix_ms(1000), {});
    e.viewers = 2;
    return e;
}

LiveEvent make_event() {
    return LiveEvent{entry(), {.segments = {.window = 3}, .tag = "t"}};
}

// A stream whose packets carry its name, so that one can see whose they are.
struct Stream {
    relay::StreamKey key;
    std::string instance;
    char mark;
    unsigned path = 0;
    relay::ExtentPtr extent = *relay::Extent::make(188 * 1'000'000);
    std::int64_t position = 0;
    std::int64_t pts = 0;
    std::int64_t extent_base = 0; // position of the extent's byte 0

    void take_extent() {
        extent = *relay::Extent::make(188 * 1'000'000);
        extent_base = position;
    }
    // What is to be closed for it, as "carrier reason".
    std::string open(LiveEvent &live, std::uint32_t generation = 0,
                     base::SteadyTime now = base::SteadyTime{100s}) {
        std::string out;
        for (const auto &closing : live.opened(key,
                                               {.stream = key.stream,
                                                .reservation = {},
                                                .generation = generation,
                                                .instance = instance,
                                                .path = path,
                                                .peer = "p"},
                                               now))
            out += closing.key.carrier + " " + std::string(closing.reason) + " ";
        return out;
    }
    void deliver(LiveEvent &live, base::SteadyTime now, std::int64_t packets = 10,
                 bool cut = true) {
        const std::int64_t bytes = packets * 188;
        const std::string media(static_cast<std::size_t>(bytes), mark);
        REQUIRE(::pwrite(extent->fd(), media.data(), media.size(), position - extent_base) ==
                bytes);
        relay::PartReady part{.stream = key.stream,
                              .reservation = {},
                              .extent = extent,
                              .position = position,
                              .offset = position - extent_base,
                              .bytes = bytes,
                              .received_us = now.time_since_epoch().count() / 1000,
                              .cuts = {}};
        if (cut)
            part.cuts.push_back({.position = position, .pts_90k = pts});
        live.part(key, part, now);
        position += bytes;
        pts += 90'000;
    }
    // Payloads of seven packets, from number @p first on.
    void number(LiveEvent &live, base::SteadyTime now, std::int64_t first, std::int64_t count,
                bool cut = false) {
        const std::int64_t bytes = count * 7 * 188;
        const std::string media(static_cast<std::size_t>(bytes), mark);
        REQUIRE(::pwrite(extent->fd(), media.data(), media.size(), position) == bytes);
        relay::PartReady part{.stream = key.stream,
                              .reservation = {},
                              .extent = extent,
                              .position = position,
                              .offset = position,
                              .bytes = bytes,
                              .received_us = now.time_since_epoch().count() / 1000,
                              .cuts = {},
                              .runs = {{.sequence = first, .count = count, .packets = 7}}};
        if (cut)
            part.cuts.push_back({.position = position, .pts_90k = pts});
        live.part(key, part, now);
        position += bytes;
    }
};

struct Pair {
    Pair() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
        viewer = base::Fd{ends[0]};
        relay = base::Fd{ends[1]};
    }
    [[nodiscard]] std::string read() const {
        std::string out(1 << 22, '\0');
        std::size_t size = 0;
        for (ssize_t n = 0; (n = ::read(viewer.get(), out.data() + size, out.size() - size)) > 0;)
            size += static_cast<std::size_t>(n);
        out.resize(size);
        return out;
    }
    base::Fd viewer, relay;
};

using News = std::vector<LiveEvent::News>;
constexpr base::SteadyTime k_start{100s};

} // namespace

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
    const Pair pair;
    relay::LiveCursor cursor{live.event()};
    const auto pump = [&](base::SteadyTime now) {
        return cursor.pump(pair.relay.get(), *live.event()->snapshot(), now, latency);
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
    const Pair pair;
    relay::LiveCursor cursor{live.event()};
    auto now = k_start;
    std::string got;
    const auto pump = [&] {
        return cursor.pump(pair.relay.get(), *live.event()->snapshot(), now, latency);
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
    const Pair early;
    relay::LiveCursor slow{live.event()};
    CHECK(slow.pump(early.relay.get(), *live.event()->snapshot(), k_start, latency) ==
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
    const Pair late;
    relay::LiveCursor fresh{live.event()};
    CHECK(fresh.pump(late.relay.get(), *snapshot, k_start + 200s, latency) == Outcome::idle);
    CHECK(late.read().size() == expected);
    CHECK(slow.pump(early.relay.get(), *snapshot, k_start + 200s, latency) == Outcome::idle);
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
