#include "base/control_clock.hpp"

#include <doctest/doctest.h>

using base::ControlClock;
using base::from_unix_ms;
using namespace std::chrono_literals;

TEST_CASE("base: control's clock is the wall clock's until it is told otherwise") {
    base::FakeClock clock(from_unix_ms(1'000'000));
    ControlClock control(clock);
    CHECK(control.now() == from_unix_ms(1'000'000));
    CHECK(control.wall_offset() == 0ms);
    control.set_wall_offset(-250ms);
    CHECK(control.now() == from_unix_ms(999'750));
    CHECK(control.wall_offset() == -250ms);
}

TEST_CASE("base: control's clock goes on by the monotonic one") {
    base::FakeClock clock(from_unix_ms(1'000'000));
    ControlClock control(clock);
    clock.advance(2s);
    clock.step(1h);
    CHECK(control.now() == from_unix_ms(1'002'000));
    CHECK(control.wall_offset() == -1h);
    CHECK(control.steady_at(from_unix_ms(1'003'000)) - clock.steady() == 1s);
    clock.step(-2h);
    CHECK(control.now() == from_unix_ms(1'002'000));
}

TEST_CASE("base: an offset may be told to others at any time, and again") {
    base::FakeClock clock(from_unix_ms(1'000'000));
    ControlClock first(clock);
    first.set_wall_offset(5s);
    clock.advance(1s);
    clock.step(-1h);
    ControlClock second(clock);
    second.set_offset(first.offset());
    CHECK(second.now() == from_unix_ms(1'006'000));
    clock.step(3h);
    second.set_offset(first.offset());
    CHECK(second.now() == first.now());
}

TEST_CASE("base: parts of a millisecond make control's clock late, never early") {
    const base::SteadyTime at{10ms + 300us};
    const auto offset = ControlClock::offset_of(from_unix_ms(500), at);
    base::FakeClock clock(from_unix_ms(10));
    ControlClock control(clock);
    control.set_offset(offset);
    CHECK(control.now() <= from_unix_ms(500));
    CHECK(control.steady_at(from_unix_ms(500)) >= at);
    CHECK(control.steady_at(from_unix_ms(500)) - at < 1ms);
}
