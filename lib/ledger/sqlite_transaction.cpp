#include "ledger/sqlite_transaction.hpp"

#include <algorithm>

namespace ledger {

using base::Errc;
using base::Result;
using base::UtcTime;

// `demands` holds what live reservations take, with their span copied beside it so that admission
// reads one index; it is empty for those that take nothing. 0x53434c47 is "SCLG".
const char *const k_schema = R"sql(
PRAGMA application_id = 0x53434c47;
CREATE TABLE reservations (
    id BLOB PRIMARY KEY, owner TEXT NOT NULL, channel TEXT NOT NULL, relay TEXT NOT NULL,
    viewers INTEGER NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL,
    start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, lead_in_s INTEGER NOT NULL,
    drain_s INTEGER NOT NULL, opens_ms INTEGER NOT NULL, hold_expires_ms INTEGER,
    vid TEXT NOT NULL, ticket_id BLOB NOT NULL, generation INTEGER NOT NULL,
    revision INTEGER NOT NULL, settings_serial INTEGER NOT NULL, feed_serial INTEGER NOT NULL,
    created_ms INTEGER NOT NULL, first_media_ms INTEGER) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_owner ON reservations (owner, id);
CREATE INDEX reservations_feed ON reservations (relay, feed_serial);
CREATE INDEX reservations_live ON reservations (opens_ms)
    WHERE state IN ('held', 'booked', 'active');
CREATE TABLE demands (
    reservation BLOB NOT NULL, resource TEXT NOT NULL, units INTEGER NOT NULL,
    opens_ms INTEGER NOT NULL, closes_ms INTEGER NOT NULL, hold_expires_ms INTEGER) STRICT;
CREATE INDEX demands_reservation ON demands (reservation);
CREATE INDEX demands_opens ON demands (opens_ms);
CREATE INDEX demands_length ON demands (closes_ms - opens_ms);
CREATE TABLE serials (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO serials VALUES ('feed', 0);
CREATE TABLE parties (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, key_id BLOB NOT NULL UNIQUE,
    sign_key BLOB NOT NULL, box_key BLOB NOT NULL, enrolled_ms INTEGER NOT NULL,
    seen_ms INTEGER) STRICT;
CREATE TABLE tokens (
    hash BLOB PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, expires_ms INTEGER NOT NULL,
    used_by BLOB) STRICT;
CREATE TABLE answers (
    by BLOB NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY (by, key)) STRICT, WITHOUT ROWID;
CREATE INDEX answers_created ON answers (created_ms);
CREATE TABLE reports (
    relay TEXT NOT NULL, reservation BLOB NOT NULL, event TEXT NOT NULL, at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL, received_ms INTEGER NOT NULL) STRICT;
CREATE INDEX reports_reservation ON reports (reservation);
CREATE TABLE signing_key (
    one INTEGER PRIMARY KEY CHECK (one = 1), key_id BLOB NOT NULL) STRICT;
PRAGMA user_version = 1;
)sql";

namespace {

template <std::size_t N> Result<std::array<std::uint8_t, N>> fixed(const seal::Bytes &bytes) {
    std::array<std::uint8_t, N> out{};
    if (bytes.size() != N)
        return base::fail(Errc::bad_data, "ledger: a field has {} bytes instead of {}",
                          bytes.size(), N);
    std::ranges::copy(bytes, out.begin());
    return out;
}

constexpr std::string_view k_booking =
    "SELECT id, owner, channel, relay, viewers, request, state, start_ms, end_ms, lead_in_s, "
    "drain_s, hold_expires_ms, vid, ticket_id, generation, revision, settings_serial, "
    "feed_serial, created_ms, first_media_ms FROM reservations ";

Result<Booking> read_booking(const Cursor &row) {
    Booking b;
    b.id.bytes = TRY(fixed<16>(row.blob(0)));
    b.owner = row.text(1);
    b.channel = row.text(2);
    b.relay = row.text(3);
    b.viewers = row.integer(4);
    b.request = TRY(wire::read_request(TRY(wire::parse_json(row.text(5), "ledger")), "request"));
    b.life.state = TRY(resv::parse_state(row.text(6)));
    b.life.window = {.start = row.time(7),
                     .end = row.time(8),
                     .lead_in = base::Seconds{row.integer(9)},
                     .drain = base::Seconds{row.integer(10)}};
    b.life.hold_expires = row.optional_time(11);
    b.vid = row.text(12);
    b.ticket_id = TRY(fixed<16>(row.blob(13)));
    b.generation = static_cast<std::uint32_t>(row.integer(14));
    b.revision = row.integer(15);
    b.settings_serial = row.integer(16);
    b.feed_serial = row.integer(17);
    b.created = row.time(18);
    b.first_media = row.optional_time(19);
    return b;
}

Result<std::vector<Booking>> read_bookings(Cursor rows) {
    std::vector<Booking> out;
    while (TRY(rows.next()))
        out.push_back(TRY(read_booking(rows)));
    return out;
}

constexpr std::string_view k_party =
    "SELECT name, role, sign_key, box_key, enrolled_ms, seen_ms FROM parties ";

Result<Party> read_party(const Cursor &row) {
    Party p;
    p.name = row.text(0);
    p.role = TRY(parse_role(row.text(1)));
    p.sign_key = TRY(fixed<32>(row.blob(2)));
    p.box_key = TRY(fixed<32>(row.blob(3)));
    p.enrolled = row.time(4);
    p.seen = row.optional_time(5);
    return p;
}

// The only row, or nothing.
template <typename T, typename Read> Result<std::optional<T>> one(Cursor rows, Read read) {
    if (!TRY(rows.next()))
        return std::nullopt;
    return TRY(read(rows));
}

} // namespace

Result<std::optional<Booking>> SqliteTransaction::booking(const base::Id &id) {
    static const std::string sql = std::string(k_booking) + "WHERE id = ?";
    return one<Booking>(TRY(m_db.query(sql, {seal::ByteView{id.bytes}})), read_booking);
}

Result<std::vector<Booking>> SqliteTransaction::bookings(const std::string &owner) {
    static const std::string all = std::string(k_booking) + "ORDER BY id";
    static const std::string of = std::string(k_booking) + "WHERE owner = ? ORDER BY id";
    return read_bookings(owner.empty() ? TRY(m_db.query(all)) : TRY(m_db.query(of, {owner})));
}

Result<void> SqliteTransaction::put(const Booking &b, const std::vector<resv::Demand> &demands) {
    const seal::ByteView id{b.id.bytes};
    const resv::Window &w = b.life.window;
    TRY(m_db.run("INSERT OR REPLACE INTO reservations VALUES "
                 "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                 {id,
                  b.owner,
                  b.channel,
                  b.relay,
                  b.viewers,
                  wire::compact_json(wire::to_json(b.request)),
                  resv::name(b.life.state),
                  w.start,
                  w.end,
                  std::int64_t{w.lead_in.count()},
                  std::int64_t{w.drain.count()},
                  w.opens(),
                  b.life.hold_expires,
                  b.vid,
                  seal::ByteView{b.ticket_id},
                  std::int64_t{b.generation},
                  b.revision,
                  b.settings_serial,
                  b.feed_serial,
                  b.created,
                  b.first_media}));
    TRY(m_db.run("DELETE FROM demands WHERE reservation = ?", {id}));
    for (const resv::Demand &d : demands)
        TRY(m_db.run("INSERT INTO demands VALUES (?, ?, ?, ?, ?, ?)",
                     {id, d.resource, d.units, w.opens(), w.closes(), b.life.hold_expires}));
    return {};
}

Result<std::vector<resv::Load>> SqliteTransaction::loads(resv::Span span, UtcTime now,
                                                         const std::optional<base::Id> &except) {
    // What overlaps opened at most the longest length before the span: one range of one index.
    const auto longest = TRY(m_db.number("SELECT closes_ms - opens_ms FROM demands "
                                         "ORDER BY closes_ms - opens_ms DESC LIMIT 1"));
    auto rows =
        TRY(m_db.query("SELECT resource, opens_ms, closes_ms, units FROM demands "
                       "WHERE opens_ms > ? AND opens_ms < ? AND closes_ms > ? "
                       "AND (hold_expires_ms IS NULL OR hold_expires_ms > ?) AND reservation <> ?",
                       {base::unix_ms(span.from) - longest.value_or(0), span.to, span.from, now,
                        except ? seal::ByteView{except->bytes} : seal::ByteView{}}));
    std::vector<resv::Load> out;
    while (TRY(rows.next()))
        out.push_back({rows.text(0), {rows.time(1), rows.time(2)}, rows.integer(3)});
    return out;
}

Result<std::vector<Booking>> SqliteTransaction::due(UtcTime now) {
    static const std::string sql = std::string(k_booking) +
                                   "WHERE state IN ('held', 'booked', 'active') "
                                   "AND (opens_ms <= ? OR hold_expires_ms <= ?)";
    return read_bookings(TRY(m_db.query(sql, {now, now})));
}

Result<std::int64_t> SqliteTransaction::next_feed_serial() {
    TRY(m_db.run("UPDATE serials SET value = value + 1 WHERE name = 'feed'"));
    const auto serial = TRY(m_db.number("SELECT value FROM serials WHERE name = 'feed'"));
    if (!serial)
        return base::fail(Errc::bad_data, "ledger: the feed's serial is missing");
    return *serial;
}

Result<std::vector<Booking>> SqliteTransaction::changed(const std::string &relay,
                                                        std::int64_t after) {
    static const std::string sql =
        std::string(k_booking) + "WHERE relay = ? AND feed_serial > ? ORDER BY feed_serial";
    return read_bookings(TRY(m_db.query(sql, {relay, after})));
}

Result<std::optional<Party>> SqliteTransaction::party_by_key(const seal::KeyId &key) {
    static const std::string sql = std::string(k_party) + "WHERE key_id = ?";
    return one<Party>(TRY(m_db.query(sql, {seal::ByteView{key.bytes}})), read_party);
}

Result<std::optional<Party>> SqliteTransaction::party_by_name(const std::string &name) {
    static const std::string sql = std::string(k_party) + "WHERE name = ?";
    return one<Party>(TRY(m_db.query(sql, {name})), read_party);
}

Result<std::vector<Party>> SqliteTransaction::parties() {
    static const std::string sql = std::string(k_party) + "ORDER BY name";
    auto rows = TRY(m_db.query(sql));
    std::vector<Party> out;
    while (TRY(rows.next()))
        out.push_back(TRY(read_party(rows)));
    return out;
}

Result<void> SqliteTransaction::put(const Party &p) {
    const seal::KeyId id = p.id();
    return m_db.run("INSERT INTO parties VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE "
                    "SET role = excluded.role, key_id = excluded.key_id, "
                    "sign_key = excluded.sign_key, box_key = excluded.box_key, "
                    "enrolled_ms = excluded.enrolled_ms, seen_ms = excluded.seen_ms",
                    {p.name, name(p.role), seal::ByteView{id.bytes}, seal::ByteView{p.sign_key},
                     seal::ByteView{p.box_key}, p.enrolled, p.seen});
}

Result<std::optional<Token>> SqliteTransaction::token(const seal::Hash256 &hash) {
    auto rows = TRY(m_db.query("SELECT name, role, expires_ms, used_by FROM tokens WHERE hash = ?",
                               {seal::ByteView{hash}}));
    if (!TRY(rows.next()))
        return std::nullopt;
    Token t;
    t.hash = hash;
    t.name = rows.text(0);
    t.role = TRY(parse_role(rows.text(1)));
    t.expires = rows.time(2);
    if (const auto used = rows.blob(3); !used.empty())
        t.used_by = seal::KeyId{TRY(fixed<8>(used))};
    return t;
}

Result<void> SqliteTransaction::put(const Token &t) {
    return m_db.run("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?)",
                    {seal::ByteView{t.hash}, t.name, name(t.role), t.expires,
                     t.used_by ? seal::ByteView{t.used_by->bytes} : seal::ByteView{}});
}

Result<std::optional<StoredAnswer>> SqliteTransaction::answer(const seal::KeyId &by,
                                                              const std::string &key) {
    auto rows = TRY(
        m_db.query("SELECT request, status, body, created_ms FROM answers WHERE by = ? AND key = ?",
                   {seal::ByteView{by.bytes}, key}));
    if (!TRY(rows.next()))
        return std::nullopt;
    const auto request = TRY(fixed<32>(rows.blob(0)));
    return StoredAnswer{.by = by,
                        .key = key,
                        .request = request,
                        .status = static_cast<int>(rows.integer(1)),
                        .body = rows.text(2),
                        .created = rows.time(3)};
}

Result<void> SqliteTransaction::put(const StoredAnswer &a) {
    return m_db.run("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                    {seal::ByteView{a.by.bytes}, a.key, seal::ByteView{a.request},
                     std::int64_t{a.status}, a.body, a.created});
}

Result<void> SqliteTransaction::put(const StoredReport &r) {
    return m_db.run(
        "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?)",
        {r.relay, seal::ByteView{r.reservation.bytes}, r.event, r.at, r.bytes, r.received});
}

Result<std::optional<seal::KeyId>> SqliteTransaction::signing_key() {
    return one<seal::KeyId>(TRY(m_db.query("SELECT key_id FROM signing_key")),
                            [](const Cursor &row) -> Result<seal::KeyId> {
                                return seal::KeyId{TRY(fixed<8>(row.blob(0)))};
                            });
}

Result<void> SqliteTransaction::put_signing_key(const seal::KeyId &id) {
    return m_db.run("INSERT OR REPLACE INTO signing_key VALUES (1, ?)", {seal::ByteView{id.bytes}});
}

Result<void> SqliteTransaction::prune(UtcTime answers_before, UtcTime now) {
    TRY(m_db.run("DELETE FROM answers WHERE created_ms < ?", {answers_before}));
    return m_db.run("DELETE FROM tokens WHERE expires_ms < ?", {now});
}

} // namespace ledger
