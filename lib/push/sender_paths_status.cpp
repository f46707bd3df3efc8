// What the sender's paths say of themselves.
#include "push/sender_paths.hpp"

namespace push {

media::SrtStats SenderPaths::stats() const {
    media::SrtStats out;
    for (const Path &path : m_paths) {
        const media::SrtStats s = path.link.stats();
        out.lost_packets += s.lost_packets;
        out.retransmitted_packets += s.retransmitted_packets;
        out.dropped_packets += s.dropped_packets;
        if (&path != &active())
            continue;
        out.rtt_us = s.rtt_us;
        out.unacknowledged_ms = s.unacknowledged_ms;
    }
    return out;
}

std::int64_t SenderPaths::reconnects() const {
    std::int64_t sum = 0;
    for (const Path &path : m_paths)
        sum += path.link.reconnects();
    return sum;
}

std::vector<wire::SenderPathStatus> SenderPaths::status() const {
    std::vector<wire::SenderPathStatus> out;
    const base::SteadyTime now = m_clock.steady();
    for (const std::size_t slot : m_order) {
        const Path &path = m_paths.at(slot);
        if (!path.link.path())
            continue;
        const media::SrtStats s = path.link.stats();
        out.push_back({.carrier = path.link.carrier(),
                       .interface = path.link.path()->interface,
                       .state = std::string{name(path.link.state())},
                       .active = path.link.connected() && carries(path),
                       .rate_bps = path.meter.rate(now).bps,
                       .rtt_us = s.rtt_us,
                       .lost_packets = s.lost_packets,
                       .retransmitted_packets = s.retransmitted_packets});
    }
    return out;
}

std::string_view name(PathUse use) {
    switch (use) {
    case PathUse::single:
        return "single";
    case PathUse::failover:
        return "failover";
    case PathUse::redundant:
        return "redundant";
    }
    return "single";
}

std::optional<PathUse> path_use(std::string_view text) {
    for (const PathUse use : {PathUse::single, PathUse::failover, PathUse::redundant})
        if (text == name(use))
            return use;
    return std::nullopt;
}

} // namespace push
