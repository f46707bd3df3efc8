#include "push/sender_link.hpp"

#include "wire/ingest_refusal.hpp"

#include <algorithm>

namespace push {

using namespace std::chrono_literals;

namespace {

constexpr auto k_retry = 1s;
constexpr auto k_retry_refused = 5s;
constexpr auto k_look = 100ms; // for losses
constexpr auto k_usual =
    100ms; // of media that is unacknowledged on a line that keeps up, and a round trip
constexpr auto k_margin = 200ms; // on top of SRT's latency, for the relay to read what it has

constexpr int k_first_own_code = 2000;

} // namespace

std::string_view name(SenderLink::State state) {
    switch (state) {
    case SenderLink::State::idle:
        return "waiting";
    case SenderLink::State::connecting:
        return "connecting";
    case SenderLink::State::live:
        return "live";
    case SenderLink::State::lost:
        return "lost";
    case SenderLink::State::refused:
        return "refused";
    }
    return "lost";
}

void SenderLink::aim(const std::optional<wire::SenderPath> &path, base::BitRate max_rate) {
    m_max_rate = max_rate;
    if (path == m_path)
        return;
    close();
    m_path = path;
    set(path ? State::connecting : State::idle, {});
}

void SenderLink::set(State state, std::string detail) {
    m_state = state;
    m_detail = std::move(detail);
}

void SenderLink::close() {
    if (!m_socket)
        return;
    m_former = stats();
    m_former.unacknowledged_ms = 0;
    m_behind = false;
    m_socket.close();
    m_acknowledged_since.reset();
}

void SenderLink::turn() {
    if (!m_path)
        return;
    if (!m_socket) {
        if (m_clock.steady() >= m_next_attempt[m_path->carrier])
            attempt();
        return;
    }
    switch (m_socket.state()) {
    case media::SrtState::connecting:
        break;
    case media::SrtState::connected:
        if (m_state != State::live) {
            ++m_connections;
            m_live_since = m_clock.steady();
            m_latency = std::max(base::Millis{m_path->latency_ms}, m_socket.latency());
            set(State::live, {});
        }
        brake();
        break;
    case media::SrtState::broken:
        failed();
        break;
    }
}

void SenderLink::attempt() {
    m_next_attempt[m_path->carrier] = m_clock.steady() + k_retry;
    const auto call = call_over(*m_path, m_max_rate, m_instance, m_number);
    auto socket = call ? media::SrtSocket::call(*call) : std::unexpected(call.error());
    if (socket) {
        m_socket = std::move(*socket);
        m_brake = {};
        m_braked = true;
    } else {
        set(State::lost, socket.error().message);
    }
}

void SenderLink::brake() {
    const base::SteadyTime now = m_clock.steady();
    if (now < m_next_look)
        return;
    m_next_look = now + k_look;
    const media::SrtStats s = m_socket.stats();
    m_round_trip = std::chrono::microseconds{s.rtt_us};
    m_behind = base::Millis{s.unacknowledged_ms} > k_usual + m_round_trip;
    const bool on = m_brake.on(s.retransmitted_packets, now);
    if (on != m_braked && m_socket.limit(on ? ceiling_bytes(m_max_rate) : 0))
        m_braked = on;
}

void SenderLink::failed() {
    if (m_state == State::live) {
        set(State::lost, "the connection broke");
    } else {
        const media::SrtReject reject = m_socket.reject();
        if (reject.code >= k_first_own_code) {
            set(State::refused, wire::refusal_text(reject.code));
            if (!wire::is_passing(m_detail))
                m_next_attempt[m_path->carrier] = m_clock.steady() + k_retry_refused;
        } else {
            set(State::lost, reject.text);
        }
    }
    close();
}

bool SenderLink::send(std::span<const std::uint8_t> payload, base::SteadyTime::duration age) {
    if (!connected())
        return false;
    m_acknowledged_since.reset();
    if (age > 0s)
        age = std::min(age, m_clock.steady() - m_live_since);
    const auto sent = m_socket.send(payload, std::chrono::floor<std::chrono::microseconds>(age));
    return sent && *sent; // a broken connection is turn()'s to notice
}

bool SenderLink::drained() const {
    if (!connected())
        return true;
    if (m_socket.unacknowledged() > 0) {
        m_acknowledged_since.reset();
        return false;
    }
    const base::SteadyTime now = m_clock.steady();
    if (!m_acknowledged_since)
        m_acknowledged_since = now;
    return now - *m_acknowledged_since >= m_latency + k_margin;
}

media::SrtStats SenderLink::stats() const {
    if (!m_socket)
        return m_former;
    media::SrtStats s = m_socket.stats();
    s.lost_packets += m_former.lost_packets;
    s.retransmitted_packets += m_former.retransmitted_packets;
    s.dropped_packets += m_former.dropped_packets;
    return s;
}

} // namespace push
