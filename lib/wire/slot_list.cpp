#include "wire/slot_list.hpp"

#include <algorithm>
#include <fmt/compile.h>
#include <iterator>
#include <stdexcept>

namespace wire {

namespace {

// What stands before, between and after the two times of each slot of one kind.
struct Form {
    std::string before;
    std::string between;
    std::string after;
};

Form form_of(Slot kind) {
    kind.start = kind.latest_start = base::UtcTime{};
    const std::string text = compact_json(to_json(kind));
    const std::string blank = base::format_rfc3339(base::UtcTime{});
    const auto first = text.find(blank); // names have no colons: it is a time
    const auto second = text.find(blank, first + 1);
    if (first == std::string::npos || second == std::string::npos)
        throw std::logic_error("a slot without two times");
    return {.before = text.substr(0, first),
            .between = text.substr(first + blank.size(), second - first - blank.size()),
            // All but the end of the object: what is left follows.
            .after = text.substr(second + blank.size(), text.size() - 1 - second - blank.size())};
}

} // namespace

std::string compact_json(const SlotList &list) {
    std::vector<Form> forms;
    forms.reserve(list.kinds.size());
    std::size_t longest = 0;
    for (const Slot &kind : list.kinds) {
        const Form &form = forms.emplace_back(form_of(kind));
        longest = std::max(longest, form.before.size() + form.between.size() + form.after.size());
    }
    constexpr std::size_t k_time = sizeof "2026-11-22T18:00:00.000Z";
    constexpr std::size_t k_left = 128; // about
    std::string out = R"({"slots":[)";
    out.reserve(out.size() + list.times.size() * (longest + 2 * k_time + k_left) + 2);
    fmt::memory_buffer left;
    for (const SlotList::Times &slot : list.times) {
        const Form &form = forms[slot.kind];
        out += form.before;
        out += base::format_rfc3339(slot.start);
        out += form.between;
        out += base::format_rfc3339(slot.latest_start);
        out += form.after;
        // Not to the end of `out`: that would be letter by letter.
        left.clear();
        fmt::format_to(std::back_inserter(left),
                       FMT_COMPILE(R"(,"left":{{"streams":{},"lines":{},"carrier_bps":{},)"
                                   R"("rate_bps":{},"viewers":{}}}}},)"),
                       slot.left.streams, slot.left.lines, slot.left.carrier_bps,
                       slot.left.rate.bps, slot.left.viewers);
        out.append(left.data(), left.size());
    }
    if (!list.times.empty())
        out.pop_back(); // the last comma
    out += "]}";
    return out;
}

} // namespace wire
