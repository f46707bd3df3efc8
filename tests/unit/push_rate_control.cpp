#include "push/rate_control.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace std::chrono_literals;
using base::SteadyTime;

namespace {

constexpr std::int64_t k_reserved = 10'000'000;

// A line that takes so much, what it does not take waiting before it; and what is sent over it.
class Line {
  public:
    double capacity = 0;
    double loss = 0;           // of its own
    std::int64_t burst_ms = 0; // what is made in bursts looks that much younger
    std::int64_t lowest = k_reserved, highest = 0;
    std::int64_t longest_queue_ms = 0;
    int descents = 0;

    void run(SteadyTime::duration span) {
        lowest = k_reserved;
        highest = longest_queue_ms = descents = 0;
        const SteadyTime until = m_now + span;
        for (; m_now < until; m_now += 100ms)
            tick();
    }
    [[nodiscard]] std::int64_t rate() const { return m_control.rate().bps; }
    // Nothing comes of the line for so long, while media is made and thrown away; then another one.
    void interrupt(SteadyTime::duration span, push::RateControl::Restart restart) {
        for (const SteadyTime until = m_now + span; m_now < until; m_now += 100ms)
            m_line.dropped_packets += rate() / 80 / 1316;
        m_waiting.clear();
        m_control.restart(restart);
    }
    double makes = 0.93; // of what it may

  private:
    void tick() {
        const double sent = static_cast<double>(rate()) / 10 * makes;
        m_waiting.push_back({m_now, sent * (1 + loss)});
        double takes = capacity / 10;
        while (!m_waiting.empty() && takes > 0) {
            const double some = std::min(takes, m_waiting.front().bits);
            takes -= some;
            m_waiting.front().bits -= some;
            if (m_waiting.front().bits <= 0)
                m_waiting.pop_front();
        }
        while (!m_waiting.empty() && m_now - m_waiting.front().made > 1100ms) {
            const double packets = m_waiting.front().bits / 8 / 1316; // too late
            m_line.dropped_packets += std::max<std::int64_t>(1, std::llround(packets));
            m_waiting.pop_front();
        }
        m_packets += sent / 8 / 1316;
        m_again += sent * loss / 8 / 1316;
        m_line.queue_ms = 20;
        if (!m_waiting.empty())
            m_line.queue_ms += (m_now - m_waiting.front().made) / 1ms - burst_ms;
        m_line.queue_ms = std::max<std::int64_t>(m_line.queue_ms, 0);
        m_line.rtt_us = 20'000;
        m_line.sent_packets = static_cast<std::int64_t>(m_packets);
        m_line.retransmitted_packets = static_cast<std::int64_t>(m_again);
        longest_queue_ms = std::max(longest_queue_ms, m_line.queue_ms);
        const bool second = m_now.time_since_epoch() % 1s == 0s; // the sender tells no more often
        if (second || m_line.queue_ms > 140) {
            const std::int64_t before = rate();
            (void)m_control.take(m_line, m_now);
            descents += rate() < before && m_now - m_fell > 3s ? 1 : 0;
            if (rate() < before)
                m_fell = m_now;
        }
        lowest = std::min(lowest, rate());
        highest = std::max(highest, rate());
    }

    push::RateControl m_control{base::BitRate{k_reserved}};
    push::LineState m_line;
    SteadyTime m_now{1000s};
    SteadyTime m_fell{};
    struct Waiting {
        SteadyTime made;
        double bits;
    };
    std::deque<Waiting> m_waiting;
    double m_packets = 0, m_again = 0;
};

} // namespace

TEST_CASE(
    "push: a line that takes everything gets the reserved rate, whatever it loses by itself") {
    Line line;
    line.capacity = 20e6;
    for (const double loss : {0.0, 0.02, 0.08}) {
        line.loss = loss;
        line.run(600s);
        CHECK(line.lowest == k_reserved);
        CHECK(line.highest == k_reserved);
    }
    line.loss = 0.3; // what polices it
    line.run(60s);
    CHECK(line.lowest < k_reserved / 2);
}

TEST_CASE("push: the encoder falls below what a line takes within seconds, and settles there") {
    CHECK(rc::check("settles", [] {
        Line line;
        line.capacity = 20e6;
        line.run(10s);
        const double capacity = *rc::gen::inRange(800, 8'000) * 1000.0;
        line.capacity = capacity;
        line.run(6s);
        RC_ASSERT(static_cast<double>(line.lowest) * 0.93 <= capacity);
        line.run(30s);
        line.run(1200s); // twenty minutes
        RC_ASSERT(line.highest <= k_reserved);
        RC_ASSERT(line.descents <= 9); // after 8, 16, 32 … 256 s, and no more often then
        line.run(600s);
        RC_ASSERT(line.descents <= 3);
        RC_ASSERT(line.longest_queue_ms <= 500);
        RC_ASSERT(static_cast<double>(line.lowest) >= capacity * 0.35);
        RC_ASSERT(static_cast<double>(line.rate()) >= capacity * 0.5);
    }));
}

TEST_CASE(
    "push: a line that became short is not asked for more than it took, until the first try") {
    CHECK(rc::check("settles at once", [] {
        Line line;
        line.capacity = 20e6;
        line.burst_ms = *rc::gen::inRange(0, 68);
        line.run(10s + *rc::gen::inRange(0, 10) * 100ms);
        const double capacity = *rc::gen::inRange(3'000, 8'500) * 1000.0;
        line.capacity = capacity;
        line.run(4s);
        RC_ASSERT(line.descents == 1);
        line.run(4s);
        RC_ASSERT(line.descents == 0);
        RC_ASSERT(static_cast<double>(line.highest) * 0.93 <= capacity);
        line.run(3s); // the try may begin
        RC_ASSERT(line.descents == 0);
        RC_ASSERT(static_cast<double>(line.rate()) >= capacity * 0.35);
    }));
}

TEST_CASE("push: a line that stood still for a moment is not taken for one that takes nothing") {
    for (const auto still : {500ms, 600ms, 800ms, 1500ms}) {
        Line line;
        line.capacity = 20e6;
        line.run(10s);
        line.capacity = 1;
        line.run(still);
        line.capacity = 20e6;
        line.run(1s);
        CHECK(line.rate() < k_reserved);
        line.run(7s); // at once, not after the wait before a try
        CHECK(line.rate() >= line.lowest * 11 / 10);
    }
}

TEST_CASE("push: what a lossy line got of a still picture is no measure of it") {
    Line line;
    line.capacity = 20e6;
    line.makes = 0.03;
    line.run(10s);
    line.loss = 0.3;
    line.run(2s);
    CHECK(line.rate() < k_reserved);
    line.loss = 0;
    line.run(7s);
    CHECK(line.rate() >= line.lowest * 13 / 10);
}

TEST_CASE("push: another connection is judged by what comes over it") {
    using Restart = push::RateControl::Restart;
    Line line;
    line.capacity = 20e6;
    line.run(10s);
    line.interrupt(3s, Restart::same_line); // what was thrown away meanwhile is no fault of it
    line.run(10s);
    CHECK(line.lowest == k_reserved);

    line.capacity = 3e6;
    line.run(20s);
    CHECK(line.rate() < 3'300'000);         // a try among it
    line.interrupt(1s, Restart::same_line); // its limit is known
    line.capacity = 20e6;
    line.run(8s);
    CHECK(line.rate() < 4'000'000);
    line.interrupt(1s, Restart::other_line);
    line.run(15s);
    CHECK(line.rate() >= k_reserved * 8 / 10);
}

TEST_CASE("push: the encoder comes back to the reserved rate when the line does") {
    CHECK(rc::check("comes back", [] {
        Line line;
        line.capacity = *rc::gen::inRange(800, 8'000) * 1000.0;
        line.run(std::chrono::seconds{*rc::gen::inRange(5, 20)});
        RC_ASSERT(line.rate() < k_reserved);
        line.capacity = 20e6;
        line.run(75s);
        RC_ASSERT(line.rate() == k_reserved);
        RC_ASSERT(line.descents == 0);
    }));
}

TEST_CASE("push: whatever a line is said to do, the rate stays within its bounds") {
    CHECK(rc::check("bounds", [] {
        push::RateControl control{base::BitRate{k_reserved}};
        SteadyTime now{1000s};
        for (int i = 0; i < 300; ++i) {
            now += std::chrono::milliseconds{*rc::gen::inRange(0, 3000)};
            const push::LineState line{.queue_ms = *rc::gen::inRange<std::int64_t>(0, 400),
                                       .rtt_us = *rc::gen::inRange<std::int64_t>(0, 300'000),
                                       .sent_packets = *rc::gen::arbitrary<std::int32_t>(),
                                       .retransmitted_packets = *rc::gen::arbitrary<std::int32_t>(),
                                       .dropped_packets = *rc::gen::inRange<std::int64_t>(0, 3)};
            (void)control.take(line, now);
            RC_ASSERT(control.rate().bps <= k_reserved);
            RC_ASSERT(control.rate().bps >= k_reserved / 20);
        }
    }));
}
