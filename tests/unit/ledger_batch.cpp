// Works that are written together: what each of them sees, and what is left of them.
#include "ledger/postgres_db.hpp"
#include "ledger/sqlite_db.hpp"
#include "ledger_fixture.hpp"

#include <set>
#include <thread>

namespace {

using namespace ledger_test;
using base::Result;
using base::UtcTime;

template <typename Test> void each_durable(const Test &test) {
    for (const Kind kind : k_durable) {
        CAPTURE(kind);
        Fixture f{kind};
        test(f);
    }
}

Result<void> refused() {
    return base::fail(base::Errc::refused, "no");
}

std::int64_t used(const resv::Timetable &t, const std::string &resource, std::int64_t at_s) {
    const UtcTime at = from_unix_ms(at_s * 1000);
    return t.levels(resource, {at, at + Seconds{1}}).front().used;
}

const resv::Span k_reach{from_unix_ms(0), from_unix_ms(1'000'000)};

std::int64_t used_now(Transaction &t, const std::string &resource, std::int64_t at_s,
                      const std::optional<base::Id> &except = {}) {
    const auto taken = t.taken({resource}, k_reach, from_unix_ms(0), except);
    REQUIRE(taken);
    return used(*taken, resource, at_s);
}

// Behind the ledger's back: without raising the serial by which it knows that others wrote.
void put_behind(const Fixture &f, const char *sql) {
    if (f.kind == Kind::sqlite) {
        auto raw = ledger::Database::open(f.folder / "l.sqlite", ledger::Database::Mode::existing);
        REQUIRE(raw);
        REQUIRE(raw->execute(sql));
    } else {
        const auto raw = ledger::PostgresConnection::open(f.uri);
        REQUIRE(raw);
        REQUIRE((*raw)->execute(sql));
    }
}

// Waits until works are told from memory what is taken: it does not see what came behind its back.
void await_memory(Fixture &f) {
    put_behind(f, f.kind == Kind::sqlite
                      ? "INSERT INTO demands VALUES ('behind', 1, x'00', 999999, 1, NULL)"
                      : "INSERT INTO demands VALUES ('behind', 1, '\\x00', 999999, 1, NULL)");
    const auto deadline = std::chrono::steady_clock::now() + Seconds{20};
    for (bool quick = false; !quick;) {
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        put_behind(f, "UPDATE demands SET units = units + 1 WHERE resource = 'behind'");
        CHECK_FALSE(f.ledger->write([&](Transaction &t) -> Result<void> {
            const resv::Timetable sure{TRY(t.loads({"behind"}, k_reach, from_unix_ms(0), {}))};
            quick = used_now(t, "behind", 10) != used(sure, "behind", 10);
            return refused();
        }));
    }
}

ledger::HistoryEntry entry(const Booking &b) {
    return {.reservation = b.id, .sequence = 1, .text = "{}", .hash = {}};
}

} // namespace

TEST_CASE("ledger: a work sees what it and those before it took, from memory as from the rows") {
    each_durable([](Fixture &f) {
        auto early = booking(1, 100, 200);
        auto hold = booking(2, 100, 200);
        hold.life.state = resv::State::held;
        hold.life.hold_expires = from_unix_ms(50'000);
        REQUIRE(f.ledger->write([&](Transaction &t) { return t.add(early, {{"x", 1}}); }));
        await_memory(f);
        CHECK(f.ledger->write([&](Transaction &t) -> Result<void> {
            CHECK(used_now(t, "x", 150) == 1);
            TRY(t.add(hold, {{"x", 2}, {"y", 1}}));
            CHECK(used_now(t, "x", 150) == 3);
            CHECK(used_now(t, "x", 150, early.id) == 2); // what is a draft is among the rows
            CHECK(used_now(t, "y", 150) == 1);
            return {};
        }));
        CHECK_FALSE(f.ledger->write([&](Transaction &t) -> Result<void> {
            TRY(t.add(booking(3, 100, 200), {{"x", 4}}));
            TRY(t.put(early, {}));
            CHECK(used_now(t, "x", 150) == 6);
            return refused();
        }));
        CHECK(f.ledger->write([&](Transaction &t) -> Result<void> {
            CHECK(used_now(t, "x", 150) == 3);
            CHECK_FALSE(TRY(t.booking(booking(3, 0, 1).id)));
            const auto later = TRY(t.taken({"x"}, k_reach, from_unix_ms(50'000), {}));
            CHECK(used(later, "x", 150) == 1); // the hold is over
            early.life.window.end = from_unix_ms(120'000);
            TRY(t.put(early, {{"x", 1}}));
            CHECK(used_now(t, "x", 110) == 3);
            CHECK(used_now(t, "x", 150) == 2);
            return {};
        }));
    });
}

TEST_CASE("ledger: of works side by side, those refused leave nothing, and the others all") {
    constexpr std::uint8_t k_clients = 16;
    constexpr std::uint8_t k_each = 8;
    each_durable([](Fixture &f) {
        std::vector<std::jthread> clients;
        for (std::uint8_t c = 0; c < k_clients; ++c)
            clients.emplace_back([&f, c] {
                for (std::uint8_t n = 0; n < k_each; ++n) {
                    Booking b = booking(n, 100, 200);
                    b.id.bytes[0] = c;
                    const bool good = n % 3 != 0;
                    const bool looks = n % 4 == 1; // which makes a savepoint of its own
                    const auto done = f.ledger->write([&](Transaction &t) -> Result<void> {
                        TRY(t.put(entry(b)));
                        b.feed_serial = TRY(t.next_feed_serial("r1"));
                        TRY(t.add(b, {{"x", 1}}));
                        TRY(t.put_settings_serial(b.id, 7));
                        if (looks)
                            CHECK(TRY(t.history(b.id)).size() == 1);
                        CHECK(TRY(t.booking(b.id))->settings_serial == 7);
                        return good ? Result<void>{} : refused();
                    });
                    CHECK(done.has_value() == good);
                }
            });
        clients.clear();
        REQUIRE(f.ledger->read([&](Transaction &t) -> Result<void> {
            std::set<std::int64_t> serials;
            const auto all = TRY(t.bookings(""));
            for (const Booking &b : all) {
                CHECK(b.id.bytes[15] % 3 != 0);
                CHECK(b.settings_serial == 7);
                CHECK(TRY(t.history(b.id)).size() == 1);
                serials.insert(b.feed_serial);
            }
            CHECK(all.size() == k_clients * 5U);
            CHECK(serials.size() == all.size());
            std::size_t entries = 0;
            TRY(t.each_history([&](const ledger::HistoryEntry &) -> Result<void> {
                ++entries;
                return {};
            }));
            CHECK(entries == all.size());
            CHECK(used_now(t, "x", 150) == static_cast<std::int64_t>(all.size()));
            return {};
        }));
    });
}

TEST_CASE("ledger: a new one of an id that is there is our mistake, and nobody else's") {
    each_durable([](Fixture &f) {
        REQUIRE(f.ledger->write(
            [](Transaction &t) { return t.add(booking(1, 100, 200), {{"x", 1}}); }));
        std::vector<std::jthread> clients;
        for (std::uint8_t c = 1; c <= 8; ++c)
            clients.emplace_back([&f, c] {
                const auto done = f.ledger->write(
                    [c](Transaction &t) { return t.add(booking(c, 100, 200), {{"x", 1}}); });
                CHECK(done.has_value() == (c != 1));
            });
        clients.clear();
        REQUIRE(f.ledger->read([](Transaction &t) -> Result<void> {
            CHECK(TRY(t.bookings("")).size() == 8);
            CHECK(used_now(t, "x", 150) == 8);
            return {};
        }));
    });
}

TEST_CASE("ledger: what another process does to a party, the next work sees") {
    each_durable([](Fixture &f) {
        const auto other = f.another();
        ledger::Party alice{.name = "alice",
                            .role = ledger::Role::distributor,
                            .sign_key = {1},
                            .box_key = {},
                            .enrolled = from_unix_ms(1),
                            .seen = {}};
        const auto former = alice;
        const auto put = [&](ledger::Ledger &l) {
            REQUIRE(l.write([&](Transaction &t) { return t.put(alice); }));
        };
        const auto check = [&] {
            REQUIRE(f.ledger->write([&](Transaction &t) -> Result<void> {
                CHECK(TRY(t.party_by_name("alice")) == alice);
                CHECK(TRY(t.party_by_key(alice.id())) == alice);
                return {};
            }));
        };
        put(*f.ledger);
        check();
        alice.sign_key = {2};
        put(*other);
        check();
        CHECK_FALSE(f.ledger->write([&](Transaction &t) -> Result<void> {
            TRY(t.put(former));
            CHECK(TRY(t.party_by_name("alice")) == former);
            CHECK_FALSE(TRY(t.party_by_key(alice.id())));
            return refused();
        }));
        check();
        REQUIRE(other->write([&](Transaction &t) { return t.remove_party("alice"); }));
        REQUIRE(f.ledger->write([&](Transaction &t) -> Result<void> {
            CHECK_FALSE(TRY(t.party_by_name("alice")));
            CHECK_FALSE(TRY(t.party_by_key(alice.id())));
            return {};
        }));
    });
}

TEST_CASE("ledger: answers that many works ask for are found whoever is looked ahead for") {
    each_durable([](Fixture &f) {
        constexpr int k_kept = 5;
        const auto key = [](int i) { return ledger::AnswerKey{"alice", std::to_string(i)}; };
        for (int i = 0; i < k_kept; ++i)
            REQUIRE(f.ledger->write([&](Transaction &t) {
                return t.put(ledger::StoredAnswer{.by = "alice",
                                                  .key = key(i).key,
                                                  .request = {},
                                                  .status = 201,
                                                  .body = "of " + key(i).key,
                                                  .created = {}});
            }));
        std::vector<std::jthread> clients;
        for (int i = 0; i < 11; ++i)
            clients.emplace_back([&, i] {
                const auto done = f.ledger->write_once(
                    [&](Transaction &t) -> Result<void> {
                        const auto found = TRY(t.answer("alice", key(i).key));
                        CHECK(found.has_value() == (i < k_kept));
                        CHECK((!found || found->body == "of " + key(i).key));
                        CHECK_FALSE(TRY(t.answer("bob", key(i).key)));
                        return {};
                    },
                    key(i));
                CHECK(done);
            });
    });
}
