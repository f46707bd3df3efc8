#include "relay/audience.hpp"

#include <algorithm>
#include <iterator>

namespace relay {

namespace {
constexpr std::int64_t k_sweep_us = 100'000; // whoever asks in between costs no walk
}

void Audience::sweep(std::int64_t now_us) {
    if (now_us - m_swept_us < k_sweep_us)
        return;
    m_swept_us = now_us;
    std::erase_if(m_until, [now_us](const auto &item) { return item.second <= now_us; });
}

bool Audience::admit(std::uint64_t viewer, std::int64_t now_us, std::int64_t lasting_us,
                     std::int64_t places) {
    sweep(now_us);
    const auto found = m_until.find(viewer);
    if (found == m_until.end() && static_cast<std::int64_t>(m_until.size()) >= places)
        return false;
    m_until[viewer] = now_us + lasting_us;
    return true;
}

std::int64_t Audience::drop(std::int64_t most) {
    const auto n = std::min(most, static_cast<std::int64_t>(m_until.size()));
    m_until.erase(m_until.begin(), std::next(m_until.begin(), n));
    return n;
}

std::int64_t Audience::count(std::int64_t now_us) {
    sweep(now_us);
    return static_cast<std::int64_t>(m_until.size());
}

} // namespace relay
