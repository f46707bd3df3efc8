#include "carrier/health.hpp"

#include <utility>

namespace carrier {

void LineHealth::fail() {
    m_bad = true;
    m_was_bad = true;
    m_good_since.reset();
}

void LineHealth::link(bool fit, base::SteadyTime now) {
    const bool had = std::exchange(m_link, fit);
    if (!fit) {
        m_answered = false;
        m_misses = 0;
        fail();
    } else if (!had && !m_probed) {
        m_bad = false;
        m_good_since = now;
    }
}

void LineHealth::answered(base::SteadyTime now) {
    if (!m_link)
        return;
    m_answered = true;
    m_misses = 0;
    m_bad = false;
    if (!m_good_since)
        m_good_since = now;
}

void LineHealth::missed() {
    if (m_link && ++m_misses >= (m_answered ? k_misses : k_first_misses))
        fail();
}

bool LineHealth::fit(base::SteadyTime now) const {
    return m_good_since && (!m_was_bad || now - *m_good_since >= k_good_again);
}

std::size_t choose_line(std::span<const LineHealth> lines, std::size_t active,
                        base::SteadyTime now) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i == active && !lines[i].bad())
            return active;
        if (i != active && lines[i].fit(now))
            return i;
    }
    return active;
}

} // namespace carrier
