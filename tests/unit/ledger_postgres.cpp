// What is PostgreSQL's own: others at the same time, a server that goes away, a foreign database.
#include "ledger/postgres.hpp"
#include "ledger/postgres_db.hpp"
#include "postgres_server.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <thread>

namespace {

using base::Errc;
using base::from_unix_ms;
using ledger::Booking;
using ledger::Transaction;

std::unique_ptr<ledger::Ledger> opened(const std::string &uri) {
    auto out = ledger::open_postgres_ledger(uri);
    REQUIRE_MESSAGE(out, out.error().message);
    return std::move(*out);
}

std::string made() {
    std::string uri = postgres_test::empty_database();
    const auto done = ledger::create_postgres_ledger(uri);
    REQUIRE_MESSAGE(done, done.error().message);
    return uri;
}

void execute(const std::string &uri, const char *sql) {
    REQUIRE(ledger::PostgresConnection::open(uri).value()->execute(sql));
}

Booking booking(std::uint8_t number) {
    Booking b;
    b.id.bytes[15] = number;
    b.owner = "alice";
    b.life.window.start = from_unix_ms(100);
    b.life.window.end = from_unix_ms(200);
    b.request.start = b.life.window.start;
    b.request.end = b.life.window.end;
    b.request.rate = {1};
    b.request.carriers = {"a"};
    return b;
}

ledger::Party party(std::uint8_t key) {
    return {.name = "alice",
            .role = ledger::Role::distributor,
            .sign_key = {key},
            .box_key = {},
            .enrolled = from_unix_ms(1),
            .seen = {}};
}

// Until somebody waits for a lock.
void wait_for_waiter(const std::string &uri) {
    const auto c = ledger::PostgresConnection::open(uri).value();
    for (std::int64_t waiting = 0; waiting == 0; c->end_read()) {
        c->begin(ledger::PostgresConnection::Mode::read);
        waiting = c->number("SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
                            "(SELECT oid FROM pg_database WHERE datname = current_database())")
                      .value()
                      .value();
    }
}

// Two works at once, the second of which begins when the first is half done.
template <typename First, typename Second> void side_by_side(First first, Second second) {
    std::atomic<bool> half = false;
    std::thread other([&] {
        while (!half)
            std::this_thread::yield();
        second();
    });
    first(half);
    other.join();
}

} // namespace

TEST_CASE("ledger: PostgreSQL: what is no ledger of this version is refused") {
    const std::string uri = postgres_test::empty_database();
    const auto opens = [&](const std::string &at) {
        const auto l = ledger::open_postgres_ledger(at);
        return l ? base::Error{} : l.error();
    };
    CHECK(opens(uri).code == Errc::no_input);
    CHECK(opens(uri).hint.find("resv-control init") != std::string::npos);
    CHECK_FALSE(ledger::has_postgres_ledger(uri).value());
    REQUIRE(ledger::create_postgres_ledger(uri));
    CHECK(ledger::has_postgres_ledger(uri).value());
    opened(uri);
    execute(uri, "INSERT INTO slotcast.serials VALUES ('kept', 7)");
    REQUIRE(ledger::create_postgres_ledger(uri)); // changes nothing
    execute(uri, "DO $$ BEGIN ASSERT (SELECT value FROM serials WHERE name = 'kept') = 7; END $$");
    execute(uri, "UPDATE slotcast.ledger SET version = 999");
    CHECK(opens(uri).code == Errc::bad_data);
    CHECK(opens(uri).message.find("999") != std::string::npos);

    const auto folder = uri.substr(uri.find("?host="));
    CHECK(opens("postgresql://postgres@/nothing_there" + folder).code == Errc::no_input);
    CHECK(opens("postgresql://stranger@/postgres" + folder).code == Errc::not_permitted);
    CHECK(opens("postgresql:///x?host=/nowhere").code == Errc::unavailable);
    for (const char *bad : {"postgresql://u:secret@/x", "postgresql:///x?password=secret",
                            "host=/x dbname=y", "mysql:///x", "postgresql:///x?nonsense=1"}) {
        CAPTURE(bad);
        CHECK(opens(bad).code == Errc::config);
        CHECK(opens(bad).message.find("secret") == std::string::npos);
    }
}

TEST_CASE("ledger: PostgreSQL: a channel is not taken twice even without a lock") {
    const auto l = opened(made());
    const auto put = [&](std::uint8_t number, const char *resource) {
        return l->write([&](Transaction &t) { return t.put(booking(number), {{resource, 1}}); });
    };
    REQUIRE(put(1, "channel:one"));
    REQUIRE(put(2, "relay:r1:streams"));
    REQUIRE(put(3, "relay:r1:streams"));
    const auto second = put(4, "channel:one");
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::bug);
    REQUIRE(put(5, "channel:two"));
    REQUIRE(put(1, "channel:one")); // itself is not in the way
}

TEST_CASE("ledger: PostgreSQL: a dead hold is not in the way of a channel") {
    const auto l = opened(made());
    Booking held = booking(1);
    held.life.state = resv::State::held;
    held.life.hold_expires = from_unix_ms(50);
    REQUIRE(l->write([&](Transaction &t) { return t.put(held, {{"channel:one", 1}}); }));
    REQUIRE(l->write([&](Transaction &t) -> base::Result<void> {
        TRY(t.lock({"channel:one"}, from_unix_ms(50)));
        return t.put(booking(2), {{"channel:one", 1}});
    }));
}

TEST_CASE("ledger: PostgreSQL: works that wait for each other in a circle are both done") {
    const auto l = opened(made());
    for (const std::uint8_t i : {std::uint8_t{1}, std::uint8_t{2}})
        REQUIRE(l->write([&](Transaction &t) { return t.put(booking(i), {}); }));
    std::atomic<int> begun = 0;
    const auto work = [&](std::uint8_t first, std::uint8_t second) {
        bool once = true;
        return l->write([&](Transaction &t) -> base::Result<void> {
            auto b = *TRY(t.booking(booking(first).id));
            for (++begun; once && begun < 2;)
                std::this_thread::yield();
            once = false;
            TRY(t.booking(booking(second).id));
            ++b.revision;
            return t.put(b, {});
        });
    };
    std::thread other([&] { CHECK(work(2, 1)); });
    CHECK(work(1, 2));
    other.join();
    CHECK(begun == 3); // one of them twice
    REQUIRE(l->read([&](Transaction &t) -> base::Result<void> {
        for (const std::uint8_t i : {std::uint8_t{1}, std::uint8_t{2}})
            CHECK(TRY(t.booking(booking(i).id))->revision == 2);
        return {};
    }));
}

TEST_CASE("ledger: PostgreSQL: the same request twice at once is done once") {
    const std::string uri = made();
    const auto l = opened(uri);
    int done = 0;
    const ledger::StoredAnswer answer{.by = "alice",
                                      .key = "k",
                                      .request = {},
                                      .status = 201,
                                      .body = "first",
                                      .created = from_unix_ms(1)};
    const auto work = [&](std::atomic<bool> *half) {
        return l->write([&](Transaction &t) -> base::Result<void> {
            if (TRY(t.answer("alice", "k")))
                return {};
            if (half != nullptr) {
                *half = true;
                wait_for_waiter(uri);
            }
            ++done;
            return t.put(answer);
        });
    };
    side_by_side([&](auto &half) { CHECK(work(&half)); }, [&] { CHECK(work(nullptr)); });
    CHECK(done == 1);
}

TEST_CASE(
    "ledger: PostgreSQL: a party that got new keys meanwhile does not get the old ones back") {
    const auto l = opened(made());
    REQUIRE(l->write([&](Transaction &t) { return t.put(party(1)); }));
    int runs = 0;
    REQUIRE(l->write([&](Transaction &t) -> base::Result<void> {
        auto p = TRY(t.party_by_key(party(1).id()));
        if (++runs == 1)
            REQUIRE(l->write([&](Transaction &u) { return u.put(party(2)); }));
        if (!p)
            return {}; // it is unknown now
        p->seen = from_unix_ms(5);
        return t.put(*p);
    }));
    CHECK(runs == 2);
    REQUIRE(l->read([&](Transaction &t) -> base::Result<void> {
        CHECK(TRY(t.party_by_name("alice")) == party(2));
        return {};
    }));
}

TEST_CASE(
    "ledger: PostgreSQL: a process hears of what another one did, in less than it takes to look") {
    const std::string uri = made();
    const auto here = opened(uri);
    const auto there = opened(uri);
    std::atomic<int> heard = 0;
    const auto await = [&](int count) {
        const auto begun = std::chrono::steady_clock::now();
        while (heard < count)
            REQUIRE(std::chrono::steady_clock::now() - begun < std::chrono::seconds{20});
    };
    const auto watch = here->watch([&] { ++heard; });
    const auto other_watch = there->watch([] {});
    await(1); // what was before
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < 8; ++i) {
        const auto done = there->write([&](Transaction &t) -> base::Result<void> {
            TRY(t.next_feed_serial("r1"));
            return {};
        });
        REQUIRE(done);
        await(2 + i);
    }
    // By looking alone it would take a second each.
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{4});
    CHECK_FALSE(ledger::make_memory_ledger()->watch([] {}));
}

TEST_CASE("ledger: PostgreSQL: a server that goes away costs time, not the work") {
    const postgres_test::Server server; // nobody else's
    const std::string uri = server.database();
    REQUIRE(ledger::create_postgres_ledger(uri));
    const auto l = opened(uri);
    std::atomic<int> heard = 0;
    const auto watch = l->watch([&] { ++heard; });
    for (const bool crash : {false, true}) {
        CAPTURE(crash);
        int runs = 0;
        const auto number = static_cast<std::uint8_t>(crash ? 2 : 1);
        REQUIRE(l->write([&](Transaction &t) -> base::Result<void> {
            TRY(t.put(booking(number), {}));
            if (++runs == 1)
                server.restart(crash);
            return {};
        }));
        CHECK(runs == 2);
        server.restart(crash); // between works
        REQUIRE(l->read([&](Transaction &t) -> base::Result<void> {
            CHECK(TRY(t.booking(booking(number).id)));
            return {};
        }));
        const int before = heard;
        REQUIRE(ledger::open_postgres_ledger(uri).value()->write(
            [](Transaction &t) -> base::Result<void> {
                TRY(t.next_feed_serial("r1"));
                return {};
            }));
        while (heard == before) // it listens again
            std::this_thread::yield();
    }
}
