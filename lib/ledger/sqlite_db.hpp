// A connection to an SQLite database. Only these two files know sqlite3.h.
#pragma once

#include "ledger/sql.hpp"

#include <filesystem>
#include <map>

struct sqlite3;
struct sqlite3_stmt;

namespace ledger {

/// One connection. Errors name the file: io (disk full or broken), try_again
/// (locked by another process), bad_data (damaged or no database), not_permitted, no_input.
class Database final : public Sql {
  public:
    enum class Mode { existing, create };
    [[nodiscard]] static base::Result<Database> open(const std::filesystem::path &path, Mode mode);
    Database(Database &&) noexcept;
    Database &operator=(Database &&) noexcept;
    ~Database() override;

    /// Statements without parameters or rows.
    [[nodiscard]] base::Result<void> execute(const char *sql);
    [[nodiscard]] base::Result<std::unique_ptr<Rows>> query_with(std::string_view sql,
                                                                 Values values) override;
    [[nodiscard]] base::Result<void> run_with(std::string_view sql, Values values) override;

    /// From now on commits leave the log alone; see checkpoint().
    void keep_log();
    /// How many pages are in it after the last commit; keep_log() was called.
    [[nodiscard]] int log_pages() const { return m_log->pages; }
    /// How many there were since, of those that changed anything.
    [[nodiscard]] std::int64_t commits() const { return m_log->commits; }
    /// Writes back what of it nobody needs. Waits for nobody; what cannot be now is for later.
    void checkpoint();
    /// Ends the statement that runs, from another thread.
    void interrupt();
    /// False also after an error ended the transaction on its own (a full disk does).
    [[nodiscard]] bool in_transaction() const;

  private:
    class Cursor;
    struct Close {
        void operator()(sqlite3 *db) const;
        void operator()(sqlite3_stmt *statement) const;
    };
    Database(std::unique_ptr<sqlite3, Close> db, std::string name);
    [[nodiscard]] std::unexpected<base::Error> failure(int code) const;

    std::string m_name;
    struct Log {
        int pages = 0;
        std::int64_t commits = 0;
    };
    std::unique_ptr<Log> m_log = std::make_unique<Log>(); // sqlite3 knows where it is
    std::unique_ptr<sqlite3, Close> m_db; // before the statements: they are finalised first
    std::map<std::string, std::unique_ptr<sqlite3_stmt, Close>, std::less<>> m_statements;
};

} // namespace ledger
