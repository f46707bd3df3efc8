// The transaction of the SQLite ledger: every table, its statements, its rows.
#pragma once

#include "ledger/ledger.hpp"
#include "ledger/sqlite_db.hpp"

namespace ledger {

/// The statements that make an empty ledger.
extern const char *const k_schema;

/// Works within a transaction that its owner began and ends.
class SqliteTransaction final : public Transaction {
  public:
    explicit SqliteTransaction(Database &db) : m_db(db) {}

    base::Result<std::optional<Booking>> booking(const base::Id &id) override;
    base::Result<std::vector<Booking>> bookings(const std::string &owner) override;
    base::Result<void> put(const Booking &booking,
                           const std::vector<resv::Demand> &demands) override;
    base::Result<std::vector<resv::Load>> loads(resv::Span span, base::UtcTime now,
                                                const std::optional<base::Id> &except) override;
    base::Result<std::vector<Booking>> due(base::UtcTime now) override;
    base::Result<std::int64_t> next_feed_serial() override;
    base::Result<std::vector<Booking>> changed(const std::string &relay,
                                               std::int64_t after) override;
    base::Result<std::optional<Party>> party_by_key(const seal::KeyId &key) override;
    base::Result<std::optional<Party>> party_by_name(const std::string &name) override;
    base::Result<std::vector<Party>> parties() override;
    base::Result<void> put(const Party &party) override;
    base::Result<std::optional<Token>> token(const seal::Hash256 &hash) override;
    base::Result<void> put(const Token &token) override;
    base::Result<std::optional<StoredAnswer>> answer(const seal::KeyId &by,
                                                     const std::string &key) override;
    base::Result<void> put(const StoredAnswer &answer) override;
    base::Result<void> put(const StoredReport &report) override;
    base::Result<std::optional<seal::KeyId>> signing_key() override;
    base::Result<void> put_signing_key(const seal::KeyId &id) override;
    base::Result<void> prune(base::UtcTime answers_before, base::UtcTime now) override;

  private:
    Database &m_db;
};

} // namespace ledger
