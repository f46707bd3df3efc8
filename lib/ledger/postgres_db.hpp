// A connection to a PostgreSQL database. Only these two files know libpq.
#pragma once

#include "ledger/sql.hpp"

#include <deque>
#include <map>
#include <vector>

struct pg_conn;
struct pg_result;

namespace ledger {

/// One connection; not thread-safe. Statements without rows are sent along with the next that has
/// some, or with the commit, so that they cost no round trip of their own.
///
/// Errors name the database, never a value: unavailable (it is away), not_permitted, no_input (no
/// such database), io (its disk is full or broken), bad_data (damaged), try_again (busy). When the
/// work can be run again, with better luck, the error has no text and fate() says why.
class PostgresConnection final : public Sql {
  public:
    enum class Fate {
        good,
        conflict, ///< others were faster: a deadlock, a unique key
        lost      ///< the connection is gone, and with it what is not committed
    };
    enum class Mode { write, read };

    /// Waits a few seconds at most.
    [[nodiscard]] static base::Result<std::unique_ptr<PostgresConnection>>
    open(const std::string &uri);
    PostgresConnection(const PostgresConnection &) = delete;
    PostgresConnection &operator=(const PostgresConnection &) = delete;
    ~PostgresConnection() override;

    /// Statements without parameters or rows, outside of begin() and commit().
    [[nodiscard]] base::Result<void> execute(const char *sql);

    /// A transaction of Mode::write waits until no other writes in this database: resources are
    /// shared so widely (a relay's bits, a carrier's lines) that locks of single rows let hardly
    /// any two run beside each other, and keep each for as long as a commit takes.
    void begin(Mode mode);
    /// Waits until it is durable. After an error nothing is known of a connection that is lost.
    [[nodiscard]] base::Result<void> commit();
    void rollback();
    /// Ends a transaction of Mode::read, without waiting.
    void end_read();

    [[nodiscard]] base::Result<std::unique_ptr<Rows>> query_with(std::string_view sql,
                                                                 Values values) override;
    [[nodiscard]] base::Result<void> run_with(std::string_view sql, Values values) override;

    void send_now() override;

    [[nodiscard]] Fate fate() const { return m_fate; }
    /// The first error of this transaction that is known.
    [[nodiscard]] base::Result<void> good() const {
        return m_error ? failure() : base::Result<void>{};
    }

    /// Takes the notifications that came; never waits.
    void take_notifications();
    [[nodiscard]] int socket() const;

  private:
    class Result;
    struct CloseConnection {
        void operator()(pg_conn *connection) const;
    };
    struct ClearResult {
        void operator()(pg_result *result) const;
    };
    using Answer = std::unique_ptr<pg_result, ClearResult>;
    struct Statement {
        std::string name;
        bool confirmed = false;
    };
    // An answer that is still to come: of a PREPARE, of a statement, or of a synchronisation.
    struct Pending {
        enum class Kind { prepare, statement, sync } kind = Kind::statement;
        Statement *statement = nullptr;
    };

    explicit PostgresConnection(std::unique_ptr<pg_conn, CloseConnection> connection);
    void send(std::string_view sql, Values values);
    void send_plain(const char *sql);
    void synchronise();
    Answer collect();
    void note_failure(const pg_result *answer);
    void note_lost();
    [[nodiscard]] std::unexpected<base::Error> failure() const;

    std::unique_ptr<pg_conn, CloseConnection> m_connection;
    std::string m_name;
    std::map<std::string, Statement, std::less<>> m_statements;
    unsigned m_next_statement = 0;
    std::deque<Pending> m_pending;
    std::optional<base::Error> m_error; // of this transaction
    Fate m_fate = Fate::good;
};

} // namespace ledger
