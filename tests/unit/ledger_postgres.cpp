// What is PostgreSQL's own: others at the same time, a server that goes away, a foreign database.
#include "ledger/postgres.hpp"
#include "ledger/postgres_db.hpp"
#include "postgres_server.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <string>
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

TEST_CASE("ledger: PostgreSQL: no work of two processes is lost on the other's") {
    const std::string uri = made();
    const auto here = opened(uri);
    const auto there = opened(uri);
    REQUIRE(here->write([&](Transaction &t) { return t.put(booking(1), {}); }));
    const auto count = [](ledger::Ledger &l) {
        for (int i = 0; i < 50; ++i)
            CHECK(l.write([&](Transaction &t) -> base::Result<void> {
                auto b = *TRY(t.booking(booking(1).id));
                ++b.revision;
                return t.put(b, {});
            }));
    };
    {
        const std::jthread other([&] { count(*there); });
        const std::jthread another([&] { count(*there); });
        count(*here);
    }
    REQUIRE(here->read([&](Transaction &t) -> base::Result<void> {
        CHECK(TRY(t.booking(booking(1).id))->revision == 151);
        return {};
    }));
}

TEST_CASE("ledger: PostgreSQL: of works in one transaction, one that fails takes none with it") {
    const auto l = opened(made());
    std::atomic<int> runs = 0;
    const auto put = [&](std::uint8_t number, const char *resource, bool refuse) {
        return l->write([&, number, resource, refuse](Transaction &t) -> base::Result<void> {
            ++runs;
            TRY(t.put(booking(number), {{resource, 1}}));
            return refuse ? base::fail(Errc::refused, "no") : base::Result<void>{};
        });
    };
    const auto there = [&] {
        std::string out;
        REQUIRE(l->read([&](Transaction &t) -> base::Result<void> {
            for (const Booking &b : TRY(t.bookings("")))
                out += std::to_string(b.id.bytes[15]) + " ";
            return {};
        }));
        return out;
    };
    REQUIRE(put(1, "channel:one", false));
    std::vector<std::jthread> others;
    const auto gather = [&](std::uint8_t first, const char *last) {
        runs = 0;
        REQUIRE(l->write([&](Transaction &) -> base::Result<void> {
            others.emplace_back([&, first] { CHECK(put(first, "x", false)); });
            others.emplace_back(
                [&, first] { CHECK(put(first + 1, "x", true).error().code == Errc::refused); });
            others.emplace_back([&, first, last] { // one channel cannot be taken twice
                CHECK(put(first + 2, last, false).has_value() == (std::string_view(last) == "x"));
            });
            // Until all three wait for this one, which asking does not tell.
            std::this_thread::sleep_for(base::Millis{200});
            return {};
        }));
        others.clear();
    };
    gather(2, "x");
    CHECK(runs == 3);
    CHECK(there() == "1 2 4 ");
    gather(5, "channel:one");
    CHECK(runs > 3); // all of them once more, each by itself
    CHECK(there() == "1 2 4 5 ");
}

TEST_CASE("ledger: PostgreSQL: the same request twice at once is done once") {
    const std::string uri = made();
    const auto here = opened(uri);
    const auto there = opened(uri);
    int done = 0;
    const ledger::StoredAnswer answer{.by = "alice",
                                      .key = "k",
                                      .request = {},
                                      .status = 201,
                                      .body = "first",
                                      .created = from_unix_ms(1)};
    const auto work = [&](ledger::Ledger &l, std::atomic<bool> *half) {
        return l.write([&](Transaction &t) -> base::Result<void> {
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
    side_by_side([&](auto &half) { CHECK(work(*here, &half)); },
                 [&] { CHECK(work(*there, nullptr)); });
    CHECK(done == 1);
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
