#include "resv/alternatives.hpp"

#include "resv/grid.hpp"

#include <algorithm>
#include <ranges>
#include <set>

namespace resv {

using base::BitRate;
using base::Millis;
using base::UtcTime;

namespace {

constexpr Millis k_minute{60'000};
constexpr std::int64_t k_rate_step = 100'000;
constexpr std::size_t k_searched = 24; // ways, at other times than the one wanted
constexpr int k_rounds = 8;            // each lowers the rate to what the next shortage leaves

// How an alternative differs from what was asked for. `shift` is 0, -1 or 1.
struct Kind {
    bool channel = false;
    bool carriers = false;
    int shift = 0;
    bool slower = false;
    bool shorter = false;
    auto operator<=>(const Kind &) const = default;
    [[nodiscard]] int changes() const {
        return int{channel} + int{carriers} + int{shift != 0} + int{slower} + int{shorter};
    }
};

// The search: candidates of each way, then a choice among them.
class Search {
  public:
    Search(const Capacity &capacity, const Timetable &live, const Wanted &wanted,
           const std::vector<Way> &ways, Millis reach)
        : m_capacity(capacity), m_live(live), m_wanted(wanted), m_ways(ways), m_reach(reach) {}

    /// As wanted, by that way; all that could be offered otherwise would be no better.
    bool add_as_wanted(std::size_t way) { return add(as_wanted(way)); }
    void add_changed(std::size_t way) {
        add_slower(way);
        add_shorter(way);
        add_shifted(way);
    }
    std::vector<Alternative> choose(std::size_t most);

  private:
    [[nodiscard]] std::vector<Shortage> missing(const Alternative &a) const {
        const Way &w = m_ways[a.way];
        const Span span{a.start - w.lead_in, a.start + a.duration + w.drain};
        return shortages(m_capacity, m_live, span, demands_of(w, a.rate));
    }
    [[nodiscard]] bool fits(const Alternative &a) const {
        const Way &w = m_ways[a.way];
        return a.start >= w.bounds.from && a.start + a.duration <= w.bounds.to &&
               on_grid(a.start, w.grid) && a.duration >= w.shortest && a.duration <= w.longest &&
               missing(a).empty();
    }
    bool add(const Alternative &a) {
        if (kind_of(a).changes() == 0 || !fits(a))
            return false;
        if (std::ranges::find(m_found, a) == m_found.end())
            m_found.push_back(a);
        return true;
    }
    [[nodiscard]] Alternative as_wanted(std::size_t way) const {
        return {way, m_wanted.start, m_wanted.duration, m_wanted.rate};
    }
    void add_slower(std::size_t way);
    void add_shorter(std::size_t way);
    void add_shifted(std::size_t way);
    [[nodiscard]] Kind kind_of(const Alternative &a) const;
    [[nodiscard]] bool closer(const Alternative &a, const Alternative &b) const;
    [[nodiscard]] bool beats(const Alternative &a, const Alternative &b) const;

    const Capacity &m_capacity;
    const Timetable &m_live;
    const Wanted &m_wanted;
    const std::vector<Way> &m_ways;
    Millis m_reach;
    std::vector<Alternative> m_found;
};

Kind Search::kind_of(const Alternative &a) const {
    const Way &w = m_ways[a.way];
    return {.channel = w.other_channel,
            .carriers = w.other_carriers,
            .shift = a.start < m_wanted.start ? -1 : int{a.start > m_wanted.start},
            .slower = a.rate < m_wanted.rate,
            .shorter = a.duration < m_wanted.duration};
}

// Closest in time first, then least changed, then least lost.
bool Search::closer(const Alternative &a, const Alternative &b) const {
    const auto key = [this](const Alternative &x) {
        return std::tuple{std::chrono::abs(x.start - m_wanted.start),
                          kind_of(x).changes(),
                          -x.duration,
                          -x.rate.bps,
                          x.way,
                          x.start};
    };
    return key(a) < key(b);
}

// Whether nobody who is offered `a` would take `b`: it changes all that `a` changes, as much or
// more. Two other channels, or carriers, are a choice; two that nobody asked about are none.
bool Search::beats(const Alternative &a, const Alternative &b) const {
    const Kind x = kind_of(a);
    const Kind y = kind_of(b);
    const bool no_worse =
        x.channel <= y.channel && x.carriers <= y.carriers && a.rate >= b.rate &&
        a.duration >= b.duration && (x.shift == 0 || x.shift == y.shift) &&
        std::chrono::abs(a.start - m_wanted.start) <= std::chrono::abs(b.start - m_wanted.start);
    const bool alike = x == y && a.start == b.start && a.duration == b.duration && a.rate == b.rate;
    return no_worse && (!alike || (!x.channel && !x.carriers));
}

// The rate that is left at the same time, found by lowering it to what each shortage leaves.
void Search::add_slower(std::size_t way) {
    const Way &w = m_ways[way];
    Alternative a = as_wanted(way);
    for (int round = 0; round < k_rounds; ++round) {
        std::int64_t left = a.rate.bps;
        for (const Shortage &s : missing(a)) {
            if (s.resource.ends_with(":ingest"))
                left = std::min(left, s.available);
            else if (s.resource.ends_with(":egress"))
                left = std::min(left, s.available / std::max<std::int64_t>(1, w.viewers));
            else if (s.resource.ends_with(":bits"))
                left = std::min(left, rate_of_line({s.available}).bps);
            else
                return; // no rate is low enough
        }
        if (left == a.rate.bps)
            break;
        a.rate.bps = left >= k_rate_step ? left - left % k_rate_step : left;
        if (a.rate.bps < 1 || a.rate.bps < m_wanted.rate.bps / 2)
            return;
    }
    add(a);
}

// What fits before the first thing in the way.
void Search::add_shorter(std::size_t way) {
    const Way &w = m_ways[way];
    Alternative a = as_wanted(way);
    Millis duration = std::min({a.duration, w.longest, w.bounds.to - a.start});
    for (const Shortage &s : missing(a))
        duration = std::min(duration, s.when.from - w.drain - a.start);
    const Millis least = std::max(m_wanted.duration / 2, w.shortest);
    for (const Millis step : {k_minute, Millis{1000}}) {
        a.duration = duration - duration % step;
        if (a.duration >= least && a.duration < m_wanted.duration && add(a))
            return;
    }
}

// The nearest starts before and after, at times as round as the one asked for when there are such.
void Search::add_shifted(std::size_t way) {
    const Way &w = m_ways[way];
    const Span menu{std::max(w.bounds.from, m_wanted.start - m_reach),
                    std::min(w.bounds.to, m_wanted.start + m_reach + m_wanted.duration)};
    if (menu.empty())
        return;
    std::vector<Millis> steps{Millis{1}};
    for (const Millis step : {Millis{1000}, k_minute, 5 * k_minute})
        if (on_grid(m_wanted.start, step))
            steps.insert(steps.begin(), step);
    if (w.grid > Millis{0})
        steps = {w.grid};
    const auto ranges = free_starts(m_capacity, m_live, demands_of(w, m_wanted.rate), menu,
                                    m_wanted.duration, w.lead_in, w.drain);
    Alternative a = as_wanted(way);
    // Each takes the first start of a range that is round enough; a range may hold what was wanted,
    // when that is not on the grid.
    const auto later = [&](const StartRange &range) {
        const UtcTime first = std::max(range.first, m_wanted.start);
        for (const Millis step : steps)
            if (a.start = grid_up(first, step); a.start <= range.last)
                return add(a);
        return false;
    };
    const auto earlier = [&](const StartRange &range) {
        const UtcTime last = std::min(range.last, m_wanted.start);
        for (const Millis step : steps)
            if (a.start = grid_down(last, step); a.start >= range.first)
                return add(a);
        return false;
    };
    (void)std::ranges::any_of(ranges, later);
    (void)std::ranges::any_of(ranges | std::views::reverse, earlier);
}

std::vector<Alternative> Search::choose(std::size_t most) {
    std::ranges::sort(m_found, [this](const auto &a, const auto &b) { return closer(a, b); });
    std::vector<Alternative> best; // what beats comes first in that order
    for (const Alternative &a : m_found)
        if (std::ranges::none_of(best, [&](const Alternative &b) { return beats(b, a); }))
            best.push_back(a);
    std::vector<Alternative> out;
    std::set<Kind> seen;
    // First one of each single change, then one of each mixture, then what is left.
    for (const int round : {1, 2, 3})
        for (const Alternative &a : best) {
            const Kind kind = kind_of(a);
            if (out.size() >= most || (round == 1 && kind.changes() > 1) ||
                (round < 3 && seen.contains(kind)) || std::ranges::find(out, a) != out.end())
                continue;
            seen.insert(kind);
            out.push_back(a);
        }
    std::ranges::sort(out, [this](const auto &a, const auto &b) { return closer(a, b); });
    return out;
}

} // namespace

std::vector<Demand> demands_of(const Way &way, BitRate rate) {
    auto out = demands_of(way.channel, way.relay, way.carriers, rate, way.viewers);
    out.insert(out.end(), way.also.begin(), way.also.end());
    return out;
}

std::vector<Alternative> alternatives(const Capacity &capacity, const Timetable &live,
                                      const Wanted &wanted, const std::vector<Way> &ways,
                                      Millis reach, std::size_t most) {
    Search search{capacity, live, wanted, ways, reach};
    std::size_t searched = 0;
    for (std::size_t way = 0; way < ways.size(); ++way)
        if (!search.add_as_wanted(way) && searched++ < k_searched)
            search.add_changed(way);
    return search.choose(most);
}

} // namespace resv
