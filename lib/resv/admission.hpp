// The admission rule: at every instant, of every resource, what is taken fits what is there.
// Pure functions over half-open spans; the only ones that decide, for bookings and menus alike.
#pragma once

#include "resv/timetable.hpp"
#include "resv/window.hpp"

namespace resv {

/// What a reservation of @p window occupies: lead-in and drain included.
[[nodiscard]] inline Span occupied(const Window &window) {
    return {window.opens(), window.closes()};
}

/// The resources that @p demands name, each once, sorted.
[[nodiscard]] std::vector<std::string> resources_of(const std::vector<Demand> &demands);

/// One demand per resource, in order of first mention; a demand for nothing is none.
[[nodiscard]] std::vector<Demand> joined(const std::vector<Demand> &demands);

/// Units there are of each resource. What is not listed does not exist: capacity 0.
using Capacity = std::map<std::string, std::int64_t, std::less<>>;

/// One resource that does not suffice: the first stretch of the wanted span where it does not, and
/// the least that is free within it (never below 0).
struct Shortage {
    std::string resource;
    std::int64_t needed = 0;
    std::int64_t available = 0;
    Span when;
    bool operator==(const Shortage &) const = default;
};

/// Admission of @p demands over @p wanted beside @p live: empty means admitted, else every resource
/// that falls short, in the order of @p demands. All or nothing. Demands for the same resource add
/// up. Linear in the changes of level within @p wanted.
[[nodiscard]] std::vector<Shortage> shortages(const Capacity &capacity, const Timetable &live,
                                              Span wanted, const std::vector<Demand> &demands);

/// What one reservation takes, all of it during one span.
struct Taking {
    Span span;
    std::vector<Demand> demands;
};

/// Admission of @p wanted instead of @p had beside @p live, which does not hold @p had: what was
/// had is kept, even where there is less by now, so only what is wanted beyond it must be free.
/// Empty means admitted, else as shortages().
[[nodiscard]] std::vector<Shortage> shortages_of_change(const Capacity &capacity,
                                                        const Timetable &live, const Taking &had,
                                                        const Taking &wanted);

/// First and last of a run of starts that all pass; a closed interval.
struct StartRange {
    base::UtcTime first;
    base::UtcTime last;
    bool operator==(const StartRange &) const = default;
};

/// Finds where demands fit beside what is taken already. Made once for many questions about the
/// same time, of which most demand the same of the same resources: each such is judged once.
class StartFinder {
  public:
    /// Borrows @p capacity and @p live.
    StartFinder(const Capacity &capacity, const Timetable &live)
        : m_capacity(capacity), m_live(live) {}

    /// All starts s for which the programme [s, s + duration) lies within @p menu and shortages()
    /// of [s - lead_in, s + duration + drain) is empty, as maximal ranges in order. Exact to the
    /// millisecond: what is listed is admitted, what is not listed is refused.
    [[nodiscard]] std::vector<StartRange> free_starts(const std::vector<Demand> &demands, Span menu,
                                                      base::Millis duration, base::Seconds lead_in,
                                                      base::Seconds drain);

  private:
    struct Judged {
        Span within;
        std::vector<Span> short_of;
    };
    const std::vector<Span> &short_of(const Demand &demand, Span within);

    const Capacity &m_capacity;
    const Timetable &m_live;
    std::map<std::pair<std::string, std::int64_t>, Judged> m_judged; // by resource and units
};

/// The same for one question.
[[nodiscard]] inline std::vector<StartRange>
free_starts(const Capacity &capacity, const Timetable &live, const std::vector<Demand> &demands,
            Span menu, base::Millis duration, base::Seconds lead_in, base::Seconds drain) {
    return StartFinder{capacity, live}.free_starts(demands, menu, duration, lead_in, drain);
}

} // namespace resv
