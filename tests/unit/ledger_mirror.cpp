// What is taken, as the ledger sums it up in memory, is what its rows say.
#include "ledger/sqlite_db.hpp"
#include "ledger_fixture.hpp"

#include <atomic>
#include <rapidcheck.h>
#include <thread>

namespace {

using namespace ledger_test;
using base::Result;
using base::UtcTime;

const std::vector<std::string> k_resources{"x", "y", "z"};

// When which units of `resource` begin to be in use.
std::vector<std::pair<UtcTime, std::int64_t>>
changes(const resv::Timetable &t, const std::string &resource, resv::Span span) {
    std::vector<std::pair<UtcTime, std::int64_t>> out;
    for (const auto &level : t.levels(resource, span))
        if (out.empty() || out.back().second != level.used)
            out.emplace_back(level.span.from, level.used);
    return out;
}

resv::Span seconds(std::int64_t from, std::int64_t to) {
    return {from_unix_ms(from * 1000), from_unix_ms(to * 1000)};
}

// Whether both ways to ask say the same.
bool agree(ledger::Ledger &l, const std::vector<std::string> &of, resv::Span span,
           std::int64_t now_s) {
    bool same = true;
    REQUIRE(l.read([&](Transaction &t) -> Result<void> {
        const UtcTime now = from_unix_ms(now_s * 1000);
        const auto quick = TRY(t.taken(of, span, now, {}));
        const resv::Timetable sure{TRY(t.loads(of, span, now, {}))};
        for (const auto &name : of)
            same = same && changes(quick, name, span) == changes(sure, name, span);
        return {};
    }));
    return same;
}

// Waits until memory answers: only it does not see what is changed behind the ledger's back.
void await_memory(Fixture &f) {
    auto raw = ledger::Database::open(f.folder / "l.sqlite", ledger::Database::Mode::existing);
    REQUIRE(raw);
    const auto deadline = std::chrono::steady_clock::now() + Seconds{20};
    for (bool quick = false; !quick;) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        for (const char *sql : {"INSERT INTO demands VALUES ('behind', 1, x'00', 999, 1, NULL)",
                                "DELETE FROM demands WHERE resource = 'behind'"}) {
            REQUIRE(raw->execute(sql));
            quick = !agree(*f.ledger, {"behind"}, seconds(0, 2), 0) || quick;
        }
    }
}

struct Put {
    Booking booking;
    std::vector<resv::Demand> demands;
};

// A few, by whom and whatever they were before: bookings, holds, what takes nothing any more.
std::vector<Put> some_puts() {
    std::vector<Put> out(*rc::gen::inRange<std::size_t>(1, 4));
    for (auto &[b, demands] : out) {
        const auto start = *rc::gen::inRange<std::int64_t>(0, 40) * 10'000; // over some days
        b = booking(*rc::gen::inRange<std::uint8_t>(1, 12), start,
                    start + *rc::gen::inRange<std::int64_t>(1, 20) * 10'000);
        b.life.window.lead_in = Seconds{*rc::gen::inRange(0, 3) * 5'000};
        b.life.window.drain = Seconds{*rc::gen::inRange(0, 3) * 5'000};
        if (*rc::gen::inRange(0, 3) == 0) {
            const auto until =
                b.life.window.opens() - Seconds{*rc::gen::inRange<std::int64_t>(0, 3) * 5'000};
            b.preflight = resv::Span{until - Seconds{10'000}, until};
        }
        if (*rc::gen::inRange(0, 3) == 0) {
            b.life.state = resv::State::held;
            b.life.hold_expires = from_unix_ms(*rc::gen::inRange<std::int64_t>(0, 4) * 1000);
        }
        for (const auto &name : k_resources)
            if (*rc::gen::inRange(0, 3) != 0)
                demands.push_back({name, *rc::gen::inRange<std::int64_t>(0, 4)});
    }
    return out;
}

Result<void> put_all(ledger::Ledger &l, const std::vector<Put> &puts, bool keep = true) {
    return l.write([&](Transaction &t) -> Result<void> {
        for (const auto &[b, demands] : puts)
            TRY(t.put(b, demands));
        if (!keep)
            return base::fail(base::Errc::refused, "no");
        return {};
    });
}

} // namespace

TEST_CASE("ledger: what memory says is taken is what the rows say, whoever wrote") {
    Fixture f{Kind::sqlite};
    const auto other = f.another();
    CHECK(agree(*f.ledger, k_resources, seconds(0, 1), 0)); // it begins to fill
    await_memory(f);
    CHECK(rc::check("histories", [&] {
        const int by = *rc::gen::inRange(0, 10);
        if (by == 1) {
            const auto before = from_unix_ms(*rc::gen::inRange<std::int64_t>(0, 600'000) * 1000);
            RC_ASSERT(f.ledger->write([&](Transaction &t) { return t.prune(before, before); }));
        } else {
            const auto done = put_all(by == 0 ? *other : *f.ledger, some_puts(), by != 2);
            RC_ASSERT(done.has_value() == (by != 2));
        }
        const auto from = *rc::gen::inRange<std::int64_t>(0, 500) * 1000;
        const auto span = seconds(from, from + *rc::gen::inRange<std::int64_t>(1, 500) * 1000);
        const auto now = *rc::gen::inRange<std::int64_t>(0, 4);
        RC_ASSERT(agree(*f.ledger, k_resources, span, now));
        if (by == 0) {
            await_memory(f);
            RC_ASSERT(agree(*f.ledger, k_resources, span, now));
        }
    }));
}

TEST_CASE("ledger: what was put is taken for who reads next, at whatever moment") {
    Fixture f{Kind::sqlite};
    std::atomic<int> missed = 0;
    {
        std::vector<std::jthread> all;
        all.reserve(4);
        for (std::uint8_t who = 0; who < 4; ++who)
            all.emplace_back([&, who] {
                const std::string mine = fmt::format("of {}", who);
                for (std::uint8_t n = 1; n <= 40; ++n) {
                    Booking b = booking(n, 100, 200);
                    b.id.bytes[0] = who;
                    std::int64_t used = 0;
                    const bool put =
                        f.ledger->write([&](Transaction &t) { return t.put(b, {{mine, 1}}); })
                            .has_value();
                    const auto read = f.ledger->read([&](Transaction &t) -> Result<void> {
                        const auto taken = TRY(t.taken({mine}, seconds(0, 300), b.created, {}));
                        used = taken.levels(mine, seconds(150, 151)).front().used;
                        return {};
                    });
                    missed += put && read && used == n ? 0 : 1;
                }
            });
    }
    CHECK(missed == 0);
    await_memory(f);
    CHECK(agree(*f.ledger, {"of 0", "of 1", "of 2", "of 3"}, seconds(0, 300), 0));
}
