// What a transaction in PostgreSQL does beyond SqlTransaction.
#pragma once

#include "ledger/postgres_db.hpp"
#include "ledger/sql_transaction.hpp"

namespace ledger {

/// Works within a transaction of Mode::write that its owner began and ends.
class PostgresTransaction final : public SqlTransaction {
  public:
    explicit PostgresTransaction(PostgresConnection &sql) : SqlTransaction(sql), m_sql(sql) {}

    base::Result<void> lock(const std::vector<std::string> &names, base::UtcTime now) override;
    base::Result<std::int64_t> next_feed_serial(const std::string &relay) override;
    base::Result<void> put_answer(const std::string &by, const std::string &key,
                                  MakeAnswer make) override;

    /// True when a feed has a new entry, once this is committed.
    [[nodiscard]] bool feed_changed() const { return m_feed_changed; }

  private:
    PostgresConnection &m_sql;
    bool m_feed_changed = false;
};

} // namespace ledger
