#include "resv/timetable.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace resv {

using base::UtcTime;

namespace {

using Step = Timetable::Step;

// Sums become the changes that made them.
void to_changes(std::vector<Step> &steps) {
    std::int64_t before = 0;
    for (Step &step : steps)
        before = std::exchange(step.used, step.used - before);
}

// And changes, in any order, become sums, those of one instant one step.
void to_sums(std::vector<Step> &steps) {
    std::ranges::sort(steps, {}, &Step::at);
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

} // namespace

void Timetable::add(std::span<const Load> more) {
    std::set<std::string_view> touched;
    for (const Load &load : more) {
        if (load.span.empty())
            continue;
        auto &steps = m_steps[load.resource];
        if (touched.insert(load.resource).second)
            to_changes(steps);
        steps.push_back({load.span.from, load.units});
        steps.push_back({load.span.to, -load.units});
    }
    for (const std::string_view resource : touched)
        to_sums(m_steps.find(resource)->second);
}

void Timetable::set(std::string resource, std::vector<Step> steps) {
    m_steps.insert_or_assign(std::move(resource), std::move(steps));
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

std::span<const Step> Timetable::steps(std::string_view resource) const {
    const auto found = m_steps.find(resource);
    return found == m_steps.end() ? std::span<const Step>{} : std::span<const Step>{found->second};
}

std::int64_t most_used(std::span<const Step> steps, Span within) {
    auto step = std::ranges::upper_bound(steps, within.from, {}, &Step::at);
    std::int64_t out = step == steps.begin() ? 0 : std::prev(step)->used;
    for (; step != steps.end() && step->at < within.to; ++step)
        out = std::max(out, step->used);
    return out;
}

} // namespace resv
