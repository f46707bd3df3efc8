#include "ledger/postgres_db.hpp"

#include "ledger/postgres.hpp"
#include "ledger/postgres_errors.hpp"
#include "ledger/postgres_parameters.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <libpq-fe.h>

namespace ledger {

using base::Errc;

namespace {

// What every connection is to have, whatever the database's defaults are. A transaction that waits
// or idles for longer would keep others from their resources.
constexpr const char *k_session =
    "SET synchronous_commit = on; SET search_path = slotcast, pg_temp;"
    "SET lock_timeout = '10s'; SET statement_timeout = '30s';"
    "SET idle_in_transaction_session_timeout = '30s';"
    "SET client_min_messages = warning; SET bytea_output = hex";

// The first line of a message of libpq.
std::string first_line(std::string_view text) {
    return std::string(text.substr(0, text.find('\n')));
}

// Whether the server ends the connection with this.
bool is_fatal(const PGresult *answer) {
    const char *severity = PQresultErrorField(answer, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity == nullptr || std::string_view(severity) == "FATAL" ||
           std::string_view(severity) == "PANIC";
}

std::string name_of(const PGconn *connection) {
    return fmt::format("postgresql {}/{}", PQhost(connection), PQdb(connection));
}

} // namespace

base::Result<void> check_postgres_uri(const std::string &uri) {
    char *text = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
        PQconninfoParse(uri.c_str(), &text), PQconninfoFree};
    const std::unique_ptr<char, decltype(&PQfreemem)> message{text, PQfreemem};
    if (!options || (!uri.starts_with("postgresql://") && !uri.starts_with("postgres://")))
        return base::fail_hint(Errc::config, "postgresql://[USER@][HOST]/DATABASE[?KEY=VALUE&…]",
                               "is not a connection URI of PostgreSQL");
    for (const PQconninfoOption *o = options.get(); o->keyword != nullptr; ++o)
        if (o->val != nullptr && (std::string_view(o->keyword) == "password" ||
                                  std::string_view(o->keyword) == "sslpassword"))
            return base::fail_hint(Errc::config,
                                   "put it into a passfile (passfile=… or ~/.pgpass), or use peer "
                                   "authentication",
                                   "has a password in it");
    return {};
}

void PostgresConnection::CloseConnection::operator()(pg_conn *connection) const {
    PQfinish(connection);
}
void PostgresConnection::ClearResult::operator()(pg_result *result) const {
    PQclear(result);
}

class PostgresConnection::Result final : public Rows {
  public:
    explicit Result(Answer answer) : m_answer(std::move(answer)) {}

    base::Result<bool> next() override { return ++m_row < PQntuples(m_answer.get()); }
    [[nodiscard]] Type type(int column) const override {
        if (PQgetisnull(m_answer.get(), m_row, column) == 1)
            return Type::null;
        switch (PQftype(m_answer.get(), column)) {
        case postgres_type::k_int4:
        case postgres_type::k_int8:
            return Type::integer;
        case postgres_type::k_bytea:
            return Type::blob;
        default:
            return Type::text;
        }
    }
    [[nodiscard]] std::int64_t integer(int column) const override {
        if (type(column) == Type::null)
            return 0;
        std::uint64_t out = 0;
        for (const char c : view(column))
            out = (out << 8U) | static_cast<std::uint8_t>(c);
        const bool narrow = PQftype(m_answer.get(), column) == postgres_type::k_int4;
        return narrow ? static_cast<std::int32_t>(out) : static_cast<std::int64_t>(out);
    }
    [[nodiscard]] std::string text(int column) const override { return std::string(view(column)); }
    [[nodiscard]] seal::Bytes blob(int column) const override {
        const auto bytes = view(column);
        return {bytes.begin(), bytes.end()};
    }

  private:
    [[nodiscard]] std::string_view view(int column) const {
        return {PQgetvalue(m_answer.get(), m_row, column),
                static_cast<std::size_t>(PQgetlength(m_answer.get(), m_row, column))};
    }

    Answer m_answer;
    int m_row = -1;
};

PostgresConnection::PostgresConnection(std::unique_ptr<pg_conn, CloseConnection> connection)
    : m_connection(std::move(connection)), m_name(name_of(m_connection.get())) {}
PostgresConnection::~PostgresConnection() = default;

base::Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const std::string &uri) {
    TRY(check_postgres_uri(uri));
    if (std::getenv("PGPASSWORD") != nullptr) // NOLINT(concurrency-mt-unsafe): nobody sets it
        return base::fail_hint(Errc::config, "put it into a passfile (.pgpass) and unset it",
                               "ledger: there is a password in the environment (PGPASSWORD)");
    // What the URI says comes after these, and wins.
    const std::array<const char *, 8> keys{
        "connect_timeout",      "tcp_user_timeout", "keepalives_idle", "fallback_application_name",
        "target_session_attrs", "dbname",           "client_encoding", nullptr};
    const std::array<const char *, 8> values{"5",          "10000",     "10",   "resv-control",
                                             "read-write", uri.c_str(), "UTF8", nullptr};
    auto connection =
        std::unique_ptr<pg_conn, CloseConnection>(PQconnectdbParams(keys.data(), values.data(), 1));
    if (!connection)
        throw std::bad_alloc();
    // Else it writes notices to stderr.
    PQsetNoticeReceiver(connection.get(), [](void *, const PGresult *) {}, nullptr);
    std::unique_ptr<PostgresConnection> out{new PostgresConnection(std::move(connection))};
    if (PQstatus(out->m_connection.get()) != CONNECTION_OK) {
        // Before there is a session, libpq has the text alone; it names no password.
        const std::string text = first_line(PQerrorMessage(out->m_connection.get()));
        const auto has = [&](std::string_view part) {
            return text.find(part) != std::string::npos;
        };
        if (has("does not exist") && has("database"))
            return base::fail_hint(Errc::no_input, "make the database first: createdb",
                                   "ledger: {}", text);
        if (has("authentication failed") || has("no password supplied") || has("pg_hba.conf") ||
            has("does not exist") || has("permission denied"))
            return base::fail_hint(Errc::not_permitted,
                                   "see pg_hba.conf, the user's name, and the passfile (.pgpass)",
                                   "ledger: {}", text);
        return base::fail_hint(Errc::unavailable, "see whether the database is running",
                               "ledger: {}", text);
    }
    const auto session = out->execute(k_session);
    if (!session && out->m_fate == Fate::lost) // whose error has no text, see note_lost()
        return base::fail_hint(Errc::unavailable, "see whether the database is running",
                               "ledger: the connection to the database was lost");
    TRY(session);
    if (PQenterPipelineMode(out->m_connection.get()) != 1)
        return base::fail(Errc::bug, "ledger {}: no pipeline mode", out->m_name);
    return out;
}

base::Result<void> PostgresConnection::execute(const char *sql) {
    collect();
    const bool pipeline = PQpipelineStatus(m_connection.get()) != PQ_PIPELINE_OFF;
    if (pipeline && PQexitPipelineMode(m_connection.get()) != 1)
        return base::fail(Errc::bug, "ledger {}: busy", m_name);
    m_error.reset();
    m_fate = Fate::good;
    const Answer answer{PQexec(m_connection.get(), sql)};
    if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK &&
        PQresultStatus(answer.get()) != PGRES_TUPLES_OK)
        note_failure(answer.get());
    if (pipeline && PQenterPipelineMode(m_connection.get()) != 1)
        note_lost();
    if (m_error)
        return failure();
    return {};
}

void PostgresConnection::note_lost() {
    m_fate = Fate::lost;
    m_error = base::Error{Errc::unavailable, "", ""};
}

// The first error of a transaction is the one that counts: the others follow from it.
void PostgresConnection::note_failure(const pg_result *answer) {
    if (m_error)
        return;
    const char *raw = answer == nullptr ? nullptr : PQresultErrorField(answer, PG_DIAG_SQLSTATE);
    const std::string_view state = raw == nullptr ? "" : raw;
    if (state.empty() || is_fatal(answer) || PQstatus(m_connection.get()) != CONNECTION_OK) {
        note_lost();
        return;
    }
    if (is_conflict(state)) {
        m_fate = Fate::conflict;
        m_error = base::Error{Errc::try_again, "", ""};
        return;
    }
    const char *text = PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
    m_error = base::Error{
        Errc::bug, fmt::format("ledger {}: {} ({})", m_name, text == nullptr ? "" : text, state),
        ""};
    if (const auto *meaning = meaning_of(state)) {
        m_error->code = meaning->code;
        m_error->hint = meaning->hint;
    }
}

std::unexpected<base::Error> PostgresConnection::failure() const {
    return std::unexpected(*m_error);
}

void PostgresConnection::begin(Mode mode) {
    collect(); // the end of the former transaction, for which nobody waited
    if (m_fate != Fate::lost) {
        m_error.reset();
        m_fate = Fate::good;
    }
    send_plain(mode == Mode::write ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                                   : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    if (mode == Mode::write)
        send_plain("SELECT pg_advisory_xact_lock(1396919367, 1)");
}

void PostgresConnection::send_plain(const char *sql) {
    if (m_error)
        return;
    if (PQsendQueryParams(m_connection.get(), sql, 0, nullptr, nullptr, nullptr, nullptr,
                          PostgresParameters::k_binary) != 1)
        note_lost();
    else
        m_pending.push_back({Pending::Kind::statement, nullptr});
}

void PostgresConnection::send(std::string_view sql, Values values) {
    if (m_error)
        return;
    const PostgresParameters p{values};
    auto found = m_statements.find(sql);
    if (found == m_statements.end()) {
        found = m_statements
                    .emplace(sql, Statement{.name = fmt::format("s{}", m_next_statement++),
                                            .confirmed = false})
                    .first;
        if (PQsendPrepare(m_connection.get(), found->second.name.c_str(),
                          numbered_parameters(sql).c_str(), p.count(), p.types.data()) != 1)
            return note_lost();
        m_pending.push_back({Pending::Kind::prepare, &found->second});
    }
    if (PQsendQueryPrepared(m_connection.get(), found->second.name.c_str(), p.count(),
                            p.values.data(), p.lengths.data(), p.formats.data(),
                            PostgresParameters::k_binary) != 1)
        return note_lost();
    m_pending.push_back({Pending::Kind::statement, nullptr});
}

void PostgresConnection::send_now() {
    if (!m_error && PQflush(m_connection.get()) < 0)
        note_lost();
}

void PostgresConnection::synchronise() {
    if (m_fate == Fate::lost)
        return;
    if (PQpipelineSync(m_connection.get()) != 1)
        return note_lost();
    m_pending.push_back({Pending::Kind::sync, nullptr});
}

// Takes all answers that are still to come; the last one of a statement is returned.
PostgresConnection::Answer PostgresConnection::collect() {
    Answer last;
    for (; !m_pending.empty(); m_pending.pop_front()) {
        if (m_fate == Fate::lost)
            continue;
        const Pending &pending = m_pending.front();
        Answer answer{PQgetResult(m_connection.get())};
        const auto status = PQresultStatus(answer.get());
        if (pending.kind == Pending::Kind::sync) {
            if (status != PGRES_PIPELINE_SYNC)
                note_lost();
            continue;
        }
        if (!answer) {
            note_lost();
            continue;
        }
        const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
        if (!good && status != PGRES_PIPELINE_ABORTED)
            note_failure(answer.get());
        if (good && pending.kind == Pending::Kind::prepare)
            pending.statement->confirmed = true;
        if (good && pending.kind == Pending::Kind::statement)
            last = std::move(answer);
        while (m_fate != Fate::lost && Answer{PQgetResult(m_connection.get())}) {
        }
    }
    return last;
}

base::Result<std::unique_ptr<Rows>> PostgresConnection::query_with(std::string_view sql,
                                                                   Values values) {
    send(sql, values);
    if (!m_error && PQsendFlushRequest(m_connection.get()) != 1)
        note_lost();
    Answer answer = m_error ? nullptr : collect();
    if (m_error)
        return failure();
    return std::make_unique<Result>(std::move(answer));
}

base::Result<void> PostgresConnection::run_with(std::string_view sql, Values values) {
    send(sql, values);
    if (m_error)
        return failure();
    return {};
}

base::Result<void> PostgresConnection::commit() {
    send_plain("COMMIT");
    if (!m_error)
        synchronise();
    Answer answer = m_error ? nullptr : collect();
    // A transaction that failed on its own answers COMMIT with ROLLBACK.
    if (!m_error && (!answer || std::strcmp(PQcmdStatus(answer.get()), "COMMIT") != 0))
        m_error = base::Error{Errc::bug, fmt::format("ledger {}: the commit was none", m_name), ""};
    if (m_error)
        return failure();
    return {};
}

void PostgresConnection::end_read() {
    if (m_error)
        return rollback();
    send_plain("COMMIT");
    synchronise(); // the next begin() takes the answers
}

void PostgresConnection::rollback() {
    // Once more when a statement of which nobody had heard yet failed: it took the first with it.
    for (int i = 0; i < 2 && m_fate != Fate::lost; ++i) {
        if (m_error)
            synchronise(); // until here the server reads on without doing anything
        if (PQsendQueryParams(m_connection.get(), "ROLLBACK", 0, nullptr, nullptr, nullptr, nullptr,
                              PostgresParameters::k_binary) != 1)
            return note_lost();
        m_pending.push_back({Pending::Kind::statement, nullptr});
        synchronise();
        collect();
        if (PQtransactionStatus(m_connection.get()) == PQTRANS_IDLE)
            break;
    }
    std::erase_if(m_statements, [](const auto &s) { return !s.second.confirmed; });
}

void PostgresConnection::take_notifications() {
    if (PQconsumeInput(m_connection.get()) != 1)
        return note_lost();
    while (PGnotify *raw = PQnotifies(m_connection.get()))
        PQfreemem(raw);
}

int PostgresConnection::socket() const {
    return PQsocket(m_connection.get());
}

} // namespace ledger
