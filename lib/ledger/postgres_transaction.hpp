// What a transaction in PostgreSQL does beyond SqlTransaction, since others run beside it.
#pragma once

#include "ledger/postgres_db.hpp"
#include "ledger/sql_transaction.hpp"

#include <map>

namespace ledger {

/// Works within a transaction of Mode::write that its owner began and ends.
class PostgresTransaction final : public SqlTransaction {
  public:
    explicit PostgresTransaction(Sql &sql) : SqlTransaction(sql, " FOR UPDATE"), m_sql(sql) {}

    base::Result<void> lock(const std::vector<std::string> &names, base::UtcTime now) override;
    base::Result<std::int64_t> next_feed_serial(const std::string &relay) override;
    base::Result<std::optional<Party>> party_by_key(const seal::KeyId &key) override;
    base::Result<std::optional<Party>> party_by_name(const std::string &name) override;
    base::Result<void> put(const Party &party) override;
    base::Result<void> remove_party(const std::string &name) override;
    base::Result<std::optional<StoredAnswer>> answer(const std::string &by,
                                                     const std::string &key) override;
    using SqlTransaction::put;

    /// True when a feed has a new entry, once this is committed.
    [[nodiscard]] bool feed_changed() const { return m_feed_changed; }
    /// True when a party that was to be put is not what was read of it any more.
    [[nodiscard]] bool conflict() const { return m_conflict; }

  private:
    /// Locks the party of that name; a conflict when it is not what was read of it.
    [[nodiscard]] base::Result<void> take(const std::string &name);

    Sql &m_sql;
    std::map<std::string, std::optional<Party>> m_read; // as others may have changed them since
    bool m_feed_changed = false;
    bool m_conflict = false;
};

} // namespace ledger
