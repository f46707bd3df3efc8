#include "relay/pull_server.hpp"

#include <algorithm>
#include <array>
#include <poll.h>

namespace relay {

using base::Errc;
using base::fail;
using base::Result;
using namespace std::chrono_literals;

namespace {
constexpr auto k_turn = 10ms;
constexpr auto k_report = 200ms;
// When an event has ended: what was acknowledged is still held back by the viewer's latency, and
// many a player forgets it when the connection goes; what was not is waited for.
constexpr auto k_linger = 2s;
constexpr auto k_last = 5s;
constexpr auto k_forgive = 60s;
constexpr int k_max_moves = 3;
constexpr std::int64_t k_share = 1 << 20; // bytes at one go, so that nobody waits long for a turn
constexpr int k_messages_at_once = 256;
} // namespace

Result<std::unique_ptr<PullServer>> PullServer::open(const wire::PullSetup &setup,
                                                     base::MessageSocket &parent) {
    auto poll = TRY(media::SrtPoll::make());
    std::unique_ptr<PullServer> out{new PullServer{parent, std::move(poll)}};
    out->m_listener = std::make_unique<media::SrtListener>(TRY(media::SrtListener::open(
        {.host = setup.listen.host, .port = setup.listen.port}, base::Millis{setup.latency_ms},
        [self = out.get()](const media::SrtOffer &offer) { return self->on_offer(offer); },
        media::SrtCipher::open)));
    TRY(out->m_poll.watch(out->m_listener->handle()));
    TRY(out->m_poll.watch_fd(parent.fd()));
    return out;
}

media::SrtAnswer PullServer::on_offer(const media::SrtOffer &offer) {
    const auto verdict = decide_pull(offer.stream_id, *m_table.load());
    if (verdict)
        return {};
    const std::lock_guard lock{m_mutex};
    ++m_refused[std::string{wire::name(verdict.error())}];
    return {.refuse = static_cast<int>(verdict.error()), .passphrase = {}};
}

Result<void> PullServer::run(int stop_fd) {
    TRY(m_poll.watch_fd(stop_fd));
    for (;;) {
        const media::SrtPoll::Ready &ready = m_poll.wait(k_turn);
        if (std::ranges::count(ready.sockets, m_listener->handle()) > 0)
            accept_all();
        if (std::ranges::count(ready.fds, stop_fd) > 0)
            return {};
        if (!ready.fds.empty())
            if (auto heard = hear(); !heard) {
                if (heard.error().code == Errc::unavailable)
                    return {}; // nobody is left to serve for
                return heard;
            }
        const auto now = std::chrono::steady_clock::now();
        serve(now);
        report(now);
        while (!m_outbox.empty() && m_parent.send(m_outbox.front()))
            m_outbox.pop_front();
    }
}

Result<void> PullServer::hear() {
    bool changed = false;
    for (int i = 0; i < k_messages_at_once; ++i) {
        auto message = TRY(m_parent.receive());
        if (!message)
            break;
        const wire::PullMessage said = TRY(wire::read_pull(message->text));
        TRY(take(said, message->fds));
        changed = changed || std::holds_alternative<wire::PullEvent>(said) ||
                  std::holds_alternative<wire::PullForget>(said);
    }
    if (changed)
        publish();
    return {};
}

void PullServer::publish() {
    auto table = std::make_shared<PullTable>();
    for (const auto &[number, event] : m_events)
        table->insert_or_assign(event.vid, event);
    m_table.store(std::move(table));
}

Result<void> PullServer::take(const wire::PullMessage &message, std::vector<base::Fd> &fds) {
    if (const auto *event = std::get_if<wire::PullEvent>(&message)) {
        m_events[event->event] = *event;
    } else if (const auto *gone = std::get_if<wire::PullForget>(&message)) {
        m_events.erase(gone->event);
        close_if([&](const Session &s) { return s.event == gone->event; });
        m_media.erase(gone->event);
    } else if (const auto *extent = std::get_if<wire::PullExtent>(&message)) {
        if (fds.size() != 1)
            return fail(Errc::protocol, "extent: {} descriptors instead of one", fds.size());
        return m_media[extent->event].give(*extent, fds.front());
    } else if (const auto *drop = std::get_if<wire::PullDrop>(&message)) {
        m_media[drop->event].drop(drop->extent);
    } else if (const auto *media = std::get_if<wire::PullMedia>(&message)) {
        return m_media[media->event].add(*media);
    } else if (const auto *end = std::get_if<wire::PullEnd>(&message)) {
        m_media[end->event].end();
    } else if (const auto *close = std::get_if<wire::PullClose>(&message)) {
        close_if([&](const Session &s) { return s.number == close->session; });
    } else {
        return fail(Errc::protocol, "the parent sent a message that is not the parent's");
    }
    return {};
}

void PullServer::accept_all() {
    while (auto socket = m_listener->accept()) {
        // The table may have changed since the handshake.
        const auto event = decide_pull(socket.stream_id(), *m_table.load());
        if (!event || !m_poll.watch(socket.handle()))
            continue;
        const std::int64_t number = m_next++;
        tell(wire::PullOpened{.session = number, .event = *event, .peer = socket.peer()});
        m_sessions.push_back({.number = number, .event = *event, .socket = std::move(socket)});
    }
}

void PullServer::serve(base::SteadyTime now) {
    std::map<std::int64_t, bool> over; // by session: whether for slowness
    for (Session &session : m_sessions) {
        const Outcome outcome = pump(session, m_media[session.event], now);
        if (outcome != Outcome::stay)
            over[session.number] = outcome == Outcome::slow;
    }
    if (over.empty())
        return;
    for (Session &session : m_sessions)
        if (const auto found = over.find(session.number); found != over.end())
            farewell(session, found->second);
    std::erase_if(m_sessions, [&](const Session &s) { return over.contains(s.number); });
}

PullServer::Outcome PullServer::pump(Session &session, const PullMedia &media,
                                     base::SteadyTime now) {
    std::array<std::uint8_t, media::k_srt_max_message> nothing{}; // what a viewer may say
    if (!session.socket.receive(nothing) || session.socket.state() != media::SrtState::connected)
        return Outcome::gone;
    if (session.position < 0)
        session.position = media.start();
    else if (session.position < media.window_begin()) {
        session.moves_of_late = now - session.moved_at > k_forgive ? 0 : session.moves_of_late;
        session.moved_at = now;
        ++session.moves;
        if (++session.moves_of_late > k_max_moves)
            return Outcome::slow;
        session.position = media.start();
    }
    if (session.position < 0)
        return media.ended() ? Outcome::gone : Outcome::stay;
    for (std::int64_t share = k_share; share > 0;) {
        const auto there = media.at(session.position);
        if (there.empty())
            break;
        const auto message = there.first(std::min(there.size(), media::k_srt_payload_bytes));
        const auto sent = session.socket.send(message);
        if (!sent)
            return Outcome::gone;
        if (!*sent) // the buffer is full
            return Outcome::stay;
        session.position += std::ssize(message);
        session.sent += std::ssize(message);
        share -= std::ssize(message);
    }
    if (!media.ended() || session.position < media.end_position())
        return Outcome::stay;
    session.ending = session.ending.value_or(now);
    const auto lasted = now - *session.ending;
    const bool arrived = session.socket.unacknowledged() == 0 && lasted > k_linger;
    return arrived || lasted > k_last ? Outcome::gone : Outcome::stay;
}

void PullServer::report(base::SteadyTime now) {
    if (now - m_reported < k_report)
        return;
    m_reported = now;
    for (Session &s : m_sessions)
        account(s);
    std::map<std::string, std::int64_t, std::less<>> refused;
    {
        const std::lock_guard lock{m_mutex};
        refused.swap(m_refused);
    }
    for (const auto &[reason, count] : refused)
        tell(wire::PullRefused{.reason = reason, .count = count});
}

void PullServer::account(Session &session) {
    if (session.sent == 0 && session.moves == 0)
        return;
    tell(wire::PullSent{.session = session.number, .bytes = session.sent, .moves = session.moves});
    session.sent = session.moves = 0;
}

void PullServer::farewell(Session &session, bool slow) {
    account(session);
    tell(wire::PullClosed{.session = session.number, .slow = slow});
}

void PullServer::tell(const wire::PullMessage &message) {
    m_outbox.push_back(wire::write_pull(message));
}

void PullServer::close_if(const std::function<bool(const Session &)> &which) {
    for (Session &s : m_sessions)
        if (which(s))
            farewell(s, false);
    std::erase_if(m_sessions, which);
}

Result<void> run_pull(base::MessageSocket &parent, int stop_fd,
                      const std::function<Result<void>()> &confine) {
    for (;;) {
        std::array<pollfd, 2> waiting{{{parent.fd(), POLLIN, 0}, {stop_fd, POLLIN, 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return base::fail_errno("wait for", "the parent");
        if (waiting[1].revents != 0)
            return {};
        auto message = parent.receive();
        if (!message && message.error().code == Errc::unavailable)
            return {};
        if (!message)
            return std::unexpected(std::move(message).error());
        if (!*message)
            continue;
        const auto said = TRY(wire::read_pull((*message)->text));
        const auto *setup = std::get_if<wire::PullSetup>(&said);
        if (setup == nullptr)
            return fail(Errc::protocol, "the parent's first message is no setup");
        const media::SrtLibrary library;
        const auto server = TRY(PullServer::open(*setup, parent));
        TRY(confine());
        return server->run(stop_fd);
    }
}

} // namespace relay
