// What the disk and SQLite alone can do: one thread that appends rows of a booking's size, 32 in
// each commit, beside which resv-control's figures are to be read.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <filesystem>
#include <sqlite3.h>

namespace load {

/// Rows/s over @p seconds in a database of its own in @p folder, durable as the ledger is.
inline base::Result<double> raw_sqlite(const std::filesystem::path &folder, double seconds) {
    const auto path = folder / "raw.sqlite";
    sqlite3 *db = nullptr;
    const auto run = [&](const char *sql) {
        return sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
    };
    const auto fail = [&] {
        auto error = base::fail(base::Errc::io, "raw loop: {}", sqlite3_errmsg(db));
        sqlite3_close(db);
        return error;
    };
    if (sqlite3_open(path.c_str(), &db) != SQLITE_OK ||
        !run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
             "CREATE TABLE bookings (id INTEGER PRIMARY KEY, channel INTEGER, opens INTEGER, body "
             "TEXT); CREATE INDEX opens ON bookings (channel, opens)"))
        return fail();
    sqlite3_stmt *insert = nullptr;
    if (sqlite3_prepare_v2(db, "INSERT INTO bookings VALUES (NULL, ?, ?, ?)", -1, &insert,
                           nullptr) != SQLITE_OK)
        return fail();
    const std::string body(400, 'x');
    std::int64_t rows = 0;
    const auto begun = std::chrono::steady_clock::now();
    std::chrono::duration<double> lasted{};
    for (; lasted.count() < seconds; lasted = std::chrono::steady_clock::now() - begun) {
        if (!run("BEGIN IMMEDIATE"))
            return fail();
        for (int i = 0; i < 32; ++i, ++rows) {
            sqlite3_bind_int64(insert, 1, rows % 200);
            sqlite3_bind_int64(insert, 2, rows / 200);
            sqlite3_bind_text(insert, 3, body.c_str(), -1, SQLITE_STATIC);
            if (sqlite3_step(insert) != SQLITE_DONE || sqlite3_reset(insert) != SQLITE_OK)
                return fail();
        }
        if (!run("COMMIT"))
            return fail();
    }
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return double(rows) / lasted.count();
}

} // namespace load
