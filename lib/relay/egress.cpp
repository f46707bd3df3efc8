#include "relay/egress.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace relay {

namespace {
std::int64_t rate_of(const Event &event) {
    return std::max<std::int64_t>(1, event.entry()->max_rate.bps);
}
} // namespace

void Egress::take_stock(const Board &board, base::UtcTime now) {
    std::int64_t promised = 0;
    std::int64_t late = 0;
    std::vector<EventPtr> over;
    for (const auto &[vid, event] : *board.events()) {
        if (event->withdrawn)
            continue;
        const EntryPtr entry = event->entry();
        if (event->is_over(now)) {
            over.push_back(event);
            late += event->attending() * rate_of(*event);
        } else if (now >= entry->window.opens()) {
            promised += entry->viewers * entry->max_rate.bps;
        }
    }
    m_promised_bps = promised;
    for (const EventPtr &event : over)
        if (const std::int64_t excess = promised + late - m_limit_bps;
            m_limit_bps > 0 && excess > 0) {
            const std::int64_t rate = rate_of(*event);
            late -= event->let_go((excess + rate - 1) / rate) * rate;
        }
    m_late_bps = late;
    const bool too_much = m_limit_bps > 0 && promised > m_limit_bps;
    if (too_much && !std::exchange(m_is_over_promised, too_much))
        base::log::warning("the reservations that are open promise {:.1f} Mbit/s to viewers, more "
                           "than egress in relay.toml: {:.1f}",
                           double(promised) / 1e6, double(m_limit_bps) / 1e6);
    m_is_over_promised = too_much;
}

bool Egress::attend(Event &event, Viewer viewer) {
    if (m_limit_bps == 0)
        return true;
    const std::int64_t rate = rate_of(event);
    switch (event.attend_late(viewer.number, viewer.exempt || spare_bps() >= rate)) {
    case Event::Late::stays:
        return true;
    case Event::Late::came:
        m_late_bps += rate;
        return true;
    case Event::Late::refused:
        break;
    }
    ++m_refused;
    return false;
}

} // namespace relay
