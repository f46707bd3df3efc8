#include "resv/timetable.hpp"

#include <algorithm>

namespace resv {

using base::UtcTime;

Timetable::Timetable(std::span<const Load> live) {
    for (const Load &load : live) {
        if (load.span.empty())
            continue;
        auto &steps = m_steps[load.resource];
        steps.push_back({load.span.from, load.units});
        steps.push_back({load.span.to, -load.units});
    }
    for (auto &[resource, steps] : m_steps) {
        std::ranges::sort(steps, {}, &Step::at);
        // Changes become sums, those of one instant one step.
        std::size_t kept = 0;
        std::int64_t used = 0;
        for (const Step &step : steps) {
            used += step.used;
            if (kept > 0 && steps[kept - 1].at == step.at)
                --kept;
            steps[kept++] = {step.at, used};
        }
        steps.resize(kept);
    }
}

std::vector<Timetable::Level> Timetable::levels(std::string_view resource, Span within) const {
    if (within.empty())
        return {};
    std::vector<Level> out{{within, 0}};
    const auto found = m_steps.find(resource);
    if (found == m_steps.end())
        return out;
    const auto &steps = found->second;
    auto step = std::ranges::upper_bound(steps, within.from, {}, &Step::at);
    if (step != steps.begin())
        out.back().used = std::prev(step)->used;
    for (; step != steps.end() && step->at < within.to; ++step) {
        out.back().span.to = step->at;
        out.push_back({{step->at, within.to}, step->used});
    }
    return out;
}

} // namespace resv
