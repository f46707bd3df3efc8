// The sender's connection to the relay: made, kept, lost and made again.
#pragma once

#include "base/clock.hpp"
#include "media/srt_socket.hpp"
#include "push/sender_rules.hpp"
#include "wire/sender.hpp"

#include <map>
#include <optional>

namespace push {

/// One connection at a time over the path that it is aimed at. Nothing blocks: turn() moves it on.
/// Not thread-safe.
class SenderLink {
  public:
    enum class State { idle, connecting, live, lost, refused };

    /// @p clock outlives the link. The relay tells publishers apart by @p instance, and their
    /// connections by @p number (0 or 1).
    SenderLink(const base::Clock &clock, const std::array<std::uint8_t, 8> &instance,
               unsigned number)
        : m_clock(clock), m_instance(instance), m_number(number) {}

    /// Connect over @p path, or nowhere. Another path than before closes the old connection; the
    /// new one is begun at the next turn.
    void aim(const std::optional<wire::SenderPath> &path, base::BitRate max_rate);
    /// Notices what happened, and tries again: at most once a second over one carrier, every five
    /// seconds when the relay refused for good.
    void turn();

    [[nodiscard]] bool connected() const { return m_state == State::live; }
    /// The line does not keep up with what is sent; looked at ten times a second.
    [[nodiscard]] bool behind() const { return m_behind; }
    /// True when it was queued; false: not now. @p age: how long ago it was due.
    [[nodiscard]] bool send(std::span<const std::uint8_t> payload,
                            base::SteadyTime::duration age = {});
    /// Messages that were queued and not yet acknowledged.
    [[nodiscard]] std::size_t unacknowledged() const { return m_socket.unacknowledged(); }
    /// As it was lately; SRT begins with a guess.
    [[nodiscard]] std::chrono::microseconds round_trip() const { return m_round_trip; }
    /// What both sides agreed on for the connection.
    [[nodiscard]] base::Millis latency() const { return m_latency; }
    /// Everything sent was acknowledged, and the relay had the time to take it from SRT.
    [[nodiscard]] bool drained() const;

    [[nodiscard]] State state() const { return m_state; }
    /// Why it is lost or refused; else empty. Never a secret.
    [[nodiscard]] const std::string &detail() const { return m_detail; }
    [[nodiscard]] const std::optional<wire::SenderPath> &path() const { return m_path; }
    [[nodiscard]] std::string carrier() const { return m_path ? m_path->carrier : ""; }
    /// Of all connections so far; the round trip of the newest.
    [[nodiscard]] media::SrtStats stats() const;
    /// Connections made after the first.
    [[nodiscard]] std::int64_t reconnects() const {
        return m_connections > 0 ? m_connections - 1 : 0;
    }

  private:
    void attempt();
    void brake();
    void failed();
    void close();
    void set(State state, std::string detail);

    const base::Clock &m_clock;
    std::array<std::uint8_t, 8> m_instance;
    unsigned m_number;
    std::optional<wire::SenderPath> m_path;
    base::BitRate m_max_rate;
    media::SrtSocket m_socket;
    LossBrake m_brake;
    bool m_braked = true; // the socket has a ceiling
    bool m_behind = false;
    base::SteadyTime m_next_look{};
    std::chrono::microseconds m_round_trip{100'000}; // SRT's guess
    base::SteadyTime m_live_since{};
    base::Millis m_latency{};
    State m_state = State::idle;
    std::string m_detail;
    std::map<std::string, base::SteadyTime> m_next_attempt; // by carrier
    media::SrtStats m_former;                               // of closed connections
    std::int64_t m_connections = 0;
    mutable std::optional<base::SteadyTime> m_acknowledged_since;
};

[[nodiscard]] std::string_view name(SenderLink::State state);

} // namespace push
