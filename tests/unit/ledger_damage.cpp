// SQLite ledgers that are damaged, or none.
#include "base/file.hpp"
#include "ledger_fixture.hpp"

#include <chrono>

using namespace ledger_test;

TEST_CASE("ledger: what is no whole ledger is refused, and none is overwritten") {
    Fixture f{Kind::sqlite};
    const auto path = f.folder / "l.sqlite";
    CHECK_FALSE(ledger::create_sqlite_ledger(path));
    for (std::uint8_t i = 0; i < 200; ++i)
        REQUIRE(f.ledger->write(
            [&](Transaction &t) { return t.put(booking(i, 100, 200), {{"x", 1}, {"y", 1}}); }));
    f.ledger.reset();
    const auto whole = base::read_file(path, 1U << 24U).value();
    const auto opens = [&](std::string_view text) -> base::Errc {
        REQUIRE(base::write_file_atomic(path, text, 0600));
        const auto opened = ledger::open_sqlite_ledger(path, ledger::Verify::yes);
        return opened ? base::Errc::bug : opened.error().code;
    };
    CHECK(opens("") == base::Errc::bad_data);
    CHECK(opens("not a database, whatever its name says, and longer than a header") ==
          base::Errc::bad_data);
    CHECK(opens(std::string_view(whole).substr(0, whole.size() / 2)) == base::Errc::bad_data);
    std::string damaged = whole;
    for (std::size_t i = 4096; i < 4196; ++i)
        damaged[i] = static_cast<char>(~damaged[i]);
    CHECK(opens(damaged) == base::Errc::bad_data);
    const auto opened_in_haste = [&] {
        return ledger::open_sqlite_ledger(path, ledger::Verify::beside, base::Millis{0});
    };
    if (const auto late = opened_in_haste()) { // else it was quick
        const auto begun = std::chrono::steady_clock::now();
        base::Result<void> done;
        while (done && std::chrono::steady_clock::now() - begun < std::chrono::seconds{20})
            done = (*late)->read([](Transaction &) { return base::Result<void>{}; });
        REQUIRE_FALSE(done);
        CHECK(done.error().code == base::Errc::bad_data);
        CHECK((*late)->write([](Transaction &) { return base::Result<void>{}; }).error().code ==
              base::Errc::bad_data);
    }
    REQUIRE(base::write_file_atomic(path, whole, 0600));
    for (int i = 0; i < 20; ++i) { // the check ends with the ledger, wherever it is
        const auto good = opened_in_haste();
        REQUIRE(good);
        CHECK((*good)->read([](Transaction &) { return base::Result<void>{}; }));
    }
    std::filesystem::remove(path);
    const auto none = ledger::open_sqlite_ledger(path, ledger::Verify::no);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == base::Errc::no_input);
    CHECK(none.error().hint.find("init") != std::string::npos);
}
