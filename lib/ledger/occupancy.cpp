#include "ledger/occupancy.hpp"

#include <algorithm>
#include <iterator>

namespace ledger {

using base::UtcTime;
using std::chrono::floor;

void DemandChanges::append(DemandChanges more) {
    std::ranges::move(more.added, std::back_inserter(added));
    std::ranges::move(more.removed, std::back_inserter(removed));
}

void Occupancy::apply(const DemandChanges &changes) {
    for (const DemandRow &row : changes.added)
        change(row, 1);
    for (const DemandRow &row : changes.removed)
        change(row, -1);
}

void Occupancy::change(const DemandRow &row, int sign) {
    if (row.load.span.empty())
        return;
    const auto &[name, span, units] = row.load;
    const auto found = m_resources.try_emplace(name).first;
    Resource &resource = found->second;
    if (!row.expires) {
        change(resource.days, span.from, sign * units);
        change(resource.days, span.to, -sign * units);
    } else if (const Hold hold{span.from, span.to, units, *row.expires}; sign > 0) {
        resource.holds.insert(hold);
    } else if (const auto one = resource.holds.find(hold); one != resource.holds.end()) {
        resource.holds.erase(one);
    }
    if (resource.days.empty() && resource.holds.empty())
        m_resources.erase(found);
}

void Occupancy::change(Days &days, UtcTime at, std::int64_t units) {
    if (units == 0)
        return;
    const auto found = days.try_emplace(floor<std::chrono::days>(at)).first;
    auto &[sum, changes] = found->second;
    sum += units;
    auto here = std::ranges::lower_bound(changes, at, {}, &Change::at);
    if (here == changes.end() || here->at != at)
        here = changes.insert(here, {at, 0});
    here->units += units;
    if (here->units == 0)
        changes.erase(here);
    if (changes.empty())
        days.erase(found);
}

std::vector<resv::Timetable::Step> Occupancy::steps(const Days &days, resv::Span span) {
    std::int64_t used = 0;
    auto day = days.begin();
    for (const auto first = floor<std::chrono::days>(span.from);
         day != days.end() && day->first < first; ++day)
        used += day->second.sum;
    std::vector<resv::Timetable::Step> out{{span.from, used}};
    for (; day != days.end() && day->first < span.to; ++day)
        for (const Change &change : day->second.changes) {
            if (change.at >= span.to)
                break;
            used += change.units;
            if (change.at > span.from)
                out.push_back({change.at, used});
            else
                out.front().used = used;
        }
    return out;
}

resv::Timetable Occupancy::taken(const std::vector<std::string> &resources, resv::Span span,
                                 UtcTime now) const {
    resv::Timetable out;
    std::vector<resv::Load> held;
    for (const std::string &name : resources) {
        const auto found = m_resources.find(name);
        if (found == m_resources.end())
            continue;
        out.set(name, steps(found->second.days, span));
        for (const Hold &hold : found->second.holds)
            if (const resv::Span of{hold.from, hold.to}; hold.expires > now && of.overlaps(span))
                held.push_back({name, of, hold.units});
    }
    out.add(held);
    return out;
}

} // namespace ledger
