#include "relay/srt_out.hpp"

#include "base/log.hpp"
#include "relay/viewer_token.hpp"

#include <fcntl.h>
#include <fmt/format.h>

namespace relay {

using base::Errc;
using base::fail;
using base::Result;

namespace {

using namespace std::chrono_literals;

constexpr auto k_restart_gap = 1s;
constexpr auto k_look = 100ms;
constexpr auto k_patience = 10s;        // with a child that takes no message
constexpr auto k_early_callers = 10min; // as for live.ts
constexpr int k_messages_at_once = 256;
constexpr std::size_t k_most_sessions = 100'000;
constexpr std::int64_t k_most_sent = std::int64_t{256} << 20; // told at a time
constexpr base::Millis k_latency = 120ms;

std::string_view refusal_now(const Event &event, const wire::FeedEntry &entry, base::UtcTime now) {
    if (event.is_over(now))
        return name(wire::PullRefusal::over);
    if (now < entry.window.opens() - k_early_callers)
        return name(wire::PullRefusal::too_early);
    return event.is_full() ? name(wire::PullRefusal::full) : "";
}

} // namespace

SrtOut::~SrtOut() {
    for (const auto &[number, session] : m_sessions)
        if (Known *known = find(session.event); known != nullptr && session.entered)
            known->event->leave();
}

void SrtOut::send(const wire::PullMessage &message, base::Fd fd) {
    outbox.emplace_back(message, std::move(fd));
}

void SrtOut::start() {
    m_started = std::chrono::steady_clock::now();
    auto child = Child::start(m_world.program, m_world.identity, m_world.mask, "relay-srt-out");
    if (!child)
        return base::log::error("SRT out: {}", child.error().message);
    m_child.emplace(std::move(*child));
    m_highest = -1;
    m_world.metrics->pull_started();
    send(wire::PullSetup{.listen = {.host = m_world.listen.host, .port = m_world.listen.port},
                         .latency_ms = k_latency.count()});
}

void SrtOut::end(std::string_view why) {
    const std::string reason = fmt::format("{} ({})", why, m_child->end());
    base::log::warning("SRT out ended: {}; starting it again", reason);
    m_world.on_end(reason);
    for (const auto &[number, session] : m_sessions)
        if (Known *known = find(session.event); known != nullptr && session.entered)
            known->event->leave();
    m_sessions.clear();
    m_known.clear();
    outbox.clear();
    m_stuck_since.reset();
    m_child.reset();
}

void SrtOut::flush() {
    const auto now = std::chrono::steady_clock::now();
    while (!outbox.empty()) {
        const auto &[message, fd] = outbox.front();
        const auto sent = m_child->socket().send(
            wire::write_pull(message), fd ? std::vector<int>{fd.get()} : std::vector<int>{});
        if (!sent && sent.error().code == Errc::try_again) {
            m_stuck_since = m_stuck_since.value_or(now);
            if (now - *m_stuck_since >= k_patience)
                end("it does not read its messages");
            return;
        }
        if (!sent)
            return end(sent.error().message);
        m_stuck_since.reset();
        outbox.pop_front();
    }
    m_stuck_since.reset();
}

void SrtOut::tick(const std::map<base::Id, LiveEvent> &events, base::UtcTime now) {
    if (!m_child && std::chrono::steady_clock::now() - m_started >= k_restart_gap)
        start();
    if (!m_child)
        return;
    const auto steady = std::chrono::steady_clock::now();
    if (steady - m_looked >= k_look)
        look(events, now);
    feed();
    flush();
}

void SrtOut::feed() {
    for (auto &[id, known] : m_known)
        if (known.viewers > 0)
            feed(known);
}

// How all events are, which changes rarely.
void SrtOut::look(const std::map<base::Id, LiveEvent> &events, base::UtcTime now) {
    m_looked = std::chrono::steady_clock::now();
    for (auto it = m_known.begin(); it != m_known.end();) {
        const auto live = events.find(it->first);
        const auto next = std::next(it);
        if (live == events.end() || live->second.event() != it->second.event ||
            it->second.event->withdrawn)
            forget(it);
        it = next;
    }
    for (const auto &[id, live] : events)
        if (!live.event()->withdrawn)
            tell(id, live.event(), now);
}

void SrtOut::tell(const base::Id &id, const EventPtr &event, base::UtcTime now) {
    const auto [at, fresh] = m_known.try_emplace(id);
    Known &known = at->second;
    if (fresh) {
        known.number = m_next_event++;
        known.event = event;
    }
    const EntryPtr entry = event->entry();
    const std::string_view refuse = refusal_now(*event, *entry, now);
    if (entry == known.entry && refuse == known.told.refuse)
        return;
    const bool locked = entry->disclosure == resv::Disclosure::password;
    const auto key = locked ? viewer_token_key(*m_world.viewer_key, *entry) : seal::Secret{};
    known.entry = entry;
    known.told = {.event = known.number,
                  .vid = entry->vid,
                  .token_key = locked ? seal::to_base64url(key.view()) : "",
                  .refuse = std::string(refuse)};
    send(known.told);
}

// What of the media is new to the child.
void SrtOut::feed(Known &known) {
    const SnapshotPtr snapshot = known.event->snapshot();
    if (snapshot == known.seen)
        return;
    known.seen = snapshot;
    for (const Slice &slice : snapshot->slices) {
        const std::int64_t from = std::max({slice.begin, known.sent_to, snapshot->window_begin});
        if (from >= slice.end)
            continue;
        const auto number = number_of(known, slice.extent);
        if (!number)
            return base::log::error("SRT out: {}", number.error().message);
        send(wire::PullMedia{.event = known.number,
                             .extent = *number,
                             .offset = slice.offset + from - slice.begin,
                             .begin = from,
                             .end = slice.end,
                             .newest_cut = snapshot->newest_cut,
                             .window_begin = snapshot->window_begin});
        known.sent_to = slice.end;
    }
    std::erase_if(known.extents, [&](const auto &extent) {
        const bool used = std::ranges::find(snapshot->slices, extent.first, &Slice::extent) !=
                          snapshot->slices.end();
        if (!used)
            send(wire::PullDrop{.event = known.number, .extent = extent.second});
        return !used;
    });
    if (snapshot->ended && !std::exchange(known.end_told, true))
        send(wire::PullEnd{.event = known.number});
}

// The child's number for @p extent, which it gets when it has not, to be read only.
Result<std::int64_t> SrtOut::number_of(Known &known, const ExtentPtr &extent) {
    if (const auto found = known.extents.find(extent); found != known.extents.end())
        return found->second;
    base::Fd fd{
        ::open(fmt::format("/proc/self/fd/{}", extent->fd()).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd)
        return base::fail_errno("open to be read", "memory of media");
    const std::int64_t number = m_next_extent++;
    known.extents.emplace(extent, number);
    send(wire::PullExtent{.event = known.number, .extent = number, .bytes = extent->bytes()},
         std::move(fd));
    return number;
}

// Nobody is left: what the child has of it is memory that the relay may want.
void SrtOut::starve(Known &known) {
    for (const auto &[extent, number] : known.extents)
        send(wire::PullDrop{.event = known.number, .extent = number});
    known.extents.clear();
    known.seen.reset();
    known.sent_to = -1;
}

void SrtOut::forget(std::map<base::Id, Known>::iterator known) {
    send(wire::PullForget{.event = known->second.number});
    for (auto &[number, session] : m_sessions)
        if (session.event == known->second.number && std::exchange(session.entered, false))
            known->second.event->leave();
    m_known.erase(known);
}

SrtOut::Known *SrtOut::find(std::int64_t number) {
    for (auto &[id, known] : m_known)
        if (known.number == number)
            return &known;
    return nullptr;
}

void SrtOut::readable() {
    if (const auto heard = hear(); !heard)
        end(heard.error().message);
}

Result<void> SrtOut::hear() {
    for (int i = 0; i < k_messages_at_once; ++i) {
        auto message = TRY(m_child->socket().receive());
        if (!message)
            return {};
        TRY(take(TRY(wire::read_pull(message->text))));
    }
    return {};
}

Result<void> SrtOut::take(const wire::PullMessage &message) {
    return std::visit(
        [this]<typename M>(const M &m) -> Result<void> {
            if constexpr (requires { on(m); })
                return on(m);
            else
                return fail(Errc::protocol, "it sent a message that is not a child's");
        },
        message);
}

Result<void> SrtOut::on(const wire::PullOpened &m) {
    if (m.session <= m_highest || m_sessions.size() >= k_most_sessions || m.event >= m_next_event)
        return fail(Errc::protocol, "a viewer of what is not there");
    m_highest = m.session;
    Known *known = find(m.event); // it may have been forgotten meanwhile
    const bool entered = known != nullptr && known->event->enter();
    m_sessions[m.session] = {.event = m.event, .entered = entered};
    if (!entered) {
        send(wire::PullClose{.session = m.session});
    } else {
        ++known->viewers;
        m_looked = {}; // the last place may be gone
    }
    return {};
}

Result<void> SrtOut::on(const wire::PullSent &m) {
    const auto session = m_sessions.find(m.session);
    if (session == m_sessions.end() || m.bytes > k_most_sent)
        return fail(Errc::protocol, "bytes that nobody had");
    if (Known *known = find(session->second.event)) {
        known->event->bytes_out += m.bytes;
        known->event->viewers_moved += m.moves;
    }
    return {};
}

Result<void> SrtOut::on(const wire::PullClosed &m) {
    const auto session = m_sessions.find(m.session);
    if (session == m_sessions.end())
        return fail(Errc::protocol, "a viewer left who was not there");
    if (Known *known = find(session->second.event); known != nullptr && session->second.entered) {
        known->event->leave();
        known->event->viewers_dropped += int{m.slow};
        m_looked = {};
        if (--known->viewers == 0)
            starve(*known);
    }
    m_sessions.erase(session);
    return {};
}

Result<void> SrtOut::on(const wire::PullRefused &m) const {
    if (!wire::pull_refusal(m.reason))
        return fail(Errc::protocol, "a refusal that there is not");
    m_world.metrics->pull_refused(m.reason, m.count);
    return {};
}

} // namespace relay
