// What is taken of each resource, summed up beside the rows that say so, for who asks about months.
#pragma once

#include "resv/timetable.hpp"

#include <map>
#include <optional>
#include <set>

namespace ledger {

/// A row of demands.
struct DemandRow {
    resv::Load load;
    std::optional<base::UtcTime> expires; ///< of a hold
};

/// What a transaction did to the rows.
struct DemandChanges {
    std::vector<DemandRow> added;
    std::vector<DemandRow> removed;

    void append(DemandChanges more);
    [[nodiscard]] bool empty() const { return added.empty() && removed.empty(); }
};

/// The sum of many rows. One costs 32 bytes, or none where others of its resource begin and end at
/// the same instants; to add or remove it takes time for the changes of its resource within a day.
class Occupancy {
  public:
    /// Removes only rows that were added before, or are with these.
    void apply(const DemandChanges &changes);
    void add(const DemandRow &row) { change(row, 1); }

    /// As a Timetable of the rows of @p resources that overlap @p span would be, within it: holds
    /// that expired by @p now take nothing.
    [[nodiscard]] resv::Timetable taken(const std::vector<std::string> &resources, resv::Span span,
                                        base::UtcTime now) const;

  private:
    struct Change {
        base::UtcTime at;
        std::int64_t units = 0; // more, or less
    };
    // The changes of one day, in order of time, each instant once.
    struct Day {
        std::int64_t sum = 0;
        std::vector<Change> changes;
    };
    using Days = std::map<std::chrono::sys_days, Day>;
    struct Hold {
        base::UtcTime from;
        base::UtcTime to;
        std::int64_t units = 0;
        base::UtcTime expires;
        auto operator<=>(const Hold &) const = default;
    };
    struct Resource {
        Days days; // of what does not expire
        std::multiset<Hold> holds;
    };

    void change(const DemandRow &row, int sign);
    static void change(Days &days, base::UtcTime at, std::int64_t units);
    static std::vector<resv::Timetable::Step> steps(const Days &days, resv::Span span);

    std::map<std::string, Resource, std::less<>> m_resources;
};

} // namespace ledger
