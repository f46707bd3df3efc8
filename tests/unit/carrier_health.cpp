#include "carrier/health.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <vector>

using namespace carrier;
using namespace std::chrono_literals;

namespace {

constexpr base::SteadyTime k_start{};

LineHealth good(base::SteadyTime since = k_start) {
    LineHealth out;
    out.link(true, since);
    out.answered(since);
    return out;
}

LineHealth silent() {
    LineHealth out = good();
    for (int i = 0; i < k_misses; ++i)
        out.missed();
    return out;
}

} // namespace

TEST_CASE("carrier: a line is bad after three misses, or at once without its interface") {
    LineHealth line = good();
    CHECK(line.good());
    line.missed();
    line.missed();
    CHECK(line.good());
    line.answered(k_start + 250ms); // it may lose some
    line.missed();
    line.missed();
    CHECK_FALSE(line.bad());
    line.missed();
    CHECK(line.bad());
    CHECK_FALSE(line.good());

    line = good();
    line.link(false, k_start);
    CHECK(line.bad());
    line.answered(k_start + 1s); // a late one
    CHECK(line.bad());
    line.link(true, k_start + 2s);
    CHECK(line.bad()); // until it answers

    // A long line answers late at first.
    LineHealth slow;
    slow.link(true, k_start);
    for (int i = 1; i < k_first_misses; ++i)
        slow.missed();
    CHECK_FALSE(slow.bad());
    slow.missed();
    CHECK(slow.bad());

    LineHealth unasked{false};
    unasked.link(true, k_start);
    CHECK(unasked.fit(k_start));
}

TEST_CASE("carrier: a line that failed is fit again when it was good for five seconds") {
    LineHealth line = silent();
    line.answered(k_start + 1s);
    CHECK(line.good());
    CHECK_FALSE(line.fit(k_start + 1s));
    CHECK_FALSE(line.fit(k_start + 5999ms));
    CHECK(line.fit(k_start + 6s));
    for (int i = 0; i < k_misses; ++i) // not while it flaps
        line.missed();
    line.answered(k_start + 7s);
    CHECK_FALSE(line.fit(k_start + 8s));
    CHECK(good().fit(k_start)); // one that never failed
}

TEST_CASE(
    "carrier: media moves to the first fit line, back to a better one, and never to nothing") {
    const auto at = k_start + 1min;
    const std::vector<LineHealth> all{good(), good(), good()};
    CHECK(choose_line(all, 0, at) == 0);
    CHECK(choose_line(all, 2, at) == 0);
    const std::vector<LineHealth> first_gone{silent(), good(), good()};
    CHECK(choose_line(first_gone, 0, at) == 1);
    CHECK(choose_line(first_gone, 1, at) == 1);
    const std::vector<LineHealth> none{silent(), silent(), silent()};
    for (std::size_t active = 0; active < none.size(); ++active)
        CHECK(choose_line(none, active, at) == active);
    // Of a line that nothing is known of yet: media stays on it, and does not go to it.
    const std::vector<LineHealth> unknown{LineHealth{}, good(), LineHealth{}};
    CHECK(choose_line(unknown, 0, at) == 0);
    CHECK(choose_line(unknown, 1, at) == 1);
    const std::vector<LineHealth> nothing_else{LineHealth{}, LineHealth{}};
    CHECK(choose_line(nothing_else, 1, at) == 1);
}

TEST_CASE("carrier: whatever happens to the lines, media does not flap between them") {
    rc::check("moves to a line that failed are five good seconds apart", [] {
        const auto count = *rc::gen::inRange<std::size_t>(1, 4);
        std::vector<LineHealth> lines(count);
        std::vector<base::SteadyTime> failed(count, k_start - 2 * k_good_again); // long ago
        for (LineHealth &line : lines)
            line.link(true, k_start);
        std::size_t active = 0;
        const auto events = *rc::gen::container<std::vector<int>>(300, rc::gen::inRange(0, 100));
        auto now = k_start;
        for (const int event : events) {
            now += 100ms;
            const std::size_t i = static_cast<std::size_t>(event) % count;
            if (event < 10)
                lines[i].link(event < 5, now);
            for (std::size_t n = 0; n < count; ++n)
                n == i &&event < 60 ? lines[n].missed() : lines[n].answered(now);
            for (std::size_t n = 0; n < count; ++n)
                if (lines[n].bad())
                    failed[n] = now;
            const std::size_t next = choose_line(lines, active, now);
            RC_ASSERT(next < count);
            if (next != active) {
                RC_ASSERT(lines[next].good());
                RC_ASSERT(now - failed[next] >= k_good_again);
                RC_ASSERT(lines[active].bad() || next < active);
            }
            RC_ASSERT(choose_line(lines, next, now) == next);
            active = next;
        }
    });
}
