// What stands in a stretch of time, as the calendar asks for it.
#include "ledger_fixture.hpp"

#include <algorithm>

namespace {

using namespace ledger_test;

// The last bytes of the ids of what is within [from_s, to_s) at now_s.
std::vector<int> within(ledger::Ledger &l, std::int64_t from_s, std::int64_t to_s,
                        std::int64_t now_s = 0, std::size_t most = 100) {
    std::vector<int> out;
    REQUIRE(l.read([&](Transaction &t) -> base::Result<void> {
        for (const Booking &b :
             TRY(t.within({from_unix_ms(from_s * 1000), from_unix_ms(to_s * 1000)},
                          from_unix_ms(now_s * 1000), most)))
            out.push_back(b.id.bytes[15]);
        return {};
    }));
    return out;
}

} // namespace

TEST_CASE("ledger: what takes something within a span comes by start, and nothing else") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto put = [&](const Booking &b, bool takes) {
            std::vector<resv::Demand> demands;
            if (takes)
                demands = {{"channel:studio1", 1}, {"relay:r1:streams", 1}};
            REQUIRE(f.ledger->write([&](Transaction &t) { return t.put(b, demands); }));
        };
        put(booking(3, 100, 200), true);
        put(booking(2, 200, 300), true);
        put(booking(1, 300, 1000), true);
        put(booking(4, 300, 400), false); // cancelled, say
        Booking held = booking(5, 250, 260);
        held.channel = "studio2";
        held.life.state = resv::State::held;
        held.life.hold_expires = from_unix_ms(50'000);
        REQUIRE(
            f.ledger->write([&](Transaction &t) { return t.put(held, {{"channel:studio2", 1}}); }));
        CHECK(within(*f.ledger, 0, 2000) == std::vector{3, 2, 5, 1});
        CHECK(within(*f.ledger, 0, 2000, 49) == std::vector{3, 2, 5, 1});
        CHECK(within(*f.ledger, 0, 2000, 50) == std::vector{3, 2, 1}); // the hold is over
        CHECK(within(*f.ledger, 200, 250) == std::vector{2});          // half-open at both ends
        CHECK(within(*f.ledger, 900, 950) == std::vector{1});          // began long before
        CHECK(within(*f.ledger, 1000, 2000).empty());
        CHECK(within(*f.ledger, 0, 2000, 0, 2) == std::vector{3, 2});
        Booking wide = booking(6, 1500, 1600); // lead-in and drain count
        wide.life.window.lead_in = Seconds{10};
        wide.life.window.drain = Seconds{20};
        put(wide, true);
        CHECK(within(*f.ledger, 1485, 1491) == std::vector{6});
        CHECK(within(*f.ledger, 1619, 1700) == std::vector{6});
        CHECK(within(*f.ledger, 1620, 1700).empty());
    }
}

TEST_CASE("ledger: a preflight takes the way in, at its own time") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto all = [&](std::int64_t from_s, std::int64_t to_s,
                             std::optional<base::Id> except = {}) {
            std::vector<std::string> out;
            REQUIRE(f.ledger->read([&](Transaction &t) -> base::Result<void> {
                for (const auto &l :
                     TRY(t.loads({"channel:c", "relay:r:egress", "relay:r:ingest", "x"},
                                 {from_unix_ms(from_s * 1000), from_unix_ms(to_s * 1000)},
                                 from_unix_ms(0), except)))
                    out.push_back(fmt::format("{} {}", l.resource, l.units));
                return {};
            }));
            std::ranges::sort(out);
            return out;
        };
        using Loads = std::vector<std::string>;
        Booking b = booking(1, 100, 200);
        b.preflight = resv::Span{from_unix_ms(50'000), from_unix_ms(60'000)};
        const std::vector<resv::Demand> demands{
            {"channel:c", 1}, {"relay:r:egress", 9}, {"relay:r:ingest", 3}, {"x", 2}};
        const auto keep = [&] {
            REQUIRE(f.ledger->write([&](Transaction &t) { return t.put(b, demands); }));
        };
        keep();
        CHECK(all(0, 50).empty());
        CHECK(all(59, 60) == Loads{"relay:r:ingest 3", "x 2"});
        CHECK(all(59, 60, b.id).empty());
        CHECK(all(60, 100).empty());
        CHECK(all(199, 200) == Loads{"channel:c 1", "relay:r:egress 9", "relay:r:ingest 3", "x 2"});
        if (kind != Kind::memory)
            f.open(); // it is durable
        REQUIRE(f.ledger->read([&](Transaction &t) -> base::Result<void> {
            CHECK(TRY(t.booking(b.id))->preflight == b.preflight);
            CHECK(TRY(t.within({from_unix_ms(50'000), from_unix_ms(60'000)}, from_unix_ms(0), 9))
                      .empty());
            return {};
        }));
        b.preflight->to = from_unix_ms(70'000);
        keep();
        CHECK(all(59, 60).size() == 2);
        CHECK(all(69, 70).size() == 2);
        b.preflight.reset();
        keep();
        CHECK(all(0, 100).empty());
        CHECK(all(100, 101).size() == 4);
    }
}
