// What a transaction in PostgreSQL does beyond SqlTransaction.
#pragma once

#include "ledger/sql_transaction.hpp"

namespace ledger {

/// Works within a transaction of Mode::write that its owner began and ends.
class PostgresTransaction final : public SqlTransaction {
  public:
    explicit PostgresTransaction(Sql &sql) : SqlTransaction(sql), m_sql(sql) {}

    base::Result<void> lock(const std::vector<std::string> &names, base::UtcTime now) override;
    base::Result<std::int64_t> next_feed_serial(const std::string &relay) override;

    /// True when a feed has a new entry, once this is committed.
    [[nodiscard]] bool feed_changed() const { return m_feed_changed; }

  private:
    Sql &m_sql;
    bool m_feed_changed = false;
};

} // namespace ledger
