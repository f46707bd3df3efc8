// The tables of a ledger.
#include "ledger/sqlite_schema.hpp"

namespace ledger {

// `demands` holds what live reservations take, with their span copied beside it so that admission
// reads one index, and what their preflights take, with the span of these; it is empty for those
// that take nothing. `longest` is how long any of them ever was, at least: what overlaps a span
// opened at most so long before it. An index of lengths would cost each booking as many pages again
// as its demands. Answers are long, and kept in the order in which they came. 0x53434c47 is "SCLG".
const char *const k_sqlite_schema = R"sql(
PRAGMA application_id = 0x53434c47;
CREATE TABLE reservations (
    id BLOB PRIMARY KEY, owner TEXT NOT NULL, channel TEXT NOT NULL, relay TEXT NOT NULL,
    viewers INTEGER NOT NULL, request TEXT NOT NULL, state TEXT NOT NULL,
    start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, lead_in_s INTEGER NOT NULL,
    drain_s INTEGER NOT NULL, opens_ms INTEGER NOT NULL, hold_expires_ms INTEGER,
    vid TEXT NOT NULL, ticket_id BLOB NOT NULL, generation INTEGER NOT NULL,
    revision INTEGER NOT NULL, settings_serial INTEGER NOT NULL, feed_serial INTEGER NOT NULL,
    created_ms INTEGER NOT NULL, first_media_ms INTEGER, fee_minor INTEGER,
    fee_currency TEXT, history INTEGER NOT NULL, history_head BLOB NOT NULL,
    preflight_from_ms INTEGER, preflight_until_ms INTEGER,
    series BLOB) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_airtime ON reservations (owner, start_ms);
CREATE INDEX reservations_feed ON reservations (relay, feed_serial);
CREATE INDEX reservations_held ON reservations (hold_expires_ms) WHERE state = 'held';
CREATE INDEX reservations_live ON reservations (opens_ms)
    WHERE state IN ('held', 'booked', 'active');
CREATE TABLE demands (
    resource TEXT NOT NULL, opens_ms INTEGER NOT NULL, reservation BLOB NOT NULL,
    closes_ms INTEGER NOT NULL, units INTEGER NOT NULL, hold_expires_ms INTEGER,
    PRIMARY KEY (resource, opens_ms, reservation)) STRICT, WITHOUT ROWID;
CREATE INDEX demands_reservation ON demands (reservation);
CREATE TABLE history (
    reservation BLOB NOT NULL, sequence INTEGER NOT NULL, entry TEXT NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (reservation, sequence)) STRICT, WITHOUT ROWID;
CREATE INDEX demands_holds ON demands (hold_expires_ms) WHERE hold_expires_ms IS NOT NULL;
CREATE TABLE longest (one INTEGER PRIMARY KEY CHECK (one = 1), ms INTEGER NOT NULL) STRICT;
INSERT INTO longest VALUES (1, 0);
CREATE TABLE serials (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO serials VALUES ('feed', 0);
CREATE TABLE parties (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, key_id BLOB NOT NULL UNIQUE,
    sign_key BLOB NOT NULL, box_key BLOB NOT NULL, enrolled_ms INTEGER NOT NULL,
    seen_ms INTEGER, account INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX parties_account ON parties (account) WHERE account > 0;
CREATE TABLE former_keys (
    key_id BLOB PRIMARY KEY, name TEXT NOT NULL, sign_key BLOB NOT NULL, until_ms INTEGER NOT NULL,
    revoked INTEGER NOT NULL) STRICT;
CREATE INDEX former_keys_name ON former_keys (name);
CREATE TABLE tokens (
    hash BLOB PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, expires_ms INTEGER NOT NULL,
    used_by BLOB) STRICT;
CREATE TABLE answers (
    by TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY (by, key)) STRICT;
CREATE INDEX answers_created ON answers (created_ms);
CREATE TABLE reports (
    relay TEXT NOT NULL, reservation BLOB NOT NULL, event TEXT NOT NULL, at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL, received_ms INTEGER NOT NULL) STRICT;
CREATE INDEX reports_reservation ON reports (reservation);
CREATE TABLE signing_key (
    one INTEGER PRIMARY KEY CHECK (one = 1), key_id BLOB NOT NULL) STRICT;
CREATE TABLE series (
    id BLOB PRIMARY KEY, owner TEXT NOT NULL, repeat TEXT NOT NULL, zone TEXT NOT NULL,
    created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_series ON reservations (series) WHERE series IS NOT NULL;
CREATE TABLE outbox (
    id BLOB PRIMARY KEY, reservation BLOB NOT NULL, revision INTEGER NOT NULL,
    target TEXT NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL, created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (due_ms);
CREATE INDEX outbox_order ON outbox (reservation, target, revision);
PRAGMA user_version = 5;
)sql";

} // namespace ledger
