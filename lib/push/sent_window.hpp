// What was numbered and may have to be sent once more: payloads in RTP, bounded, the oldest
// forgotten first.
#pragma once

#include "base/clock.hpp"
#include "media/rtp_ts.hpp"

#include <algorithm>
#include <vector>

namespace push {

/// One payload, ready to be sent.
struct SentPayload {
    std::array<std::uint8_t, media::k_rtp_message_bytes> bytes{};
    std::size_t size = 0;
    base::SteadyTime at{}; ///< when it was numbered
    [[nodiscard]] std::span<const std::uint8_t> message() const {
        return std::span{bytes}.first(size);
    }
};

/// Counts payloads from 0 on; RTP's sequence is that plus a random beginning. Not thread-safe; does
/// not allocate once it has grown to its usual size.
class SentWindow {
  public:
    /// @p source and @p first_sequence: random, see RFC 3550, 5.1.
    SentWindow(std::uint32_t source, std::uint16_t first_sequence)
        : m_source(source), m_first(first_sequence), m_ring(k_least) {}

    /// Room for at most @p payloads; the oldest go when there are more.
    void limit(std::size_t payloads) { m_most = std::max(payloads, k_least); }

    /// Numbers a payload of at most seven TS packets.
    void push(std::span<const std::uint8_t> packets, base::SteadyTime now) {
        if (size() == m_ring.size() && m_ring.size() < m_most)
            grow();
        if (size() == m_ring.size())
            ++m_begin;
        SentPayload &slot = at(m_end++);
        const auto header = media::write_rtp(header_of(m_end - 1, now));
        std::ranges::copy(header, slot.bytes.begin());
        std::ranges::copy(packets, slot.bytes.begin() + header.size());
        slot.size = header.size() + packets.size();
        slot.at = now;
    }
    /// Says that the sender lives, and how far it is.
    [[nodiscard]] std::array<std::uint8_t, media::k_rtp_header_bytes>
    sign_of_life(base::SteadyTime now) const {
        return media::write_rtp(
            header_of(m_end - 1, now)); // before the first: the number before it
    }

    /// Those before @p index are needed no more.
    void forget_before(std::uint64_t index) { m_begin = std::clamp(index, m_begin, m_end); }
    [[nodiscard]] std::uint64_t begin() const { return m_begin; }
    [[nodiscard]] std::uint64_t end() const { return m_end; }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(m_end - m_begin); }
    /// Requires begin() <= index < end().
    [[nodiscard]] const SentPayload &operator[](std::uint64_t index) const {
        return m_ring[index % m_ring.size()];
    }

  private:
    static constexpr std::size_t k_least = 64;

    [[nodiscard]] SentPayload &at(std::uint64_t index) { return m_ring[index % m_ring.size()]; }
    [[nodiscard]] media::RtpHeader header_of(std::uint64_t index, base::SteadyTime now) const {
        using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 90'000>>;
        const auto ticks = std::chrono::floor<Ticks>(now.time_since_epoch()).count();
        return {.sequence = static_cast<std::uint16_t>(m_first + index),
                .timestamp = static_cast<std::uint32_t>(ticks),
                .source = m_source};
    }
    void grow() {
        std::vector<SentPayload> bigger(std::min(m_most, 2 * m_ring.size()));
        for (std::uint64_t i = m_begin; i < m_end; ++i)
            bigger[i % bigger.size()] = at(i);
        m_ring = std::move(bigger);
    }

    std::uint32_t m_source;
    std::uint16_t m_first;
    std::size_t m_most = k_least;
    std::vector<SentPayload> m_ring;
    std::uint64_t m_begin = 0;
    std::uint64_t m_end = 0;
};

} // namespace push
