// A transaction on a database: every table, its statements, its rows, the same for SQLite and
// PostgreSQL.
#pragma once

#include "ledger/ledger.hpp"
#include "ledger/occupancy.hpp"
#include "ledger/sql.hpp"

namespace ledger {

/// Works within a transaction that its owner began and ends.
class SqlTransaction : public Transaction {
  public:
    /// @p changes, when there is one, learns what becomes of the rows of demands.
    explicit SqlTransaction(Sql &sql, DemandChanges *changes = nullptr)
        : m_sql(sql), m_changes(changes) {}

    base::Result<void> lock(const std::vector<std::string> &, base::UtcTime) override { return {}; }
    base::Result<std::optional<Booking>> booking(const base::Id &id) override;
    base::Result<std::vector<Booking>> bookings(const std::string &owner) override;
    base::Result<std::vector<Booking>> within(resv::Span span, base::UtcTime now,
                                              std::size_t most) override;
    base::Result<std::vector<Booking>> bookings_of(const base::Id &series) override;
    base::Result<void> put(const Series &series) override;
    base::Result<std::optional<Series>> series(const base::Id &id) override;
    base::Result<void> put(const Booking &booking,
                           const std::vector<resv::Demand> &demands) override;
    base::Result<void> put_settings_serial(const base::Id &id, std::int64_t serial) override;
    base::Result<void> put(const HistoryEntry &entry) override;
    base::Result<std::vector<HistoryEntry>> history(const base::Id &id) override;
    base::Result<void> each_history(const HistoryReader &read) override;
    base::Result<std::vector<resv::Load>> loads(const std::vector<std::string> &resources,
                                                resv::Span span, base::UtcTime now,
                                                const std::optional<base::Id> &except) override;
    base::Result<resv::Usage> usage(const std::string &owner, resv::Span month, base::UtcTime now,
                                    const std::optional<base::Id> &except) override;
    base::Result<std::vector<Booking>> due(base::UtcTime now) override;
    base::Result<std::int64_t> holds(base::UtcTime now) override;
    base::Result<std::int64_t> next_feed_serial(const std::string &relay) override;
    base::Result<std::vector<Booking>> changed(const std::string &relay,
                                               std::int64_t after) override;
    base::Result<std::optional<Party>> party_by_key(const seal::KeyId &key) override;
    base::Result<std::optional<Party>> party_by_name(const std::string &name) override;
    base::Result<std::vector<Party>> parties() override;
    base::Result<void> put(const Party &party) override;
    base::Result<void> remove_party(const std::string &name) override;
    base::Result<std::optional<FormerKey>> former_key(const seal::KeyId &key) override;
    base::Result<std::vector<FormerKey>> former_keys(const std::string &name) override;
    base::Result<void> put(const FormerKey &key) override;
    base::Result<std::optional<Token>> token(const seal::Hash256 &hash) override;
    base::Result<void> put(const Token &token) override;
    base::Result<std::optional<StoredAnswer>> answer(const std::string &by,
                                                     const std::string &key) override;
    base::Result<void> put(const StoredAnswer &answer) override;
    base::Result<void> put(const StoredReport &report) override;
    base::Result<void> put(const Notice &notice) override;
    base::Result<std::optional<base::UtcTime>> next_notice() override;
    base::Result<std::vector<Notice>> claim_notices(base::UtcTime now, base::UtcTime until,
                                                    std::size_t most) override;
    base::Result<void> forget_notice(const base::Id &id) override;
    base::Result<std::optional<seal::KeyId>> signing_key() override;
    base::Result<void> put_signing_key(const seal::KeyId &id) override;
    base::Result<void> prune(base::UtcTime before, base::UtcTime now) override;

    /// Forgets what holds took that expired by @p now, though nobody settled them yet.
    base::Result<void> remove_dead_holds(base::UtcTime now);

  private:
    // A DELETE of rows of demands.
    base::Result<void> remove_demands(std::string_view sql, std::initializer_list<Value> values);

    Sql &m_sql;
    DemandChanges *m_changes;
};

} // namespace ledger
