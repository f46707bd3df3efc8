#include "ledger/sqlite_db.hpp"

#include <sqlite3.h>

namespace ledger {

using base::Errc;
using base::Result;

namespace {

constexpr int k_busy_ms = 5000; // how long another process may keep the ledger locked

int bind_one(sqlite3_stmt *statement, int index, const Value &value) {
    if (const auto *number = std::get_if<std::int64_t>(&value.value))
        return sqlite3_bind_int64(statement, index, *number);
    if (const auto *text = std::get_if<std::string_view>(&value.value))
        return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    if (const auto *bytes = std::get_if<seal::ByteView>(&value.value)) {
        if (bytes->empty()) // a null pointer would bind NULL, to which nothing compares
            return sqlite3_bind_zeroblob(statement, index, 0);
        return sqlite3_bind_blob64(statement, index, bytes->data(), bytes->size(),
                                   SQLITE_TRANSIENT);
    }
    return sqlite3_bind_null(statement, index);
}

} // namespace

// Resets the statement when it dies.
class Database::Cursor final : public Rows {
  public:
    Cursor(const Database &db, sqlite3_stmt *statement) : m_db(db), m_statement(statement) {}
    Cursor(const Cursor &) = delete;
    Cursor &operator=(const Cursor &) = delete;
    ~Cursor() override {
        sqlite3_reset(m_statement);
        sqlite3_clear_bindings(m_statement);
    }

    Result<bool> next() override {
        switch (const int code = sqlite3_step(m_statement)) {
        case SQLITE_ROW:
            return true;
        case SQLITE_DONE:
            return false;
        default:
            return m_db.failure(code);
        }
    }
    [[nodiscard]] Type type(int column) const override {
        switch (sqlite3_column_type(m_statement, column)) {
        case SQLITE_INTEGER:
            return Type::integer;
        case SQLITE_BLOB:
            return Type::blob;
        case SQLITE_NULL:
            return Type::null;
        default:
            return Type::text;
        }
    }
    [[nodiscard]] std::int64_t integer(int column) const override {
        return sqlite3_column_int64(m_statement, column);
    }
    [[nodiscard]] std::string text(int column) const override {
        const auto *text = sqlite3_column_text(m_statement, column);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column));
        return text == nullptr ? std::string()
                               : std::string(reinterpret_cast<const char *>(text), size);
    }
    [[nodiscard]] seal::Bytes blob(int column) const override {
        const auto *data =
            static_cast<const std::uint8_t *>(sqlite3_column_blob(m_statement, column));
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column));
        return data == nullptr ? seal::Bytes() : seal::Bytes(data, data + size);
    }

  private:
    const Database &m_db;
    sqlite3_stmt *m_statement;
};

void Database::Close::operator()(sqlite3 *db) const {
    sqlite3_close_v2(db);
}
void Database::Close::operator()(sqlite3_stmt *statement) const {
    sqlite3_finalize(statement);
}

Database::Database(std::unique_ptr<sqlite3, Close> db, std::string name)
    : m_name(std::move(name)), m_db(std::move(db)) {}
Database::Database(Database &&) noexcept = default;
Database &Database::operator=(Database &&) noexcept = default;
Database::~Database() = default;

std::unexpected<base::Error> Database::failure(int code) const {
    const std::string_view cause = sqlite3_errstr(code & 0xff);
    const auto fail = [&](Errc errc, std::string hint) {
        return base::fail_hint(errc, std::move(hint), "ledger {}: {}", m_name, cause);
    };
    switch (code & 0xff) {
    case SQLITE_FULL:
        return fail(Errc::io, "free some space on that disk");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(Errc::try_again, "another process keeps it locked");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fail(Errc::bad_data, "restore it from a backup; sqlite3 FILE .recover may help");
    case SQLITE_CANTOPEN:
        return fail(Errc::no_input, "make it with resv-control init");
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return fail(Errc::not_permitted, "run as the user that owns it");
    case SQLITE_IOERR:
        return fail(Errc::io, "see the kernel's log, and whether the disk is full");
    default:
        return base::fail(Errc::bug, "ledger {}: {} ({})", m_name, sqlite3_errmsg(m_db.get()),
                          code);
    }
}

Result<Database> Database::open(const std::filesystem::path &path, Mode mode) {
    sqlite3 *raw = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                      SQLITE_OPEN_NOFOLLOW | (mode == Mode::create ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
    Database db{std::unique_ptr<sqlite3, Close>(raw), path.native()};
    if (code != SQLITE_OK)
        return db.failure(code);
    sqlite3_busy_timeout(raw, k_busy_ms);
    // FULL: NORMAL loses acknowledged bookings when the power fails.
    TRY(db.execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                   "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                   "PRAGMA wal_autocheckpoint = 10000; PRAGMA cache_size = -65536;"
                   "PRAGMA temp_store = MEMORY"));
    return db;
}

void Database::keep_log() {
    sqlite3_wal_hook(
        m_db.get(),
        [](void *log, sqlite3 *, const char *, int pages) {
            static_cast<Log *>(log)->pages = pages;
            ++static_cast<Log *>(log)->commits;
            return SQLITE_OK;
        },
        m_log.get());
}

void Database::checkpoint() {
    sqlite3_wal_checkpoint_v2(m_db.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void Database::interrupt() {
    sqlite3_interrupt(m_db.get());
}

Result<void> Database::execute(const char *sql) {
    if (const int code = sqlite3_exec(m_db.get(), sql, nullptr, nullptr, nullptr);
        code != SQLITE_OK)
        return failure(code);
    return {};
}

Result<std::unique_ptr<Rows>> Database::query_with(std::string_view sql, Values values) {
    auto found = m_statements.find(sql);
    if (found == m_statements.end()) {
        sqlite3_stmt *raw = nullptr;
        const int code = sqlite3_prepare_v3(m_db.get(), sql.data(), static_cast<int>(sql.size()),
                                            SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
        if (code != SQLITE_OK)
            return failure(code);
        found = m_statements.emplace(sql, std::unique_ptr<sqlite3_stmt, Close>(raw)).first;
    }
    auto cursor = std::make_unique<Cursor>(*this, found->second.get());
    int index = 0;
    for (const Value &value : values)
        if (const int code = bind_one(found->second.get(), ++index, value); code != SQLITE_OK)
            return failure(code);
    return cursor;
}

Result<void> Database::run_with(std::string_view sql, Values values) {
    const auto rows = TRY(query_with(sql, values));
    while (TRY(rows->next())) {
    }
    return {};
}

bool Database::in_transaction() const {
    return sqlite3_get_autocommit(m_db.get()) == 0;
}

} // namespace ledger
