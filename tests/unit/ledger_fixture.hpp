// One ledger of each kind, empty, and something to put into it.
#pragma once

#include "ledger/postgres.hpp"
#include "ledger/sqlite.hpp"
#include "postgres_server.hpp"

#include <array>
#include <doctest/doctest.h>
#include <filesystem>

namespace ledger_test {

using base::from_unix_ms;
using base::Seconds;
using ledger::Booking;
using ledger::Transaction;

enum class Kind { memory, sqlite, postgres };
inline constexpr std::array k_kinds{Kind::memory, Kind::sqlite, Kind::postgres};
inline constexpr std::array k_durable{Kind::sqlite, Kind::postgres};

// An empty ledger, in a folder or database of its own.
struct Fixture {
    Kind kind;
    std::filesystem::path folder;
    std::string uri;
    std::unique_ptr<ledger::Ledger> ledger;

    explicit Fixture(Kind of) : kind(of) {
        if (kind == Kind::memory) {
            ledger = ledger::make_memory_ledger();
        } else if (kind == Kind::sqlite) {
            std::string name = (std::filesystem::temp_directory_path() / "ledger.XXXXXX").native();
            REQUIRE(::mkdtemp(name.data()) != nullptr);
            folder = name;
            REQUIRE(ledger::create_sqlite_ledger(folder / "l.sqlite"));
            open();
        } else {
            uri = postgres_test::empty_database();
            const auto made = ledger::create_postgres_ledger(uri);
            REQUIRE_MESSAGE(made, made.error().message);
            open();
        }
    }
    Fixture(const Fixture &) = delete;
    Fixture &operator=(const Fixture &) = delete;
    ~Fixture() {
        ledger.reset();
        if (!folder.empty())
            std::filesystem::remove_all(folder);
    }
    void open() {
        ledger.reset();
        ledger = another();
    }
    // Of what is durable, a second one beside the first.
    [[nodiscard]] std::unique_ptr<ledger::Ledger> another() const {
        auto opened = kind == Kind::sqlite
                          ? ledger::open_sqlite_ledger(folder / "l.sqlite", ledger::Verify::yes)
                          : ledger::open_postgres_ledger(uri);
        REQUIRE_MESSAGE(opened, opened.error().message);
        return std::move(*opened);
    }
};

inline Booking booking(std::uint8_t number, std::int64_t start_s, std::int64_t end_s) {
    Booking b;
    b.id.bytes[15] = number;
    b.owner = "alice";
    b.channel = "studio1";
    b.relay = "r1";
    b.viewers = 7;
    b.life.window = {.start = from_unix_ms(start_s * 1000),
                     .end = from_unix_ms(end_s * 1000),
                     .lead_in = Seconds{0},
                     .drain = Seconds{0}};
    b.request.start = b.life.window.start;
    b.request.end = b.life.window.end;
    b.request.rate = {6'000'000};
    b.request.title = "Town hall";
    b.request.carriers = {"a"};
    b.vid = "vid";
    b.ticket_id[3] = 9;
    b.created = from_unix_ms(5);
    return b;
}

} // namespace ledger_test
