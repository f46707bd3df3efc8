// Ledgers that an earlier version made.
#include "ledger/sqlite.hpp"
#include "ledger/sqlite_db.hpp"
#include "resv/quota.hpp"

#include <doctest/doctest.h>

using base::from_unix_ms;
using ledger::Transaction;

TEST_CASE("ledger: one of version 1 becomes one of this version, with all that it has") {
    std::string folder = (std::filesystem::temp_directory_path() / "ledger.XXXXXX").native();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const auto path = std::filesystem::path(folder) / "l.sqlite";
    REQUIRE(ledger::create_sqlite_ledger(path));
    ledger::Booking b;
    b.id.bytes[0] = 7;
    b.owner = "alice";
    b.relay = "r1";
    b.life.window = {.start = from_unix_ms(20'000),
                     .end = from_unix_ms(30'000),
                     .lead_in = base::Seconds{1},
                     .drain = base::Seconds{2}};
    b.request.start = b.life.window.start;
    b.request.end = b.life.window.end;
    b.request.rate = {1};
    b.request.carriers = {"a"};
    REQUIRE((*ledger::open_sqlite_ledger(path, ledger::Verify::no))->write([&](Transaction &t) {
        return t.put(b, {{"channel:one", 1}});
    }));
    {
        auto db = ledger::Database::open(path, ledger::Database::Mode::existing);
        REQUIRE(db);
        REQUIRE(db->execute("ALTER TABLE reservations DROP COLUMN fee_minor;"
                            "ALTER TABLE reservations DROP COLUMN fee_currency;"
                            "DROP INDEX reservations_airtime; DROP INDEX reservations_ahead;"
                            "PRAGMA user_version = 1"));
    }
    for (const auto verify : {ledger::Verify::yes, ledger::Verify::no}) {
        const auto opened = ledger::open_sqlite_ledger(path, verify);
        REQUIRE_MESSAGE(opened, opened.error().message);
        REQUIRE((*opened)->read([&](Transaction &t) -> base::Result<void> {
            const auto got = TRY(t.booking(b.id));
            REQUIRE(got);
            CHECK(got->life.window == b.life.window);
            CHECK_FALSE(got->fee);
            // Quotas count what was booked before there were any, once.
            const auto loads = TRY(t.loads({from_unix_ms(0), from_unix_ms(90'000)}, {}, {}));
            REQUIRE(loads.size() == 2);
            CHECK(loads[1].resource == resv::at_once_resource("alice"));
            CHECK(loads[1].span == resv::occupied(b.life.window));
            return {};
        }));
    }
    std::filesystem::remove_all(folder);
}
