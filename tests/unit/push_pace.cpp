#include "push/pace.hpp"

#include "media/ts_scanner.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace std::chrono_literals;
using base::BitRate;
using base::SteadyTime;
using push::Pacer;

namespace {

constexpr std::uint64_t k_100ms = 2'700'000; // of PCR
const SteadyTime k_begin{1000s};

auto ms(SteadyTime t) {
    return std::chrono::duration_cast<base::Millis>(t - k_begin).count();
}

} // namespace

TEST_CASE("push: bytes between two PCRs are spread over the time between them") {
    Pacer pacer(BitRate{100'000'000}, Pacer::Follow::pcr);
    pacer.clock(0, 5 * k_100ms, false);
    CHECK_FALSE(pacer.due(1316, k_begin).has_value()); // how fast, only the next PCR tells
    pacer.clock(10'000, 6 * k_100ms, false);
    CHECK(pacer.due(0, k_begin) == k_begin);
    CHECK(ms(*pacer.due(5'000, k_begin)) == 50);
    CHECK(ms(*pacer.due(10'000, k_begin)) == 100);
    CHECK_FALSE(pacer.due(10'001, k_begin).has_value());
    pacer.end(); // the rest goes at the rate of what came before
    CHECK(ms(*pacer.due(12'000, k_begin)) == 120);
}

TEST_CASE("push: the clock may wrap, stand still or jump") {
    Pacer pacer(BitRate{100'000'000}, Pacer::Follow::pcr);
    pacer.clock(0, media::k_pcr_wrap - k_100ms, false);
    pacer.clock(1'000, 0, false); // wraps
    pacer.clock(2'000, 0, false); // the same again: no time passes
    pacer.clock(3'000, k_100ms, false);
    CHECK(ms(*pacer.due(0, k_begin)) == 0);
    CHECK(ms(*pacer.due(1'000, k_begin)) == 100);
    CHECK(ms(*pacer.due(2'000, k_begin)) == 100);
    CHECK(ms(*pacer.due(3'000, k_begin)) == 200);
    pacer.clock(4'000, 5'000 * k_100ms, false); // far ahead: goes on at the last rate
    pacer.clock(5'000, 4'000 * k_100ms, false); // far back
    pacer.clock(6'000, 4'001 * k_100ms, true);  // marked as a jump, whatever it says
    CHECK(ms(*pacer.due(4'000, k_begin)) == 300);
    CHECK(ms(*pacer.due(5'000, k_begin)) == 400);
    CHECK(ms(*pacer.due(6'000, k_begin)) == 500);
}

TEST_CASE("push: what is late catches up within the reserved rate, what is very late does not") {
    Pacer pacer(BitRate{800'000}, Pacer::Follow::pcr); // 100 bytes a ms
    for (std::uint64_t i = 0; i <= 100; ++i)
        pacer.clock(i * 5'000, i * k_100ms, false); // half the reserved rate
    CHECK(ms(*pacer.due(0, k_begin)) == 0);
    SteadyTime now = k_begin + 1s; // held up for a second: 50 000 bytes are late
    std::uint64_t position = 0;
    while (position < 100'000) {
        position += 1'000;
        const SteadyTime due = *pacer.due(position, now);
        now = std::max(now, due);
        pacer.sent(1'000, now);
    }
    CHECK(ms(now) >= 1'960); // 100 000 bytes take a second at the full rate, less the burst
    CHECK(ms(now) <= 2'010);
    CHECK(ms(*pacer.due(110'000, now)) == 2'200); // on time again

    now = k_begin + 60s; // held up for long: on from here at the normal pace
    CHECK(*pacer.due(110'000, now) <= now);
    CHECK(*pacer.due(115'000, now) == now + 100ms);
}

TEST_CASE("push: live input leaves at once, but for bursts over the reserved rate") {
    Pacer pacer(BitRate{800'000}, Pacer::Follow::input);
    SteadyTime now = k_begin;
    CHECK(*pacer.due(1'316, now) <= now);
    for (int i = 0; i < 30; ++i) // 30 000 bytes at once: 300 ms
    {
        now = std::max(now, *pacer.due(static_cast<std::uint64_t>(i + 1) * 1'000, now));
        pacer.sent(1'000, now);
    }
    CHECK(ms(now) >= 260);
    CHECK(ms(now) <= 300);
}

TEST_CASE("push: a stream over the reserved rate is told, once a second") {
    Pacer pacer(BitRate{800'000}, Pacer::Follow::pcr);
    for (std::uint64_t i = 0; i <= 10; ++i)
        pacer.clock(i * 10'900, i * k_100ms, false); // 9 % over: tolerated
    CHECK_FALSE(pacer.take_excess().has_value());
    for (std::uint64_t i = 11; i <= 20; ++i)
        pacer.clock(109'000 + (i - 10) * 12'000, i * k_100ms, false);
    const auto excess = pacer.take_excess();
    REQUIRE(excess.has_value());
    CHECK(excess->bps == 960'000);
    CHECK_FALSE(pacer.take_excess().has_value());
}

TEST_CASE("push: due times never fall, whatever the clock of the stream does") {
    CHECK(rc::check("monotonic", [] {
        Pacer pacer(BitRate{4'000'000}, Pacer::Follow::pcr);
        std::uint64_t position = 0;
        const auto steps = *rc::gen::container<std::vector<std::uint64_t>>(
            rc::gen::inRange<std::uint64_t>(0, media::k_pcr_wrap));
        for (const std::uint64_t pcr : steps) {
            pacer.clock(position, pcr, pcr % 7 == 0);
            position += 188 * (1 + pcr % 50);
        }
        pacer.end();
        SteadyTime last{};
        for (std::uint64_t at = 0; at < position; at += 1'316) {
            const auto due = pacer.due(at, k_begin);
            RC_ASSERT(due.has_value());
            RC_ASSERT(*due >= last);
            last = *due;
        }
    }));
}
