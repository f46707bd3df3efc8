#include "relay/rota.hpp"

namespace relay {

namespace {
constexpr double k_much = 0.5;
constexpr double k_little_beside_it = 0.5; // of what the busy one does

auto least_of(const auto &counts) {
    return std::ranges::min_element(counts, {}, [](const auto &count) { return count.load(); });
}
} // namespace

std::optional<std::size_t> Rota::pass() {
    const auto fewest = least_of(m_connections);
    if (*fewest + k_ahead > m_connections[m_turn])
        return std::nullopt;
    m_turn = static_cast<std::size_t>(fewest - m_connections.begin());
    return m_turn;
}

std::size_t Rota::gather() {
    std::size_t at = m_gatherer;
    if (const std::int64_t has = m_listeners[at]; has >= m_share)
        if (const auto fewest = least_of(m_listeners); *fewest + std::min(k_ahead, m_share) <= has)
            m_gatherer = at = static_cast<std::size_t>(fewest - m_listeners.begin());
    ++m_listeners[at];
    return at;
}

std::optional<Rota::Relief> Rota::relief_of(std::size_t worker) const {
    const double busy = m_busy[worker];
    if (busy < k_much)
        return std::nullopt;
    const auto least = least_of(m_busy);
    const double little = *least; // it may be measured anew meanwhile
    if (little > busy * k_little_beside_it)
        return std::nullopt;
    return Relief{.to = static_cast<std::size_t>(least - m_busy.begin()),
                  .part = (busy - little) / busy / 2};
}

bool Rota::relieve(std::size_t worker, const Relief &relief) {
    const double moved = m_busy[worker] * relief.part;
    m_busy[worker] -= moved;
    m_busy[relief.to] += moved;
    if (m_gatherer == worker)
        m_gatherer = relief.to;
    if (m_turn != worker)
        return false;
    m_turn = relief.to;
    return true;
}

} // namespace relay
