#include "ledger/postgres_transaction.hpp"

#include <algorithm>

namespace ledger {

using base::Result;
using base::UtcTime;

// All wait for each other in the same order, so nobody waits in a circle. The demands of dead holds
// go, or the constraint on channels would count them.
Result<void> PostgresTransaction::lock(const std::vector<std::string> &names, UtcTime now) {
    constexpr std::string_view k_lock =
        "SELECT id FROM resources WHERE id = ANY (string_to_array(?, chr(10))) "
        "ORDER BY id FOR NO KEY UPDATE";
    const std::string list = fmt::format("{}", fmt::join(names, "\n"));
    for (bool complete = names.empty(); !complete;) {
        std::vector<std::string> found;
        const auto rows = TRY(m_sql.query(k_lock, {list}));
        while (TRY(rows->next()))
            found.push_back(rows->text(0));
        complete = std::ranges::all_of(
            names, [&](const auto &name) { return std::ranges::find(found, name) != found.end(); });
        if (!complete) // the first time that anybody names it
            TRY(m_sql.run("INSERT INTO resources SELECT name FROM "
                          "unnest(string_to_array(?, chr(10))) AS name ORDER BY name COLLATE \"C\" "
                          "ON CONFLICT DO NOTHING",
                          {list}));
    }
    return m_sql.run("DELETE FROM demands WHERE hold_expires_ms <= ? "
                     "AND resource = ANY (string_to_array(?, chr(10)))",
                     {now, list});
}

Result<std::int64_t> PostgresTransaction::next_feed_serial(const std::string &relay) {
    m_feed_changed = true;
    return SqlTransaction::next_feed_serial(relay);
}

Result<std::optional<Party>> PostgresTransaction::party_by_key(const seal::KeyId &key) {
    auto party = TRY(SqlTransaction::party_by_key(key));
    if (party)
        m_read.emplace(party->name, party);
    return party;
}

Result<std::optional<Party>> PostgresTransaction::party_by_name(const std::string &name) {
    auto party = TRY(SqlTransaction::party_by_name(name));
    m_read.emplace(name, party);
    return party;
}

// Parties are read by every request and put by few, so reading takes no lock.
Result<void> PostgresTransaction::take(const std::string &name) {
    TRY(m_sql.run("SELECT pg_advisory_xact_lock(hashtextextended(?, 1))", {name}));
    const auto read = m_read.find(name);
    if (read != m_read.end() && TRY(SqlTransaction::party_by_name(name)) != read->second) {
        m_conflict = true;
        return std::unexpected(base::Error{base::Errc::try_again, "", ""});
    }
    return {};
}

Result<void> PostgresTransaction::put(const Party &party) {
    TRY(take(party.name));
    TRY(SqlTransaction::put(party));
    m_read.insert_or_assign(party.name, party);
    return {};
}

Result<void> PostgresTransaction::remove_party(const std::string &name) {
    TRY(take(name));
    TRY(SqlTransaction::remove_party(name));
    m_read.insert_or_assign(name, std::nullopt);
    return {};
}

// The same request twice at once: the second waits for the first, and finds its answer.
Result<std::optional<StoredAnswer>> PostgresTransaction::answer(const std::string &by,
                                                                const std::string &key) {
    TRY(m_sql.run("SELECT pg_advisory_xact_lock(hashtextextended(?, 2))",
                  {fmt::format("{} {}", by, key)}));
    return SqlTransaction::answer(by, key);
}

} // namespace ledger
