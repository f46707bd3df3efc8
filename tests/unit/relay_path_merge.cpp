// Two numbered paths become one stream: nothing twice, nothing missing that one of them brought.
#include "relay/path_merge.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace std::chrono_literals;
using relay::PathMerge;

namespace {

constexpr base::SteadyTime k_start{100s};
constexpr std::int64_t k_payload = 7 * 188;

relay::ExtentPtr extent() {
    return std::make_shared<const relay::Extent>(base::Fd{}, relay::Extent::k_bytes);
}

/// One path: what it brings lies in its extent, payload after payload.
struct Path {
    unsigned number;
    relay::ExtentPtr memory = extent();
    std::int64_t position = 0;
    std::vector<std::int64_t> kept{}; ///< by place in the extent: the payload

    relay::PartReady bring(std::int64_t first, std::int64_t count) {
        relay::PartReady part{.stream = number,
                              .reservation = {},
                              .extent = memory,
                              .position = position,
                              .offset = position,
                              .bytes = count * k_payload,
                              .received_us = 1,
                              .cuts = {},
                              .runs = {{.sequence = first & 0xffff, .count = count, .packets = 7}}};
        for (std::int64_t i = first; i < first + count; ++i)
            kept.push_back(i);
        position += part.bytes;
        return part;
    }
};

/// The payloads of @p pieces, by who brought them.
std::vector<std::int64_t> payloads(const std::vector<PathMerge::Piece> &pieces, const Path &a,
                                   const Path &b) {
    std::vector<std::int64_t> out;
    for (const auto &piece : pieces) {
        const Path &from = piece.extent == a.memory ? a : b;
        for (std::int64_t at = piece.offset; at < piece.offset + piece.bytes; at += k_payload)
            out.push_back(from.kept.at(static_cast<std::size_t>(at / k_payload)));
    }
    return out;
}

using Numbers = std::vector<std::int64_t>;

} // namespace

TEST_CASE("relay: what one path lost comes from the other, in order and once") {
    PathMerge merge;
    Path a{0};
    Path b{1};
    CHECK(payloads(merge.add(0, a.bring(65534, 2), k_start), a, b) == Numbers{65534, 65535});
    CHECK(payloads(merge.add(1, b.bring(65534, 1), k_start), a, b).empty());
    CHECK(payloads(merge.add(0, a.bring(65538, 2), k_start), a, b).empty()); // 65536 is missing
    CHECK(payloads(merge.add(1, b.bring(65536, 1), k_start), a, b) == Numbers{65536});
    CHECK(payloads(merge.add(1, b.bring(65537, 3), k_start), a, b) == Numbers{65537, 65538, 65539});
    CHECK(merge.lost() == 0);
    CHECK(merge.twice() == 3);
}

TEST_CASE("relay: what no path will bring is not waited for") {
    PathMerge merge;
    Path a{0};
    Path b{1};
    (void)merge.add(0, a.bring(0, 2), k_start);
    // Alone, it delivers in order: what is missing will not come.
    CHECK(payloads(merge.add(0, a.bring(3, 1), k_start + 1ms), a, b) == Numbers{3});
    CHECK(merge.lost() == 1);
    (void)merge.add(1, b.bring(2, 2), k_start + 2ms);
    CHECK(merge.add(0, a.bring(6, 1), k_start + 3ms).empty()); // the other one is behind
    CHECK(payloads(merge.add(1, b.bring(5, 1), k_start + 4ms), a, b) == Numbers{5, 6});
    CHECK(merge.lost() == 2);
    CHECK(merge.add(0, a.bring(8, 1), k_start + 5ms).empty());
    merge.leave(1);
    CHECK(payloads(merge.tick(k_start + 6ms), a, b) == Numbers{8});
}

TEST_CASE("relay: a path that falls silent holds nothing up for longer than the window") {
    PathMerge merge;
    Path a{0};
    Path b{1};
    (void)merge.add(0, a.bring(0, 1), k_start);
    (void)merge.add(1, b.bring(0, 1), k_start);
    CHECK(merge.add(0, a.bring(2, 1), k_start + 100ms).empty());
    CHECK(merge.tick(k_start + PathMerge::k_window - 1ms).empty());
    CHECK(payloads(merge.tick(k_start + PathMerge::k_window), a, b) == Numbers{2});
    // From then on it is not waited for at all.
    CHECK(payloads(merge.add(0, a.bring(4, 1), k_start + PathMerge::k_window), a, b) == Numbers{4});
    // One that goes on delivering and is always behind: the window bounds it too.
    (void)merge.add(1, b.bring(4, 1), k_start + 500ms);
    CHECK(merge.add(0, a.bring(6, 1), k_start + 600ms).empty());
    for (int i = 0; i < 5; ++i)
        (void)merge.add(1, b.bring(4, 1), k_start + 650ms + i * 50ms);
    CHECK(payloads(merge.tick(k_start + 600ms + PathMerge::k_window), a, b) == Numbers{6});
}

TEST_CASE("relay: what is sent again after a failover joins without a gap and without doubles") {
    PathMerge merge;
    Path a{0};
    Path b{1};
    CHECK(payloads(merge.add(0, a.bring(10, 40), k_start), a, b).size() == 40);
    // The line died; from what was not acknowledged on, all comes over the other one.
    CHECK(payloads(merge.add(1, b.bring(30, 30), k_start + 150ms), a, b).front() == 50);
    // It was only slow: what it delivers after all is known.
    CHECK(merge.add(0, a.bring(50, 5), k_start + 200ms).empty());
    CHECK(merge.lost() == 0);
    CHECK(merge.twice() == 25);
}

TEST_CASE("relay: random-access points are told once, at their place in the merged stream") {
    PathMerge merge;
    Path a{0};
    Path b{1};
    (void)merge.add(0, a.bring(0, 2), k_start);
    auto part = a.bring(2, 2);
    part.cuts = {{.position = k_payload + 188, .pts_90k = 7}, // before this part
                 {.position = 3 * k_payload, .pts_90k = 8}};
    const auto pieces = merge.add(0, part, k_start);
    REQUIRE(pieces.size() == 1);
    REQUIRE(pieces[0].cuts.size() == 2);
    CHECK(pieces[0].cuts[0].position == k_payload + 188);
    CHECK(pieces[0].cuts[1].position == 3 * k_payload);
    CHECK(pieces[0].cuts[1].pts_90k == 8);
    // The other path is two payloads short, knows the second one, and a third.
    auto other = b.bring(2, 4);
    other.cuts = {{.position = k_payload, .pts_90k = 8}, {.position = 2 * k_payload, .pts_90k = 9}};
    const auto more = merge.add(1, other, k_start);
    REQUIRE(more.size() == 1);
    REQUIRE(more[0].cuts.size() == 1);
    CHECK(more[0].cuts[0].position == 4 * k_payload);
    CHECK(more[0].cuts[0].pts_90k == 9);
}

TEST_CASE("relay: units are told once likewise, beside the cuts") {
    PathMerge merge;
    Path a{0};
    Path b{1};
    auto part = a.bring(0, 3);
    part.cuts = {{.position = 0, .pts_90k = 1}};
    part.units = {{.position = 188, .dts_90k = 1}, {.position = 2 * k_payload, .dts_90k = 2}};
    const auto pieces = merge.add(0, part, k_start);
    REQUIRE(pieces.size() == 1);
    CHECK(pieces[0].cuts.size() == 1);
    REQUIRE(pieces[0].units.size() == 2);
    CHECK(pieces[0].units[0].position == 188);
    auto other = b.bring(1, 3);
    other.units = {{.position = k_payload, .dts_90k = 2},
                   {.position = 2 * k_payload, .dts_90k = 3}};
    const auto more = merge.add(1, other, k_start);
    REQUIRE(more.size() == 1);
    REQUIRE(more[0].units.size() == 1);
    CHECK(more[0].units[0].position == 3 * k_payload);
    CHECK(more[0].units[0].dts_90k == 3);
}

TEST_CASE("relay: a publisher whose numbers begin anew after silence is shown again") {
    PathMerge merge;
    Path a{0};
    Path b{1};
    (void)merge.add(0, a.bring(1000, 1), k_start);
    CHECK(merge.add(0, a.bring(10, 1), k_start + 1s).empty());
    CHECK(payloads(merge.add(0, a.bring(20, 1), k_start + 1s + PathMerge::k_begin_anew), a, b) ==
          Numbers{20});
    CHECK(payloads(merge.add(0, a.bring(21, 1), k_start + 1s + PathMerge::k_begin_anew), a, b) ==
          Numbers{21});
}

TEST_CASE("relay: whatever two paths lose, all that one of them brought is shown once, in order") {
    const bool holds = rc::check("the merge is complete", [] {
        const auto size = *rc::gen::inRange<std::int64_t>(1, 300);
        const auto first = *rc::gen::inRange<std::int64_t>(0, 65536);
        const auto loses = *rc::gen::container<std::vector<int>>(static_cast<std::size_t>(2 * size),
                                                                 rc::gen::inRange(0, 100));
        const auto loss = *rc::gen::inRange(0, 60);
        const auto skew = *rc::gen::inRange(0, 200);
        const auto in_a_part = *rc::gen::inRange<std::int64_t>(1, 20);
        PathMerge merge;
        std::array<Path, 2> paths{Path{0}, Path{1}};
        // A path that never delivered is not waited for: both begin well.
        const auto lost = [&](std::size_t path, std::int64_t i) {
            return i > (path == 0 ? skew + in_a_part : 0) &&
                   loses[path * static_cast<std::size_t>(size) + static_cast<std::size_t>(i)] <
                       loss;
        };
        Numbers seen;
        Numbers brought;
        std::optional<std::int64_t> begun; // nothing before the first that came at all
        const auto bring = [&](std::size_t path, std::int64_t from, base::SteadyTime at) {
            for (std::int64_t i = from; i < std::min(size, from + in_a_part); ++i) {
                if (lost(path, i))
                    continue;
                begun = begun.value_or(i);
                const auto pieces =
                    merge.add(static_cast<unsigned>(path), paths.at(path).bring(first + i, 1), at);
                for (const std::int64_t n : payloads(pieces, paths[0], paths[1]))
                    seen.push_back(n);
            }
        };
        for (std::int64_t t = 0; t < size + skew; ++t) {
            if (t % in_a_part == 0 && t < size)
                bring(0, t, k_start + std::chrono::milliseconds{t});
            if (t >= skew && (t - skew) % in_a_part == 0)
                bring(1, t - skew, k_start + std::chrono::milliseconds{t});
        }
        const auto end = k_start + std::chrono::milliseconds{size + skew} + 2 * PathMerge::k_window;
        for (const std::int64_t n : payloads(merge.tick(end), paths[0], paths[1]))
            seen.push_back(n);
        for (std::int64_t i = begun.value_or(size); i < size; ++i)
            if (!lost(0, i) || !lost(1, i))
                brought.push_back(first + i);
        RC_ASSERT(seen == brought);
    });
    CHECK(holds);
}
