#include "ledger_fixture.hpp"

using namespace ledger_test;

TEST_CASE("ledger: a series comes back with the bookings that name it") {
    for (const Kind kind : k_kinds) {
        CAPTURE(kind);
        Fixture f{kind};
        ledger::Series series{.id = {},
                              .owner = "alice",
                              .repeat = "FREQ=DAILY;COUNT=2",
                              .zone = "Europe/Berlin",
                              .created = from_unix_ms(7)};
        series.id.bytes[0] = 9;
        REQUIRE(f.ledger->write([&](Transaction &t) -> base::Result<void> {
            TRY(t.put(series));
            for (const std::uint8_t number : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
                Booking b = booking(number, 100, 200);
                if (number < 3)
                    b.series = series.id;
                TRY(t.put(b, {}));
            }
            return {};
        }));
        if (kind != Kind::memory)
            f.open();
        REQUIRE(f.ledger->read([&](Transaction &t) -> base::Result<void> {
            CHECK(TRY(t.series(series.id)) == series);
            CHECK_FALSE(TRY(t.series(base::Id{})));
            const auto of = TRY(t.bookings_of(series.id));
            REQUIRE(of.size() == 2);
            CHECK(of[0].series == series.id);
            CHECK(of[1].id == booking(2, 0, 1).id);
            CHECK(TRY(t.bookings_of(base::Id{})).empty());
            CHECK_FALSE(TRY(t.booking(booking(3, 0, 1).id))->series);
            return {};
        }));
    }
}
