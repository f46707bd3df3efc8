// The part of the ingest server that deals with publishers, and what the parent is told of them.
#include "relay/ingest_server.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace relay {

using base::Errc;
using base::fail;
using base::Result;
using namespace std::chrono_literals;

namespace {
constexpr base::Millis k_turn{20}; // between two looks at what nothing tells of
constexpr std::int64_t k_part_bytes = 256 * 1024;
constexpr std::size_t k_max_sessions = 64; // what relay-serve takes from one child
constexpr std::size_t k_max_outbox = 4096; // messages for a parent that does not read
} // namespace

IngestSession *IngestServer::by_handle(int handle) {
    const auto found = std::ranges::find_if(
        m_sessions, [&](const auto &session) { return session->handle() == handle; });
    return found == m_sessions.end() ? nullptr : found->get();
}

IngestSession *IngestServer::by_stream(std::int64_t stream) {
    const auto found = std::ranges::find_if(
        m_sessions, [&](const auto &session) { return session->stream() == stream; });
    return found == m_sessions.end() ? nullptr : found->get();
}

// Decides once more: between the callback and now another publisher may have come, or the table
// changed.
void IngestServer::accept_all() {
    while (media::SrtSocket socket = m_listener->accept()) {
        const Verdict verdict = decide(socket.stream_id(), *m_table.load(), m_keys, m_control);
        if (verdict && m_sessions.size() < k_max_sessions)
            begin(std::move(socket), *verdict);
        else
            m_refusals.note(verdict ? "full" : wire::name(verdict.error().why), socket.peer());
    }
}

void IngestServer::begin(media::SrtSocket socket, const Admitted &admitted) {
    for (const std::int64_t stream : admitted.replaces)
        end(stream, "replaced");
    auto live = std::make_shared<LiveSession>();
    live->stream = ++m_last_stream;
    live->generation = admitted.ticket.generation;
    live->instance = admitted.id.instance;
    live->path = admitted.id.path;
    live->begun = m_clock.steady();
    live->delivered = live->begun;
    if (admitted.ticket.mode == seal::TicketMode::preflight)
        live->preflight = admitted.ticket.expiry;
    const base::Id &reservation = admitted.ticket.reservation;
    const std::string peer = socket.peer();
    auto session = std::make_unique<IngestSession>(std::move(socket), live, reservation);
    // It is watched once the parent gave it an extent. A preflight gets none; when it cannot be
    // watched, it is broken, and housekeep() finds that.
    session->watched = live->preflight && m_poll.watch(session->handle()).has_value();
    m_sessions.push_back(std::move(session));
    change_table([&](AdmissionTable &t) { t.entries[reservation].live.push_back(live); });
    if (live->preflight)
        return tell(wire::IngestPreflight{
            .stream = live->stream, .reservation = reservation, .peer = peer});
    tell(wire::IngestOpened{.stream = live->stream,
                            .reservation = reservation,
                            .generation = live->generation,
                            .instance = seal::to_base64url(live->instance),
                            .path = live->path,
                            .peer = peer});
}

void IngestServer::unwatch(IngestSession &session) {
    if (session.watched)
        m_poll.forget(session.handle());
    session.watched = false;
}

void IngestServer::read(IngestSession &session) {
    switch (session.read(m_clock)) {
    case IngestSession::Reading::share:
        m_more_due = true;
        break;
    case IngestSession::Reading::idle:
        if (session.broken()) // housekeep() reads the rest; the poll would report it without end
            unwatch(session);
        break;
    case IngestSession::Reading::no_room:
        unwatch(session);
        break;
    case IngestSession::Reading::over:
        end(session.stream(),
            session.is_preflight()
                ? "gone"
                : gone_reason(m_table.load()->find(session.reservation()), m_control.now()));
        return;
    }
    if (const auto wanted = session.writer().take_need())
        tell(wire::IngestNeedExtent{.stream = session.stream(), .extent = *wanted});
}

void IngestServer::end(std::int64_t stream, std::string_view reason) {
    const auto found = std::ranges::find_if(
        m_sessions, [&](const auto &session) { return session->stream() == stream; });
    if (found == m_sessions.end())
        return;
    const std::unique_ptr<IngestSession> session = std::move(*found);
    m_sessions.erase(found);
    while (const auto part = session->writer().take_part())
        tell(*part);
    if (const std::uint64_t garbage = session->garbage_bytes(); garbage > 0)
        base::log::warning("stream {} of {}: {} bytes were no TS and were dropped", stream,
                           session->reservation().text(), garbage);
    if (session->is_preflight())
        tell(session->done(reason, m_clock.steady()));
    else
        tell(wire::IngestClosed{.stream = stream, .reason = std::string{reason}});
    change_table([&](AdmissionTable &t) {
        if (const auto entry = t.entries.find(session->reservation()); entry != t.entries.end()) {
            std::erase(entry->second.live, session->live());
            if (reason == wire::name(wire::IngestRefusal::over_rate) && !session->is_preflight())
                entry->second.over_rate = {.instance = session->live()->instance,
                                           .until = m_clock.steady() + k_over_rate_for};
        }
    });
}

// Windows, withdrawals and rates hold for sessions that are live, too.
void IngestServer::enforce(base::SteadyTime now) {
    const TablePointer table = m_table.load();
    std::vector<std::pair<std::int64_t, std::string_view>> ending;
    for (const auto &session : m_sessions) {
        const AdmissionEntry *entry = table->find(session->reservation());
        const LiveSession &live = *session->live();
        const auto why = session->is_preflight()
                             ? must_end(entry, live, m_control.now(), now)
                             : must_end(entry, live.generation, m_control.now());
        if (why)
            ending.emplace_back(session->stream(), *why);
        else if (over_rate(session->meter(), entry->terms.max_rate, now))
            ending.emplace_back(session->stream(), wire::name(wire::IngestRefusal::over_rate));
    }
    for (const auto &[stream, why] : ending)
        end(stream, why);
}

void IngestServer::housekeep() {
    const base::SteadyTime now = m_clock.steady();
    enforce(now);
    // A connection that broke is read on for its latency without an event that says so; one that
    // waits for an extent may be gone meanwhile.
    std::vector<std::int64_t> quiet;
    for (const auto &session : m_sessions)
        if (session->broken())
            quiet.push_back(session->stream());
    for (const std::int64_t stream : quiet)
        if (IngestSession *session = by_stream(stream))
            read(*session);
    tell_parts(now);
    if (now - m_last_stats >= 1s) {
        m_last_stats = now;
        for (const auto &session : m_sessions) {
            const wire::IngestStats stats = session->stats(now); // a preflight's for its end
            if (!session->is_preflight())
                tell(stats);
        }
    }
    for (const wire::IngestRefused &refused : m_refusals.take(now))
        tell(refused);
}

// While the parent is behind, parts are not made: they grow instead of queueing.
void IngestServer::tell_parts(base::SteadyTime now) {
    if (!m_outbox.empty())
        return;
    for (const auto &session : m_sessions) {
        ExtentWriter &writer = session->writer();
        if (writer.pending_bytes() == 0 ||
            (writer.pending_bytes() < k_part_bytes && now - writer.pending_since() < m_part_age))
            continue;
        while (const auto part = writer.take_part())
            tell(*part);
    }
}

// Until the next turn when nothing happens: no longer than media may wait, where there is any.
base::Millis IngestServer::patience() const {
    const bool waits = std::ranges::any_of(
        m_sessions, [](const auto &session) { return session->writer().pending_bytes() > 0; });
    return waits ? std::min<base::Millis>(k_turn, m_part_age) : k_turn;
}

void IngestServer::tell(const wire::IngestMessage &message) {
    m_outbox.push_back(wire::write_ingest(message));
}

Result<void> IngestServer::send_outbox() {
    while (!m_outbox.empty()) {
        const auto sent = m_parent.send(m_outbox.front());
        if (!sent && sent.error().code == Errc::try_again)
            break;
        if (!sent)
            return sent;
        m_outbox.pop_front();
    }
    if (m_outbox.size() > k_max_outbox)
        return fail(Errc::protocol, "the parent does not read: {} messages wait", m_outbox.size());
    return {};
}

} // namespace relay
