// TS that waits to be sent: bounded, oldest dropped first, whole packets only.
#pragma once

#include "media/ts_scanner.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace push {

/// Not thread-safe; does not allocate once it has grown to its usual size.
class SenderQueue {
  public:
    /// Appends whole packets.
    void push(std::span<const std::uint8_t> packets) {
        if (m_head > 0 && m_head >= m_bytes.size() / 2) {
            m_bytes.erase(m_bytes.begin(), m_bytes.begin() + static_cast<std::ptrdiff_t>(m_head));
            m_head = 0;
        }
        m_bytes.insert(m_bytes.end(), packets.begin(), packets.end());
    }
    /// The oldest packets, at most @p most bytes; stays valid until the next call that changes it.
    [[nodiscard]] std::span<const std::uint8_t> front(std::size_t most) const {
        return {m_bytes.data() + m_head, std::min(most, size())};
    }
    void pop(std::size_t bytes) { m_head += std::min(bytes, size()); }
    /// Drops the oldest packets until at most @p most bytes are left; returns how many packets
    /// went.
    std::size_t keep(std::size_t most) {
        if (size() <= most)
            return 0;
        const std::size_t packets =
            (size() - most + media::k_ts_packet_bytes - 1) / media::k_ts_packet_bytes;
        pop(packets * media::k_ts_packet_bytes);
        return packets;
    }
    [[nodiscard]] std::size_t size() const { return m_bytes.size() - m_head; }

  private:
    std::vector<std::uint8_t> m_bytes;
    std::size_t m_head = 0;
};

} // namespace push
