// What every ledger promises, held against each of them.
#include "base/file.hpp"
#include "ledger_fixture.hpp"

#include <atomic>
#include <future>
#include <thread>

namespace {

using namespace ledger_test;

std::vector<resv::Load> loads_of(ledger::Ledger &l, std::int64_t from_s, std::int64_t to_s,
                                 std::int64_t now_s = 0, std::optional<base::Id> except = {}) {
    std::vector<resv::Load> out;
    REQUIRE(l.read([&](Transaction &t) -> base::Result<void> {
        out = TRY(t.loads({"x", "y"}, {from_unix_ms(from_s * 1000), from_unix_ms(to_s * 1000)},
                          from_unix_ms(now_s * 1000), except));
        return {};
    }));
    return out;
}

void put(ledger::Ledger &l, const Booking &b, const std::vector<resv::Demand> &demands) {
    REQUIRE(l.write([&](Transaction &t) { return t.put(b, demands); }));
}

} // namespace

TEST_CASE("ledger: a booking comes back as it was put") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        Booking b = booking(1, 100, 200);
        b.life.state = resv::State::held;
        b.life.hold_expires = from_unix_ms(50'000);
        b.feed_serial = 4;
        b.fee = resv::Money{.minor = 12'500, .currency = "EUR"};
        b.generation = 0xffffffff;
        b.request.disclosure = resv::Disclosure::password;
        b.request.password_hash = "$argon2id$";
        put(*f.ledger, b, {});
        REQUIRE(f.ledger->read([&](Transaction &t) -> base::Result<void> {
            const auto got = TRY(t.booking(b.id));
            REQUIRE(got);
            CHECK(got->request == b.request);
            CHECK(got->life.window == b.life.window);
            CHECK(got->fee == b.fee);
            CHECK(got->life.hold_expires == b.life.hold_expires);
            CHECK(got->life.state == b.life.state);
            CHECK(got->owner == b.owner);
            CHECK(got->ticket_id == b.ticket_id);
            CHECK(got->generation == b.generation);
            CHECK(got->created == b.created);
            CHECK_FALSE(got->first_media);
            CHECK_FALSE(TRY(t.booking(base::Id{})));
            CHECK(TRY(t.bookings("alice")).size() == 1);
            CHECK(TRY(t.bookings("bob")).empty());
            CHECK(TRY(t.bookings("")).size() == 1);
            CHECK(TRY(t.changed("r1", 3)).size() == 1);
            CHECK(TRY(t.changed("r1", 4)).empty());
            CHECK(TRY(t.changed("r2", 0)).empty());
            return {};
        }));
    }
}

TEST_CASE("ledger: loads are what overlaps, without dead holds and the one left out") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        put(*f.ledger, booking(1, 100, 200), {{"x", 2}, {"y", 3}});
        Booking held = booking(2, 150, 1000);
        held.life.state = resv::State::held;
        held.life.hold_expires = from_unix_ms(60'000);
        put(*f.ledger, held, {{"x", 1}, {"z", 1}});
        const auto holds = [&](std::int64_t at_s) {
            std::int64_t count = -1;
            REQUIRE(f.ledger->read([&](Transaction &t) -> base::Result<void> {
                count = TRY(t.holds(from_unix_ms(at_s * 1000)));
                return {};
            }));
            return count;
        };
        CHECK(holds(59) == 1);
        CHECK(holds(60) == 0);
        CHECK(loads_of(*f.ledger, 0, 100).empty());
        CHECK(loads_of(*f.ledger, 0, 101).size() == 2);
        CHECK(loads_of(*f.ledger, 199, 200).size() == 3);
        CHECK(loads_of(*f.ledger, 200, 300).size() == 1);
        CHECK(loads_of(*f.ledger, 900, 901).size() == 1);
        CHECK(loads_of(*f.ledger, 1000, 1001).empty());
        CHECK(loads_of(*f.ledger, 160, 170, 59).size() == 3);
        CHECK(loads_of(*f.ledger, 160, 170, 60).size() == 2);
        CHECK(loads_of(*f.ledger, 160, 170, 0, held.id).size() == 2);
        put(*f.ledger, booking(1, 100, 200), {}); // cancelled
        CHECK(loads_of(*f.ledger, 0, 150).empty());
    }
}

TEST_CASE("ledger: work that fails leaves nothing behind") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto failed = f.ledger->write([&](Transaction &t) -> base::Result<void> {
            TRY(t.put(booking(1, 100, 200), {{"x", 1}}));
            CHECK(TRY(t.booking(booking(1, 0, 1).id)));
            CHECK(TRY(t.next_feed_serial("r1")) == 1);
            return base::fail(base::Errc::refused, "no");
        });
        REQUIRE_FALSE(failed);
        CHECK(failed.error().message == "no");
        CHECK(loads_of(*f.ledger, 0, 1000).empty());
        REQUIRE(f.ledger->write([&](Transaction &t) -> base::Result<void> {
            CHECK(TRY(t.next_feed_serial("r1")) == 1);
            CHECK(TRY(t.next_feed_serial("r1")) == 2);
            CHECK(TRY(t.next_feed_serial("r2")) == 1);
            return {};
        }));
    }
}

TEST_CASE("ledger: parties, tokens and answers come back; old ones, old demands too, are pruned") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        ledger::Party alice{.name = "alice",
                            .role = ledger::Role::operator_,
                            .sign_key = {1},
                            .box_key = {2},
                            .enrolled = from_unix_ms(3),
                            .seen = from_unix_ms(4),
                            .account = 7};
        const auto old_key = alice.id();
        ledger::Token token{.hash = {5},
                            .name = "r1",
                            .role = ledger::Role::relay,
                            .expires = from_unix_ms(100),
                            .used_by = {}};
        const ledger::StoredAnswer answer{.by = "alice",
                                          .key = "k",
                                          .request = {6},
                                          .status = 201,
                                          .body = "{}",
                                          .created = from_unix_ms(50)};
        Booking past = booking(1, 0, 1);
        past.life.window.end = from_unix_ms(50);
        const auto taken = [](Transaction &t) {
            return t.loads({"x"}, {from_unix_ms(0), from_unix_ms(9000)}, from_unix_ms(0), {});
        };
        REQUIRE(f.ledger->write([&](Transaction &t) -> base::Result<void> {
            TRY(t.put(past, {{"x", 1}}));
            TRY(t.put(booking(2, 0, 1), {{"x", 1}}));
            TRY(t.put(alice));
            TRY(t.put(token));
            TRY(t.put(answer));
            CHECK(TRY(t.party_by_key(old_key)) == alice);
            CHECK(TRY(t.party_by_name("alice")) == alice);
            CHECK_FALSE(TRY(t.party_by_name("bob")));
            CHECK(TRY(t.token(token.hash)) == token);
            token.used_by = old_key;
            TRY(t.put(token));
            CHECK(TRY(t.token(token.hash)) == token);
            CHECK(TRY(t.answer("alice", "k")) == answer);
            CHECK_FALSE(TRY(t.answer("bob", "k")));
            alice.sign_key = {9}; // a new terminal
            TRY(t.put(alice));
            CHECK_FALSE(TRY(t.party_by_key(old_key)));
            CHECK(TRY(t.parties()).size() == 1);
            TRY(t.prune(from_unix_ms(50), from_unix_ms(100)));
            CHECK(TRY(t.answer("alice", "k")));
            CHECK(TRY(t.token(token.hash)));
            CHECK(TRY(taken(t)).size() == 2);
            TRY(t.prune(from_unix_ms(51), from_unix_ms(101)));
            CHECK_FALSE(TRY(t.answer("alice", "k")));
            CHECK_FALSE(TRY(t.token(token.hash)));
            CHECK(TRY(taken(t)).size() == 1);
            CHECK(TRY(t.booking(past.id))); // it stays
            return {};
        }));
    }
}

TEST_CASE("ledger: former keys come back by id and by name; revoked ones are never pruned") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        ledger::FormerKey old{.sign_key = {1}, .name = "alice", .until = from_unix_ms(50)};
        const ledger::FormerKey lost{
            .sign_key = {2}, .name = "alice", .until = from_unix_ms(40), .revoked = true};
        const ledger::Party alice{.name = "alice",
                                  .sign_key = {3},
                                  .box_key = {4},
                                  .enrolled = from_unix_ms(3),
                                  .seen = {}};
        REQUIRE(f.ledger->write([&](Transaction &t) -> base::Result<void> {
            TRY(t.put(alice));
            TRY(t.put(old));
            TRY(t.put(lost));
            TRY(t.put(ledger::FormerKey{.sign_key = {5}, .name = "bob", .until = from_unix_ms(1)}));
            CHECK(TRY(t.former_key(old.id())) == old);
            CHECK_FALSE(TRY(t.former_key(alice.id())));
            CHECK(TRY(t.former_keys("alice")) == std::vector{lost, old});
            CHECK(TRY(t.former_keys("")).size() == 3);
            TRY(t.prune(from_unix_ms(50), from_unix_ms(0)));
            CHECK(TRY(t.former_keys("bob")).empty());
            CHECK(TRY(t.former_keys("alice")).size() == 2);
            old.until = from_unix_ms(49);
            TRY(t.put(old));
            CHECK(TRY(t.former_key(old.id())) == old);
            TRY(t.prune(from_unix_ms(50), from_unix_ms(0)));
            CHECK(TRY(t.former_keys("alice")) == std::vector{lost});
            TRY(t.remove_party("alice"));
            TRY(t.remove_party("nobody"));
            CHECK_FALSE(TRY(t.party_by_key(alice.id())));
            CHECK_FALSE(TRY(t.party_by_name("alice")));
            return {};
        }));
    }
}

TEST_CASE("ledger: a feed that another process changed is heard of") {
    for (const Kind kind : k_durable) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto beside = f.another();
        std::promise<void> heard;
        std::atomic<bool> armed = false;
        const auto watch = f.ledger->watch([&] {
            if (armed.exchange(false)) // at the start it may be called, too
                heard.set_value();
        });
        REQUIRE(watch);
        auto future = heard.get_future();
        std::this_thread::sleep_for(std::chrono::milliseconds{300});
        armed = true;
        REQUIRE(beside->write([](Transaction &t) -> base::Result<void> {
            TRY(t.next_feed_serial("r1"));
            return {};
        }));
        CHECK(future.wait_for(std::chrono::seconds{10}) == std::future_status::ready);
    }
}

TEST_CASE("ledger: the signing key's id is kept, the last one") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        REQUIRE(f.ledger->write([&](Transaction &t) -> base::Result<void> {
            CHECK_FALSE(TRY(t.signing_key()));
            TRY(t.put_signing_key(seal::KeyId{{1}}));
            return t.put_signing_key(seal::KeyId{{2}});
        }));
        if (kind != Kind::memory)
            f.open();
        REQUIRE(f.ledger->read([&](Transaction &t) -> base::Result<void> {
            CHECK(TRY(t.signing_key()) == seal::KeyId{{2}});
            return {};
        }));
    }
}

TEST_CASE("ledger: eight threads that check and insert never take more than there is") {
    for (const Kind kind : k_durable) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto beside = f.another(); // half of them are of another process, so to say
        const resv::Capacity capacity{{"x", 3}};
        const std::vector<resv::Demand> one{{"x", 1}};
        std::atomic<int> admitted = 0;
        std::atomic<std::uint8_t> next = 1;
        const auto work = [&](ledger::Ledger &l) {
            for (int i = 0; i < 12; ++i) {
                const Booking b = booking(next++, 100, 200);
                const auto done = l.write([&](Transaction &t) -> base::Result<void> {
                    const auto span = resv::occupied(b.life.window);
                    TRY(t.lock({"x"}, from_unix_ms(0)));
                    if (!resv::shortages(capacity, TRY(t.loads({"x"}, span, from_unix_ms(0), {})),
                                         span, one)
                             .empty())
                        return base::fail(base::Errc::refused, "full");
                    return t.put(b, one);
                });
                if (done)
                    ++admitted;
                else
                    CHECK(done.error().message == "full");
            }
        };
        std::vector<std::thread> threads;
        threads.reserve(8);
        for (int i = 0; i < 8; ++i)
            threads.emplace_back([&, i] { work(i % 2 == 0 ? *f.ledger : *beside); });
        for (std::thread &t : threads)
            t.join();
        CHECK(admitted == 3);
        CHECK(loads_of(*f.ledger, 0, 1000).size() == 3);
    }
}

TEST_CASE("ledger: what was written is there after opening again") {
    for (const Kind kind : k_durable) {
        CAPTURE(kind);
        Fixture f{kind};
        put(*f.ledger, booking(1, 100, 200), {{"x", 1}});
        f.open();
        CHECK(loads_of(*f.ledger, 0, 1000).size() == 1);
        if (kind == Kind::sqlite)
            CHECK(std::filesystem::status(f.folder / "l.sqlite").permissions() ==
                  (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    }
}

TEST_CASE("ledger: a second one open at the same time sees and adds") {
    for (const Kind kind : k_durable) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto other = f.another();
        put(*other, booking(1, 100, 200), {{"x", 1}});
        CHECK(loads_of(*f.ledger, 0, 1000).size() == 1);
    }
}

TEST_CASE("ledger: usage counts what is ahead, and the time of a month") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        const auto add = [&](std::uint8_t number, std::int64_t start_s, std::int64_t end_s,
                             resv::State state, std::optional<std::int64_t> hold_s = {}) {
            Booking b = booking(number, start_s, end_s);
            b.life.state = state;
            if (hold_s)
                b.life.hold_expires = from_unix_ms(*hold_s * 1000);
            put(*f.ledger, b, {});
            return b.id;
        };
        const auto usage = [&](std::int64_t now_s, const std::optional<base::Id> &except = {}) {
            resv::Usage out;
            REQUIRE(f.ledger->read([&](Transaction &t) -> base::Result<void> {
                out = TRY(t.usage("alice", {from_unix_ms(100'000), from_unix_ms(200'000)},
                                  from_unix_ms(now_s * 1000), except));
                CHECK(TRY(t.usage("bob", {from_unix_ms(0), from_unix_ms(900'000)}, from_unix_ms(0),
                                  {}))
                          .airtime == Seconds{0});
                return {};
            }));
            return std::pair{out.ahead, std::chrono::duration_cast<Seconds>(out.airtime).count()};
        };
        using Pair = std::pair<std::int64_t, std::int64_t>;
        CHECK(usage(0) == Pair{0, 0});
        add(1, 99, 150, resv::State::booked);   // of the month before
        add(2, 100, 130, resv::State::ended);   // its first instant
        add(3, 199, 250, resv::State::active);  // its last
        add(4, 200, 250, resv::State::booked);  // of the next
        add(5, 150, 160, resv::State::no_show); // was kept from others
        add(6, 150, 160, resv::State::cancelled);
        add(7, 150, 160, resv::State::expired);
        add(8, 150, 160, resv::State::revoked);
        const auto held = add(9, 150, 157, resv::State::held, 20);
        CHECK(usage(0) == Pair{4, 30 + 51 + 10 + 7});
        CHECK(usage(0, held) == Pair{3, 30 + 51 + 10});
        CHECK(usage(20) == Pair{3, 30 + 51 + 10}); // the hold is over
        CHECK(usage(150) == Pair{2, 30 + 51 + 10});
        CHECK(usage(250) == Pair{0, 30 + 51 + 10});
    }
}
