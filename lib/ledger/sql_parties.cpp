// The part of SqlTransaction that is about parties, tokens, answers and reports.
#include "ledger/draft.hpp"
#include "ledger/sql_rows.hpp"
#include "ledger/sql_transaction.hpp"

namespace ledger {

using base::Result;
using base::UtcTime;

namespace {

constexpr std::string_view k_party =
    "SELECT name, role, sign_key, box_key, enrolled_ms, seen_ms, account FROM parties ";

Result<Party> read_party(const Rows &row) {
    Party p;
    p.name = row.text(0);
    p.role = TRY(parse_role(row.text(1)));
    p.sign_key = TRY(fixed<32>(row.blob(2)));
    p.box_key = TRY(fixed<32>(row.blob(3)));
    p.enrolled = row.time(4);
    p.seen = row.optional_time(5);
    p.account = row.integer(6);
    return p;
}

constexpr std::string_view k_former_key =
    "SELECT sign_key, name, until_ms, revoked FROM former_keys ";

Result<FormerKey> read_former_key(const Rows &row) {
    FormerKey k;
    k.sign_key = TRY(fixed<32>(row.blob(0)));
    k.name = row.text(1);
    k.until = row.time(2);
    k.revoked = row.integer(3) != 0;
    return k;
}

} // namespace

Result<std::optional<Party>> SqlTransaction::party_by_key(const seal::KeyId &key) {
    static const std::string sql = std::string(k_party) + "WHERE key_id = ?";
    return one<Party>(TRY(m_sql.query(sql, {seal::ByteView{key.bytes}})), read_party);
}

Result<std::optional<Party>> SqlTransaction::party_by_name(const std::string &name) {
    static const std::string sql = std::string(k_party) + "WHERE name = ?";
    return one<Party>(TRY(m_sql.query(sql, {name})), read_party);
}

Result<std::vector<Party>> SqlTransaction::parties() {
    static const std::string sql = std::string(k_party) + "ORDER BY name";
    auto rows = TRY(m_sql.query(sql));
    std::vector<Party> out;
    while (TRY(rows->next()))
        out.push_back(TRY(read_party(*rows)));
    return out;
}

Result<void> SqlTransaction::put(const Party &p) {
    const seal::KeyId id = p.id();
    return m_sql.run(
        "INSERT INTO parties VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE "
        "SET role = excluded.role, key_id = excluded.key_id, "
        "sign_key = excluded.sign_key, box_key = excluded.box_key, "
        "enrolled_ms = excluded.enrolled_ms, seen_ms = excluded.seen_ms, "
        "account = excluded.account",
        {p.name, name(p.role), seal::ByteView{id.bytes}, seal::ByteView{p.sign_key},
         seal::ByteView{p.box_key}, p.enrolled, p.seen, p.account});
}

Result<void> SqlTransaction::remove_party(const std::string &name) {
    return m_sql.run("DELETE FROM parties WHERE name = ?", {name});
}

Result<std::optional<FormerKey>> SqlTransaction::former_key(const seal::KeyId &key) {
    static const std::string sql = std::string(k_former_key) + "WHERE key_id = ?";
    return one<FormerKey>(TRY(m_sql.query(sql, {seal::ByteView{key.bytes}})), read_former_key);
}

Result<std::vector<FormerKey>> SqlTransaction::former_keys(const std::string &name) {
    static const std::string sql =
        std::string(k_former_key) + "WHERE name = ? OR ? = '' ORDER BY until_ms, key_id";
    auto rows = TRY(m_sql.query(sql, {name, name}));
    std::vector<FormerKey> out;
    while (TRY(rows->next()))
        out.push_back(TRY(read_former_key(*rows)));
    return out;
}

Result<void> SqlTransaction::put(const FormerKey &k) {
    const seal::KeyId id = k.id();
    return m_sql.run("INSERT INTO former_keys VALUES (?, ?, ?, ?, ?) ON CONFLICT (key_id) DO "
                     "UPDATE SET name = excluded.name, until_ms = excluded.until_ms, revoked = "
                     "excluded.revoked",
                     {seal::ByteView{id.bytes}, k.name, seal::ByteView{k.sign_key}, k.until,
                      std::int64_t{k.revoked ? 1 : 0}});
}

Result<std::optional<Token>> SqlTransaction::token(const seal::Hash256 &hash) {
    auto rows = TRY(m_sql.query("SELECT name, role, expires_ms, used_by FROM tokens WHERE hash = ?",
                                {seal::ByteView{hash}}));
    if (!TRY(rows->next()))
        return std::nullopt;
    Token t;
    t.hash = hash;
    t.name = rows->text(0);
    t.role = TRY(parse_role(rows->text(1)));
    t.expires = rows->time(2);
    if (const auto used = rows->blob(3); !used.empty())
        t.used_by = seal::KeyId{TRY(fixed<8>(used))};
    return t;
}

Result<void> SqlTransaction::put(const Token &t) {
    return m_sql.run("INSERT INTO tokens VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET "
                     "name = excluded.name, role = excluded.role, expires_ms = "
                     "excluded.expires_ms, used_by = excluded.used_by",
                     {seal::ByteView{t.hash}, t.name, name(t.role), t.expires,
                      t.used_by ? seal::ByteView{t.used_by->bytes} : seal::ByteView{}});
}

Result<std::optional<StoredAnswer>> SqlTransaction::answer(const std::string &by,
                                                           const std::string &key) {
    return one<StoredAnswer>(TRY(m_sql.query("SELECT by, key, request, status, body, created_ms "
                                             "FROM answers WHERE by = ? AND key = ?",
                                             {by, key})),
                             read_answer);
}

Result<StoredAnswer> read_answer(const Rows &row) {
    StoredAnswer out;
    out.by = row.text(0);
    out.key = row.text(1);
    out.request = TRY(fixed<32>(row.blob(2)));
    out.status = static_cast<int>(row.integer(3));
    out.body = row.text(4);
    out.created = row.time(5);
    return out;
}

const std::string_view k_replace_answer =
    "ON CONFLICT (by, key) DO UPDATE SET request = excluded.request, status = excluded.status, "
    "body = excluded.body, created_ms = excluded.created_ms";

std::array<Value, k_answer_columns> answer_row(const StoredAnswer &a) {
    return {a.by, a.key, seal::ByteView{a.request}, std::int64_t{a.status}, a.body, a.created};
}

Result<void> SqlTransaction::put(const StoredAnswer &a) {
    return write_answers(m_sql, {a});
}

Result<void> SqlTransaction::put(const StoredReport &r) {
    return m_sql.run(
        "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?)",
        {r.relay, seal::ByteView{r.reservation.bytes}, r.event, r.at, r.bytes, r.received});
}

Result<std::optional<seal::KeyId>> SqlTransaction::signing_key() {
    return one<seal::KeyId>(TRY(m_sql.query("SELECT key_id FROM signing_key")),
                            [](const Rows &row) -> Result<seal::KeyId> {
                                return seal::KeyId{TRY(fixed<8>(row.blob(0)))};
                            });
}

Result<void> SqlTransaction::put_signing_key(const seal::KeyId &id) {
    return m_sql.run("INSERT INTO signing_key VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET key_id "
                     "= excluded.key_id",
                     {seal::ByteView{id.bytes}});
}

Result<void> SqlTransaction::prune(UtcTime before, UtcTime now) {
    TRY(m_sql.run("DELETE FROM answers WHERE created_ms < ?", {before}));
    // What closed has opened: of each resource, that is the past end of an index.
    TRY(remove_demands(
        "WITH RECURSIVE r (id) AS (SELECT MIN(resource) FROM demands UNION ALL SELECT "
        "(SELECT MIN(resource) FROM demands WHERE resource > r.id) FROM r "
        "WHERE r.id IS NOT NULL) DELETE FROM demands "
        "WHERE resource IN (SELECT id FROM r) AND opens_ms < ? AND closes_ms < ?",
        {before, before}));
    TRY(m_sql.run("DELETE FROM former_keys WHERE until_ms < ? AND revoked = 0", {before}));
    return m_sql.run("DELETE FROM tokens WHERE expires_ms < ?", {now});
}

} // namespace ledger
