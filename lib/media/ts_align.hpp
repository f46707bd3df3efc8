// Whole TS packets out of bytes that may begin anywhere and hold garbage.
#pragma once

#include "media/ts_scanner.hpp"

#include <algorithm>
#include <vector>

namespace media {

/// Hands on whole packets and drops what is none. Keeps at most two packets between calls; input
/// that is aligned passes without being copied. Not thread-safe.
class TsAligner {
  public:
    /// Calls @p packets(span) with one or more whole packets, zero or more times.
    template <typename Packets> void feed(std::span<const std::uint8_t> bytes, Packets packets) {
        if (m_held.empty()) {
            bytes = bytes.subspan(run(bytes, packets));
            m_held.assign(bytes.begin(), bytes.end());
            return;
        }
        m_held.insert(m_held.end(), bytes.begin(), bytes.end());
        const std::size_t used = run(m_held, packets);
        m_held.erase(m_held.begin(), m_held.begin() + static_cast<std::ptrdiff_t>(used));
    }
    /// Forgets a packet that is not whole: what comes next does not continue it.
    void reset() {
        m_garbage += m_held.size();
        m_held.clear();
        m_locked = false;
    }
    /// Bytes dropped so far.
    [[nodiscard]] std::uint64_t garbage_bytes() const { return m_garbage; }

  private:
    // Returns how many bytes are done with.
    template <typename Packets>
    std::size_t run(std::span<const std::uint8_t> bytes, Packets &packets) {
        std::size_t at = 0;
        while (at < bytes.size()) {
            if (!m_locked && !lock(bytes, at))
                return at;
            std::size_t end = at;
            while (end + k_ts_packet_bytes <= bytes.size() && bytes[end] == k_ts_sync_byte)
                end += k_ts_packet_bytes;
            if (end > at)
                packets(bytes.subspan(at, end - at));
            at = end;
            if (at < bytes.size() && bytes[at] == k_ts_sync_byte)
                return at; // the head of a packet that is still to come
            m_locked = at >= bytes.size();
        }
        return at;
    }
    // Looks for a sync byte that another follows a packet later; counts what it skips. False: more
    // bytes are needed from @p at on.
    bool lock(std::span<const std::uint8_t> bytes, std::size_t &at) {
        for (; at < bytes.size(); ++at, ++m_garbage) {
            if (bytes[at] != k_ts_sync_byte)
                continue;
            const std::size_t next = at + k_ts_packet_bytes;
            if (next > bytes.size())
                return false;
            m_locked = next == bytes.size() || bytes[next] == k_ts_sync_byte;
            if (m_locked)
                return true;
        }
        return false;
    }

    std::vector<std::uint8_t> m_held;
    std::uint64_t m_garbage = 0;
    bool m_locked = false;
};

} // namespace media
