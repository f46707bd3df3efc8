// What is taken of each resource, and when: spans, loads, and their sum over time.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace resv {

/// [from, to): a span that ends when another starts does not touch it.
struct Span {
    base::UtcTime from;
    base::UtcTime to;

    [[nodiscard]] bool empty() const { return to <= from; }
    [[nodiscard]] bool overlaps(const Span &other) const {
        return from < other.to && other.from < to;
    }
    bool operator==(const Span &) const = default;
};

/// So many units of one resource. Units are counts or bit/s; never negative.
struct Demand {
    std::string resource; ///< "channel:studio1", "carrier:lineA:bits" …
    std::int64_t units = 0;
    bool operator==(const Demand &) const = default;
};

/// A demand that was admitted: units taken during a span.
struct Load {
    std::string resource;
    Span span;
    std::int64_t units = 0;
};

/// The sum of many loads, resource by resource. Made once, asked often.
class Timetable {
  public:
    /// From @p at on, @p used units are in use.
    struct Step {
        base::UtcTime at;
        std::int64_t used = 0;
    };

    Timetable() = default;
    Timetable(std::span<const Load> live) { add(live); }                     // NOLINT(*-explicit-*)
    Timetable(const std::vector<Load> &live) : Timetable(std::span{live}) {} // NOLINT(*-explicit-*)

    /// More of them, beside what it has.
    void add(std::span<const Load> more);
    /// What is taken of @p resource, of which it has nothing yet: @p steps in order of time, each
    /// instant once.
    void set(std::string resource, std::vector<Step> steps);

    /// A stretch during which the units in use do not change.
    struct Level {
        Span span;
        std::int64_t used = 0;
    };
    /// The use of @p resource within @p within, as adjoining levels that cover it whole.
    [[nodiscard]] std::vector<Level> levels(std::string_view resource, Span within) const;

    /// The changes of @p resource; good until this changes.
    [[nodiscard]] std::span<const Step> steps(std::string_view resource) const;

  private:
    std::map<std::string, std::vector<Step>, std::less<>> m_steps; // in order of time
};

/// The most that is in use at any time within @p within, by the changes of one resource.
[[nodiscard]] std::int64_t most_used(std::span<const Timetable::Step> steps, Span within);

} // namespace resv
