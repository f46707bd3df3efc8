// Which path carries the media, and what is kept to be sent again.
#include "push/path_choice.hpp"
#include "push/sent_window.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using push::choose_path;
using push::PathView;

namespace {

constexpr base::SteadyTime k_now{100s};

PathView good() {
    return {.usable = true,
            .waits_since = k_now - 20ms,
            .answered = k_now - 30ms,
            .patience = base::Millis{100},
            .fit = true};
}

std::size_t choose(PathView first, PathView second, std::size_t active = 0) {
    const std::array paths{first, second};
    return choose_path(paths, active, k_now);
}

} // namespace

TEST_CASE("push: the media stays where it is while that works") {
    CHECK(choose(good(), good()) == 0);
    PathView idle = good();
    idle.waits_since.reset();
    CHECK(choose(idle, good()) == 0);
}

TEST_CASE("push: a path that stalls is left for one that answered since") {
    PathView stalled = good();
    stalled.waits_since = k_now - 101ms;
    PathView other = good();
    other.answered = k_now - 50ms;
    CHECK(choose(stalled, other) == 1);
    CHECK(choose(other, stalled, 1) == 0);
    other.answered = k_now - 101ms; // before: both may stall, as when the relay or we are busy
    CHECK(choose(stalled, other) == 0);
    other.answered = k_now - 50ms;
    other.usable = false;
    CHECK(choose(stalled, other) == 0);
    other = stalled;
    other.answered = k_now - 50ms; // it stalls as well
    CHECK(choose(stalled, other) == 0);
    stalled.waits_since = k_now - 100ms; // just not yet
    CHECK(choose(stalled, good()) == 0);
}

TEST_CASE("push: a path that cannot be used is left for any that can") {
    PathView gone = good();
    gone.usable = false;
    PathView other = good();
    other.answered = {};
    other.fit = false;
    CHECK(choose(gone, other) == 1);
    other.waits_since = k_now - 1s; // stalled, and better than nothing
    CHECK(choose(gone, other) == 1);
    other.usable = false;
    CHECK(choose(gone, other) == 0);
    // At first the preferred one has a head start.
    gone.expected = true;
    CHECK(choose(gone, good()) == 0);
}

TEST_CASE("push: the media goes back to a better path once that is fit") {
    PathView better = good();
    better.fit = false;
    CHECK(choose(better, good(), 1) == 1);
    better.fit = true;
    CHECK(choose(better, good(), 1) == 0);
    better.waits_since = k_now - 200ms;
    CHECK(choose(better, good(), 1) == 1);
    better = good();
    better.usable = false;
    CHECK(choose(better, good(), 1) == 1);
    CHECK(choose(good(), good(), 0) == 0); // never to a worse one
}

TEST_CASE("push: payloads are numbered from a random number on, and the numbers wrap") {
    push::SentWindow window{0xabcd, 0xfffe};
    const std::vector<std::uint8_t> packet(188, 0x47);
    CHECK(media::read_rtp_ts(window.sign_of_life(k_now))->header.sequence == 0xfffd);
    for (int i = 0; i < 3; ++i)
        window.push(packet, k_now);
    const auto last = media::read_rtp_ts(window[2].message());
    REQUIRE(last.has_value());
    CHECK(last->header.sequence == 0);
    CHECK(last->header.source == 0xabcd);
    CHECK(last->header.timestamp == 100 * 90'000);
    CHECK(std::ranges::equal(last->packets, packet));
    CHECK(media::read_rtp_ts(window.sign_of_life(k_now))->header.sequence == 0);
}

TEST_CASE("push: what is kept is bounded, and the oldest goes first") {
    push::SentWindow window{1, 0};
    window.limit(300);
    std::vector<std::uint8_t> packet(188, 0x47);
    for (int i = 0; i < 1000; ++i) {
        packet[5] = static_cast<std::uint8_t>(i);
        window.push(packet, k_now);
    }
    CHECK(window.begin() == 700);
    CHECK(window.end() == 1000);
    for (std::uint64_t i = window.begin(); i < window.end(); ++i) {
        const auto rtp = media::read_rtp_ts(window[i].message());
        REQUIRE(rtp.has_value());
        CHECK(rtp->header.sequence == i);
        CHECK(rtp->packets[5] == static_cast<std::uint8_t>(i));
    }
    window.forget_before(900);
    CHECK(window.size() == 100);
    window.forget_before(10); // it never goes back
    CHECK(window.begin() == 900);
    window.forget_before(5000);
    CHECK(window.size() == 0);
}
