#include "relay/egress.hpp"

#include "base/log.hpp"
#include "relay/carry.hpp"

#include <algorithm>

namespace relay {

namespace {

std::int64_t rate_of(const Event &event) {
    return std::max<std::int64_t>(1, event.entry()->max_rate.bps);
}

// What control books never comes near the end of the range.
std::int64_t add(std::int64_t sum, std::int64_t viewers, std::int64_t rate) {
    std::int64_t all = 0;
    const bool fits =
        !__builtin_mul_overflow(viewers, rate, &all) && !__builtin_add_overflow(sum, all, &all);
    return fits ? all : std::numeric_limits<std::int64_t>::max();
}

} // namespace

void Egress::take_stock(const Board &board, base::UtcTime now) {
    std::int64_t promised = 0;
    std::vector<EventPtr> over;
    for (const auto &[vid, event] : *board.events()) {
        if (event->withdrawn)
            continue;
        const EntryPtr entry = event->entry();
        if (event->is_over(now))
            over.push_back(event);
        else if (now >= entry->window.opens())
            promised = add(promised, entry->viewers, rate_of(*event));
    }
    std::ranges::sort(over, {}, [](const EventPtr &e) { return e->entry()->window.closes(); });

    const std::lock_guard lock(m_mutex);
    std::int64_t on_demand = 0;
    for (const EventPtr &event : over)
        on_demand = add(on_demand, event->attending(), rate_of(*event));
    const std::int64_t room = std::max<std::int64_t>(0, m_limit_bps - promised);
    for (const EventPtr &event : over)
        if (is_limited() && on_demand > room) {
            const std::int64_t rate = rate_of(*event);
            on_demand -= event->let_go((on_demand - room + rate - 1) / rate) * rate;
        }
    m_promised_bps = promised;
    m_on_demand_bps = on_demand;
    const bool too_much = is_limited() && promised > m_limit_bps;
    if (too_much && !m_is_over_promised)
        base::log::warning("the reservations that are open promise {:.1f} Mbit/s to viewers, more "
                           "than egress in relay.toml: {:.1f}",
                           double(promised) / 1e6, double(m_limit_bps) / 1e6);
    m_is_over_promised = too_much;
}

bool Egress::attend(Event &event, Viewer viewer) {
    if (!is_limited() || viewer.exempt)
        return true;
    const std::int64_t rate = rate_of(event);
    const std::lock_guard lock(m_mutex);
    const bool room = m_limit_bps - m_promised_bps - m_on_demand_bps >= rate;
    switch (event.attend_on_demand(viewer.number, room, monotonic_us())) {
    case Event::OnDemand::stays:
        return true;
    case Event::OnDemand::came:
        m_on_demand_bps += rate;
        return true;
    case Event::OnDemand::refused:
        break;
    }
    ++m_refused;
    return false;
}

void Egress::carry(Carry &c) {
    c("refused", m_refused);
}

} // namespace relay
