// The part of SqlTransaction that is about reservations and the feed.
#include "ledger/draft.hpp"
#include "ledger/sql_rows.hpp"
#include "ledger/sql_transaction.hpp"

#include <algorithm>
#include <iterator>

namespace ledger {

using base::Errc;
using base::Result;
using base::UtcTime;

namespace {

constexpr std::string_view k_booking =
    "SELECT id, owner, channel, relay, viewers, request, state, start_ms, end_ms, lead_in_s, "
    "drain_s, hold_expires_ms, vid, ticket_id, generation, revision, settings_serial, "
    "feed_serial, created_ms, first_media_ms, fee_minor, fee_currency, history, history_head, "
    "preflight_from_ms, preflight_until_ms, series "
    "FROM reservations ";

// In the order of the table's columns.
constexpr std::string_view k_put_booking =
    "INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
    "?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, channel = "
    "excluded.channel, "
    "relay = excluded.relay, viewers = excluded.viewers, request = excluded.request, "
    "state = excluded.state, start_ms = excluded.start_ms, end_ms = excluded.end_ms, "
    "lead_in_s = excluded.lead_in_s, drain_s = excluded.drain_s, opens_ms = excluded.opens_ms, "
    "hold_expires_ms = excluded.hold_expires_ms, vid = excluded.vid, "
    "ticket_id = excluded.ticket_id, generation = excluded.generation, "
    "revision = excluded.revision, settings_serial = excluded.settings_serial, "
    "feed_serial = excluded.feed_serial, created_ms = excluded.created_ms, "
    "first_media_ms = excluded.first_media_ms, fee_minor = excluded.fee_minor, "
    "fee_currency = excluded.fee_currency, history = excluded.history, "
    "history_head = excluded.history_head, preflight_from_ms = excluded.preflight_from_ms, "
    "preflight_until_ms = excluded.preflight_until_ms, series = excluded.series";

Result<Booking> read_booking(const Rows &row) {
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
    if (row.type(20) != Rows::Type::null)
        b.fee = resv::Money{.minor = row.integer(20), .currency = row.text(21)};
    b.history = row.integer(22);
    b.history_head = TRY(fixed<32>(row.blob(23)));
    if (row.type(24) != Rows::Type::null)
        b.preflight = resv::Span{row.time(24), row.time(25)};
    if (row.type(26) != Rows::Type::null)
        b.series = base::Id{TRY(fixed<16>(row.blob(26)))};
    return b;
}

Result<std::vector<Booking>> read_bookings(const std::unique_ptr<Rows> &rows) {
    std::vector<Booking> out;
    while (TRY(rows->next()))
        out.push_back(TRY(read_booking(*rows)));
    return out;
}

} // namespace

Result<std::optional<Booking>> SqlTransaction::booking(const base::Id &id) {
    static const std::string sql = std::string(k_booking) + "WHERE id = ?";
    return one<Booking>(TRY(m_sql.query(sql, {seal::ByteView{id.bytes}})), read_booking);
}

Result<std::vector<Booking>> SqlTransaction::bookings(const std::string &owner) {
    static const std::string all = std::string(k_booking) + "ORDER BY id";
    static const std::string of = std::string(k_booking) + "WHERE owner = ? ORDER BY id";
    return read_bookings(owner.empty() ? TRY(m_sql.query(all)) : TRY(m_sql.query(of, {owner})));
}

Result<std::vector<Booking>> SqlTransaction::bookings_of(const base::Id &series) {
    static const std::string sql = std::string(k_booking) + "WHERE series = ? ORDER BY id";
    return read_bookings(TRY(m_sql.query(sql, {seal::ByteView{series.bytes}})));
}

std::array<Value, k_booking_columns> booking_row(const Booking &b, std::string &request) {
    const resv::Window &w = b.life.window;
    request = wire::compact_json(wire::to_json(b.request));
    return {seal::ByteView{b.id.bytes},
            b.owner,
            b.channel,
            b.relay,
            b.viewers,
            request,
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
            b.first_media,
            b.fee ? Value{b.fee->minor} : Value{},
            b.fee ? Value{b.fee->currency} : Value{},
            b.history,
            seal::ByteView{b.history_head},
            b.preflight ? Value{b.preflight->from} : Value{},
            b.preflight ? Value{b.preflight->to} : Value{},
            b.series ? Value{seal::ByteView{b.series->bytes}} : Value{}};
}

std::array<Value, k_demand_columns> demand_row(const Booking &b, const resv::Load &load) {
    return {load.resource, load.span.from, seal::ByteView{b.id.bytes},
            load.span.to,  load.units,     b.life.hold_expires};
}

Result<void> raise_longest(Sql &sql, std::int64_t ms) {
    return sql.run("UPDATE longest SET ms = ? WHERE ms < ?", {ms, ms});
}

Result<void> SqlTransaction::put(const Booking &b, const std::vector<resv::Demand> &demands) {
    std::string request;
    TRY(m_sql.run_with(k_put_booking, booking_row(b, request)));
    TRY(remove_demands("DELETE FROM demands WHERE reservation = ?", {seal::ByteView{b.id.bytes}}));
    const auto loads = loads_of(b, demands);
    if (loads.empty())
        return {};
    std::vector<Value> values;
    std::int64_t longest = 0;
    for (const resv::Load &load : loads) {
        longest = std::max<std::int64_t>(longest, (load.span.to - load.span.from).count());
        std::ranges::copy(demand_row(b, load), std::back_inserter(values));
        if (m_changes != nullptr)
            m_changes->added.push_back({load, b.life.hold_expires});
    }
    TRY(insert_rows(m_sql, "INSERT INTO demands", k_demand_columns, values));
    return raise_longest(m_sql, longest);
}

Result<void> SqlTransaction::put_settings_serial(const base::Id &id, std::int64_t serial) {
    return m_sql.run("UPDATE reservations SET settings_serial = ? WHERE id = ?",
                     {serial, seal::ByteView{id.bytes}});
}

Result<void> SqlTransaction::remove_demands(std::string_view sql,
                                            std::initializer_list<Value> values) {
    if (m_changes == nullptr)
        return m_sql.run(sql, values);
    const auto rows = TRY(m_sql.query(
        std::string(sql) + " RETURNING resource, opens_ms, closes_ms, units, hold_expires_ms",
        values));
    while (TRY(rows->next()))
        m_changes->removed.push_back(
            {{rows->text(0), {rows->time(1), rows->time(2)}, rows->integer(3)},
             rows->optional_time(4)});
    return {};
}

Result<void> SqlTransaction::remove_dead_holds(UtcTime now) {
    return remove_demands("DELETE FROM demands WHERE hold_expires_ms <= ?", {now});
}

Result<std::vector<resv::Load>> SqlTransaction::loads(const std::vector<std::string> &resources,
                                                      resv::Span span, UtcTime now,
                                                      const std::optional<base::Id> &except) {
    if (resources.empty())
        return std::vector<resv::Load>{};
    // What overlaps opened at most the longest length before the span: one range of the index for
    // each resource.
    std::string sql =
        "SELECT resource, opens_ms, closes_ms, units FROM demands WHERE resource IN (?";
    for (std::size_t i = 1; i < resources.size(); ++i)
        sql += ", ?";
    sql += ") AND opens_ms > ? - (SELECT ms FROM longest) AND opens_ms < ? AND closes_ms > ? "
           "AND (hold_expires_ms IS NULL OR hold_expires_ms > ?) AND reservation <> ?";
    std::vector<Value> values{resources.begin(), resources.end()};
    values.insert(values.end(), {Value{span.from}, Value{span.to}, Value{span.from}, Value{now},
                                 except ? seal::ByteView{except->bytes} : seal::ByteView{}});
    const auto rows = TRY(m_sql.query_with(sql, values));
    std::vector<resv::Load> out;
    while (TRY(rows->next()))
        out.push_back({rows->text(0), {rows->time(1), rows->time(2)}, rows->integer(3)});
    return out;
}

Result<std::vector<Booking>> SqlTransaction::within(resv::Span span, UtcTime now,
                                                    std::size_t most) {
    // Each takes one channel: its only row of that name. For the range of opens_ms: see loads().
    static const std::string sql =
        std::string(k_booking) +
        "WHERE id IN (SELECT reservation FROM demands WHERE resource LIKE 'channel:%' "
        "AND opens_ms > ? - (SELECT ms FROM longest) AND opens_ms < ? AND closes_ms > ? "
        "AND (hold_expires_ms IS NULL OR hold_expires_ms > ?)) ORDER BY start_ms, id LIMIT ?";
    return read_bookings(TRY(
        m_sql.query(sql, {span.from, span.to, span.from, now, static_cast<std::int64_t>(most)})));
}

Result<resv::Usage> SqlTransaction::usage(const std::string &owner, resv::Span month, UtcTime now,
                                          const std::optional<base::Id> &except) {
    const seal::ByteView other = except ? seal::ByteView{except->bytes} : seal::ByteView{};
    // What is not over yet began at most the longest time ago: both read the index of airtime.
    const auto ahead =
        TRY(m_sql.number("SELECT count(*) FROM reservations WHERE owner = ? "
                         "AND start_ms > ? - (SELECT ms FROM longest) AND end_ms > ? "
                         "AND state IN ('held', 'booked', 'active') "
                         "AND (hold_expires_ms IS NULL OR hold_expires_ms > ?) AND id <> ?",
                         {owner, now, now, now, other}));
    const auto airtime = TRY(
        m_sql.number("SELECT CAST(COALESCE(SUM(end_ms - start_ms), 0) AS BIGINT) FROM reservations "
                     "WHERE owner = ? AND start_ms >= ? AND start_ms < ? "
                     "AND state NOT IN ('cancelled', 'expired', 'revoked') "
                     "AND (hold_expires_ms IS NULL OR hold_expires_ms > ?) AND id <> ?",
                     {owner, month.from, month.to, now, other}));
    return resv::Usage{.ahead = ahead.value_or(0), .airtime = base::Millis{airtime.value_or(0)}};
}

Result<std::vector<Booking>> SqlTransaction::due(UtcTime now) {
    // An index for each of the two: this is asked every second.
    static const std::string sql =
        std::string(k_booking) +
        "WHERE id IN (SELECT id FROM reservations WHERE state IN ('held', 'booked', 'active') "
        "AND opens_ms <= ? UNION ALL SELECT id FROM reservations "
        "WHERE state = 'held' AND hold_expires_ms <= ?)";
    return read_bookings(TRY(m_sql.query(sql, {now, now})));
}

Result<std::int64_t> SqlTransaction::holds(UtcTime now) {
    const auto count = TRY(m_sql.number(
        "SELECT count(DISTINCT reservation) FROM demands WHERE hold_expires_ms > ?", {now}));
    return count.value_or(0);
}

Result<std::int64_t> SqlTransaction::next_feed_serial(const std::string &relay) {
    // A relay that is new here begins after `feed`, the one serial that all had in former ledgers.
    const auto serial = TRY(m_sql.number(
        "INSERT INTO serials VALUES (?, (SELECT value FROM serials WHERE name = 'feed') + 1) "
        "ON CONFLICT (name) DO UPDATE SET value = serials.value + 1 RETURNING value",
        {"feed:" + relay}));
    if (!serial)
        return base::fail(Errc::bad_data, "ledger: the feed's serial is missing");
    return *serial;
}

Result<std::vector<Booking>> SqlTransaction::changed(const std::string &relay, std::int64_t after) {
    static const std::string sql =
        std::string(k_booking) + "WHERE relay = ? AND feed_serial > ? ORDER BY feed_serial";
    return read_bookings(TRY(m_sql.query(sql, {relay, after})));
}

} // namespace ledger
