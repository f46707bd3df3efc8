// Many slots at once: most of a menu differs in time alone.
#pragma once

#include "wire/reservation.hpp"

namespace wire {

/// Slots, each a kind and its times.
struct SlotList {
    struct Times {
        base::UtcTime start;
        base::UtcTime latest_start;
        std::size_t kind = 0; ///< an index of kinds
        Left left;
    };
    std::vector<Slot> kinds; ///< all but start, latest_start and left
    std::vector<Times> times;
};

/// {"slots":[…]} with to_json() of each in the order of times, in compact_json()'s form: without
/// the values between, of which a menu of a month has hundreds of thousands.
[[nodiscard]] std::string compact_json(const SlotList &list);

} // namespace wire
