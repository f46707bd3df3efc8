// A run of a reservation's media in one extent.
#pragma once

#include "relay/extent.hpp"

#include <vector>

namespace relay {

/// The bytes [begin, end) of the reservation's media lie in `extent` from `offset` on. Whole TS
/// packets, so positions are multiples of 188.
struct Slice {
    ExtentPtr extent;
    std::int64_t offset = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

/// What of @p row (contiguous, oldest first) is in [begin, end); empty when some of that is gone.
template <typename Row>
[[nodiscard]] std::vector<Slice> slices_of(const Row &row, std::int64_t begin, std::int64_t end) {
    std::vector<Slice> out;
    std::int64_t found = 0;
    for (const Slice &s : row) {
        const std::int64_t from = s.begin > begin ? s.begin : begin;
        const std::int64_t to = s.end < end ? s.end : end;
        if (from >= to)
            continue;
        found += to - from;
        out.push_back(
            {.extent = s.extent, .offset = s.offset + from - s.begin, .begin = from, .end = to});
    }
    if (found != end - begin)
        out.clear();
    return out;
}

} // namespace relay
