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
    c("tunnelled", tunnelled);
}

ConnectionState Connection::state(const std::function<bool(const Event &)> &is_shown) {
    ConnectionState out{.fd = fd(),
                        .origin = m_origin,
                        .in = {},
                        .out = {},
                        .media = {},
                        .close_after = m_close_after,
                        .event = {},
                        .tunnelled = m_transport.is_secure() || m_transport.is_tunnelled(),
                        .secure = m_transport.is_secure() ? &m_transport : nullptr,
                        .greeting = m_greeting};
    const bool asked = m_need == Need::password || m_awaited;
    if (!m_ending) // then nothing of him is heard any more
        out.in = (asked ? m_request.raw : m_reader.begun()) + m_in;
    const Event *of = nullptr;
    if (m_sending) {
        const std::string_view text = m_reply.words();
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
        return end(now);
    return m_in.empty() ? set(Need::read) : process(now);
}

void Worker::rest() {
    m_stop = true;
    poke();
    if (m_thread.joinable())
        m_thread.join();
}

void Worker::go() {
    m_stop = false;
    m_measured = {}; // its clock begins anew
    m_thread = std::thread([this] { run(); });
}

std::vector<ConnectionState> Worker::states(const std::function<bool(const Event &)> &is_shown) {
    take_in(std::chrono::steady_clock::now());
    std::vector<ConnectionState> out;
    out.reserve(m_slots.size());
    for (const auto &[number, slot] : m_slots)
        out.push_back(slot.connection->state(is_shown));
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
    m_world.crew->rota.entered(m_world.index);
    std::ignore = m_world.crew->rota.pass();
    Slot &slot = m_slots[number];
    slot.connection = std::make_unique<Connection>(
        state.tunnelled ? Transport::tunnelled(std::move(socket)) : Transport{std::move(socket)},
        number, state.origin, m_connection_world, now);
    slot.interest = EPOLLIN;
    // Who has more than a configuration that changed allows stays, and does not count.
    if (auto place =
            state.origin.admin ? std::nullopt : m_world.addresses->enter(state.origin.address))
        slot.place = *std::move(place);
    const auto need = slot.connection->resume(std::move(state), event, now);
    settle(number, slot, need);
}

} // namespace relay
