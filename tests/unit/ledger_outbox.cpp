// The outbox, on each ledger: nothing is told before its turn, and nobody is told twice.
#include "ledger_fixture.hpp"

#include <atomic>
#include <set>
#include <thread>

namespace {

using namespace ledger_test;
using ledger::Notice;

Notice notice(std::uint8_t number, std::uint8_t reservation, std::int64_t revision,
              std::string target = "mailto:ops@example.org") {
    Notice n;
    n.id.bytes[15] = number;
    n.reservation.bytes[15] = reservation;
    n.revision = revision;
    n.target = std::move(target);
    n.event = "reservation.booked";
    n.body = "{}";
    n.created = from_unix_ms(7);
    n.due = from_unix_ms(1000 + number);
    return n;
}

std::vector<int> claim(ledger::Ledger &l, std::int64_t now_ms, std::int64_t until_ms,
                       std::size_t most = 100) {
    std::vector<int> out;
    const auto done = l.write([&](Transaction &t) -> base::Result<void> {
        out.clear();
        for (const Notice &n :
             TRY(t.claim_notices(from_unix_ms(now_ms), from_unix_ms(until_ms), most)))
            out.push_back(n.id.bytes[15]);
        return {};
    });
    REQUIRE_MESSAGE(done, done.error().message);
    return out;
}

std::int64_t next(ledger::Ledger &l) {
    std::optional<base::UtcTime> out;
    REQUIRE(l.read([&](Transaction &t) -> base::Result<void> {
        out = TRY(t.next_notice());
        return {};
    }));
    return out ? base::unix_ms(*out) : -1;
}

void put_all(ledger::Ledger &l, const std::vector<Notice> &all) {
    REQUIRE(l.write([&](Transaction &t) -> base::Result<void> {
        for (const Notice &n : all)
            TRY(t.put(n));
        return {};
    }));
}

void forget(ledger::Ledger &l, const Notice &n) {
    REQUIRE(l.write([&](Transaction &t) { return t.forget_notice(n.id); }));
}

} // namespace

TEST_CASE(
    "ledger: a notice is given once until it is due again, one attempt older, then forgotten") {
    using Ids = std::vector<int>;
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        CHECK(next(*f.ledger) == -1);
        put_all(*f.ledger, {notice(2, 2, 1), notice(1, 1, 1), notice(3, 3, 1)});
        CHECK(next(*f.ledger) == 1001);
        CHECK(claim(*f.ledger, 1000, 5000) == Ids{});
        CHECK(claim(*f.ledger, 1001, 5000) == Ids{1});
        CHECK(claim(*f.ledger, 1003, 5000, 1) == Ids{2});
        CHECK(claim(*f.ledger, 1003, 5000) == Ids{3});
        CHECK(claim(*f.ledger, 4999, 9000) == Ids{});
        CHECK(next(*f.ledger) == 5000);
        forget(*f.ledger, notice(2, 2, 1));
        REQUIRE(f.ledger->write([&](Transaction &t) -> base::Result<void> {
            const auto again = TRY(t.claim_notices(from_unix_ms(5000), from_unix_ms(6000), 1));
            REQUIRE(again.size() == 1);
            Notice expected = notice(1, 1, 1);
            expected.attempts = 2;
            expected.due = from_unix_ms(6000);
            CHECK(again.front() == expected);
            expected.due = from_unix_ms(70'000); // as a sender says after a failure
            return t.put(expected);
        }));
        CHECK(claim(*f.ledger, 60'000, 61'000) == Ids{3});
        CHECK(next(*f.ledger) == 61'000);
    }
}

TEST_CASE("ledger: one target hears of one reservation in order; others do not wait") {
    using Ids = std::vector<int>;
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        const std::string hook = "https://example.org/hook";
        put_all(*f.ledger,
                {notice(5, 1, 3), notice(4, 1, 4), notice(6, 1, 4, hook), notice(7, 2, 9)});
        CHECK(claim(*f.ledger, 2000, 3000) == Ids{5, 6, 7});
        CHECK(next(*f.ledger) == 3000); // not that of 4, which waits
        forget(*f.ledger, notice(5, 1, 3));
        CHECK(claim(*f.ledger, 2000, 3000) == Ids{4});
    }
}

TEST_CASE("ledger: a notice of work that fails is not kept") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        CHECK_FALSE(f.ledger->write([&](Transaction &t) -> base::Result<void> {
            TRY(t.put(notice(1, 1, 1)));
            CHECK(TRY(t.next_notice()));
            return base::fail(base::Errc::refused, "no");
        }));
        CHECK(next(*f.ledger) == -1);
    }
}

TEST_CASE("ledger: eight who claim at once, of two processes, get each notice once") {
    for (const Kind kind : k_durable) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto beside = f.another();
        std::vector<Notice> all;
        for (std::uint8_t i = 0; i < 100; ++i)
            all.push_back(notice(i, i, 1));
        put_all(*f.ledger, all);
        std::mutex mutex;
        std::multiset<int> got;
        std::vector<std::thread> threads;
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&, i] {
                ledger::Ledger &l = i % 2 == 0 ? *f.ledger : *beside;
                for (auto ids = claim(l, 2000, 9000, 3); !ids.empty();
                     ids = claim(l, 2000, 9000, 3)) {
                    const std::scoped_lock lock{mutex};
                    got.insert(ids.begin(), ids.end());
                }
            });
        for (std::thread &t : threads)
            t.join();
        // Whoever found all of its rows locked gave up early; what it left is there.
        for (const int id : claim(*f.ledger, 2000, 9000))
            got.insert(id);
        CHECK(got.size() == 100);
        CHECK(std::set<int>(got.begin(), got.end()).size() == 100);
    }
}
