#include "push/line_meter.hpp"

#include "media/srt_socket.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace push {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

namespace {
constexpr auto k_remember = 10s;   // longer than anything waits
constexpr auto k_short = 300ms;    // less would take a pause of ours for the line's
constexpr double k_certain = 0.85; // of what so short a span shows: media is made in bursts
constexpr auto k_packet_bits = static_cast<double>(8 * media::k_srt_payload_bytes);
} // namespace

void LineMeter::add(const LineState &line, bool waits, base::SteadyTime now) {
    const auto packets = static_cast<double>(line.sent_packets);
    if (!m_made.empty() && (now <= m_made.back().at || packets < m_made.back().packets))
        restart();
    m_made.push_back({now, packets});
    while (now - m_made.front().at > k_remember)
        m_made.pop_front();
    if (std::exchange(m_over, !waits)) {
        m_took.clear();
        m_most_taken = {};
        m_taken.reset();
    }
    const auto made = made_until(now - base::Millis{line.queue_ms});
    if (!made || (!waits && m_took.empty()))
        return;
    m_took.push_back({now, *made - static_cast<double>(line.dropped_packets)});
    while (now - m_took.front().at > k_remember)
        m_took.pop_front();
    const auto then = std::ranges::find_if(m_took.rbegin(), m_took.rend(),
                                           [&](const Count &c) { return now - c.at >= k_short; });
    if (then == m_took.rend())
        return;
    const auto bps_since = [&](const Count &c) {
        return (m_took.back().packets - c.packets) * k_packet_bits / Seconds(now - c.at).count();
    };
    const auto rate = [](double bps) { return base::BitRate{static_cast<std::int64_t>(bps)}; };
    m_most_taken = std::max(m_most_taken, rate(bps_since(*then) * k_certain));
    m_taken = std::max(m_most_taken, rate(bps_since(m_took.front())));
}

std::optional<double> LineMeter::made_until(base::SteadyTime time) const {
    const auto after = std::ranges::find_if(m_made, [&](const Count &c) { return c.at >= time; });
    if (after == m_made.begin() || after == m_made.end())
        return std::nullopt;
    const Count &before = *std::prev(after);
    return std::lerp(before.packets, after->packets,
                     Seconds(time - before.at) / Seconds(after->at - before.at));
}

} // namespace push
