// How viewers' connections are handed over: a worker rests, its connections say how they are, and
// in the next program another worker goes on with them.
#include "relay/carry.hpp"
#include "relay/worker.hpp"

#include <sys/epoll.h>

namespace relay {

namespace {
using namespace std::chrono_literals;
constexpr auto k_resumed_time = 30s; // for the rest of an answer, or the next request
constexpr auto k_resumed_live = 24h * 366;
} // namespace

void LiveCursor::Place::carry(Carry &c) {
    c("extent", extent);
    c("extent_base", extent_base);
    c("position", position);
    c("moves", moves);
    c("moved_at", moved_at);
}

void ConnectionState::carry(Carry &c) {
    c.descriptor("fd", fd);
    c("loopback", origin.loopback);
    c("admin", origin.admin);
    std::string address{reinterpret_cast<const char *>(origin.address.bytes.data()),
                        origin.address.bytes.size()};
    c("v6", origin.address.v6);
    c.bytes("address", address);
    if (address.size() == origin.address.bytes.size())
        std::ranges::copy(address, origin.address.bytes.begin());
    c.bytes("in", in);
    c.bytes("out", out);
    c.list("media", media, [](Carry &of, Slice &slice) { of("slice", slice); });
    c("close_after", close_after);
    c("event", event);
    c("live", live);
}

std::optional<ConnectionState>
Connection::state(const std::function<bool(const Event &)> &is_shown) const {
    if (m_transport.is_secure())
        return std::nullopt;
    ConnectionState out{.fd = fd(),
                        .origin = m_origin,
                        .in = {},
                        .out = {},
                        .media = {},
                        .close_after = m_close_after,
                        .event = {}};
    const bool asked = m_need == Need::password || m_awaited;
    out.in = (asked ? m_request.raw : m_reader.begun()) + m_in;
    const Event *of = nullptr;
    if (m_sending) {
        const std::string_view text = m_reply.body ? std::string_view{*m_reply.body} : m_reply.text;
        out.out = m_head.substr(m_head_at) + std::string(text.substr(m_text_at));
        out.media.assign(m_reply.media.begin() + static_cast<std::ptrdiff_t>(m_media_at),
                         m_reply.media.end());
        of = m_reply.event.get();
    }
    if (m_live) {
        of = m_event.get();
        if (is_shown(*m_event)) {
            out.live = m_live->at();
        } else {
            // Nothing will be added to that: the rest is an answer like any other.
            const SnapshotPtr rest = m_event->snapshot();
            out.media = slices_of(rest->slices, m_live->at().position, rest->end());
        }
    }
    if (of != nullptr && is_shown(*of))
        out.event = of->entry()->reservation;
    return out;
}

Connection::Need Connection::resume(ConnectionState state, const EventPtr &event,
                                    base::SteadyTime now) {
    m_in = std::move(state.in);
    m_close_after = state.close_after;
    m_deadline = now + k_resumed_time;
    if (state.live && event) {
        event->take_place();
        m_event = event;
        m_live.emplace(event, *std::move(state.live));
        m_deadline = now + k_resumed_live;
    }
    if (!state.out.empty() || !state.media.empty()) {
        m_head = std::move(state.out);
        m_reply.media = std::move(state.media);
        m_reply.event = event ? event : std::make_shared<Event>(wire::FeedEntry{}, "");
        m_sending = true;
        return proceed(now);
    }
    if (m_live)
        return pump_live(now);
    if (m_close_after && m_in.empty())
        return end();
    return m_in.empty() ? set(Need::read) : process(now);
}

Connection::Need Connection::retire() {
    if (!m_transport.is_secure() || m_live)
        return m_need;
    m_retired = true;
    if (m_need == Need::read && !m_greeting && m_in.empty() && m_reader.begun().empty())
        return end();
    m_close_after = true;
    return m_need;
}

void Worker::rest() {
    m_stop = true;
    poke();
    if (m_thread.joinable())
        m_thread.join();
}

void Worker::go() {
    m_stop = false;
    if (m_retiring.exchange(false))
        hear(!m_deaf);
    m_retired = false;
    m_thread = std::thread([this] { run(); });
}

void Worker::retire_secure() {
    m_retiring = true;
    poke();
}

// Each time round: who was in a handshake or waited may be through by now.
void Worker::retire() {
    hear(!m_deaf);
    std::vector<std::uint64_t> all;
    all.reserve(m_slots.size());
    for (const auto &[number, slot] : m_slots)
        all.push_back(number);
    bool done = true;
    for (const std::uint64_t number : all) {
        Slot &slot = m_slots.at(number);
        if (slot.connection->need() == Connection::Need::close)
            continue;
        const auto before = slot.connection->need();
        const auto after = slot.connection->retire();
        done = done && (!slot.connection->is_retiring() || after == Connection::Need::close);
        if (after != before)
            settle(number, slot, after);
    }
    m_retired = done;
}

std::vector<ConnectionState>
Worker::states(const std::function<bool(const Event &)> &is_shown) const {
    std::vector<ConnectionState> out;
    for (const auto &[number, slot] : m_slots)
        if (auto state = slot.connection->state(is_shown))
            out.push_back(*std::move(state));
    return out;
}

void Worker::adopt(ConnectionState state, const EventPtr &event) {
    const auto now = std::chrono::steady_clock::now();
    base::Fd socket{std::exchange(state.fd, -1)};
    const std::uint64_t number = m_next++;
    epoll_event interest{.events = EPOLLIN, .data = {.u64 = number}};
    if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, socket.get(), &interest) != 0)
        return;
    ++m_world.counters->connections;
    Slot &slot = m_slots[number];
    slot.connection = std::make_unique<Connection>(Transport{std::move(socket)}, number,
                                                   state.origin, m_connection_world, now);
    slot.interest = EPOLLIN;
    // Who has more than a configuration that changed allows stays, and does not count.
    if (auto place =
            state.origin.admin ? std::nullopt : m_world.addresses->enter(state.origin.address))
        slot.place = *std::move(place);
    const auto need = slot.connection->resume(std::move(state), event, now);
    settle(number, slot, need);
}

} // namespace relay
