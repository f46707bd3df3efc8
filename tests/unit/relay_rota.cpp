#include "relay/rota.hpp"

#include <doctest/doctest.h>

namespace {

void enter(relay::Rota &rota, std::size_t worker, int n) {
    for (; n > 0; --n)
        rota.entered(worker);
}

} // namespace

TEST_CASE("relay: who comes is taken in by the worker that has the fewest, a few at a time") {
    relay::Rota rota(3);
    CHECK(rota.is_turn_of(0));
    enter(rota, 0, 15);
    CHECK_FALSE(rota.pass());
    enter(rota, 0, 1);
    CHECK(rota.pass() == 1);
    CHECK(rota.is_turn_of(1));
    CHECK_FALSE(rota.is_turn_of(0));
    enter(rota, 1, 16);
    CHECK(rota.pass() == 2);
    enter(rota, 2, 31);
    CHECK_FALSE(rota.pass()); // not to and fro with each
    enter(rota, 2, 1);
    CHECK(rota.pass() == 0);
    for (int i = 0; i < 10; ++i)
        rota.left(1);
    enter(rota, 0, 5);
    CHECK_FALSE(rota.pass()); // 21 beside 6
    enter(rota, 0, 1);
    CHECK(rota.pass() == 1);
}

TEST_CASE("relay: viewers of live media are gathered at one worker until it has its share") {
    relay::Rota rota(3, 100);
    for (int i = 0; i < 100; ++i)
        CHECK(rota.gather() == 0);
    enter(rota, 1, 1000); // whoever else there is makes no difference
    rota.listener_entered(1);
    for (int i = 0; i < 100; ++i)
        CHECK(rota.gather() == 2);
    for (int i = 0; i < 99; ++i)
        CHECK(rota.gather() == 1);
    for (int i = 0; i < 16; ++i)
        CHECK(rota.gather() == 1); // all have theirs: not to and fro with each
    CHECK(rota.gather() == 0);
    CHECK(rota.listeners_of(0) == 101);
    CHECK(rota.listeners_of(1) == 116);
    for (int i = 0; i < 60; ++i)
        rota.listener_left(2);
    CHECK(rota.gather() == 2);
}

TEST_CASE("relay: with one worker the turn stays") {
    relay::Rota rota(1, 10);
    enter(rota, 0, 1000);
    CHECK_FALSE(rota.pass());
    for (int i = 0; i < 100; ++i)
        CHECK(rota.gather() == 0);
    rota.set_busy(0, 1);
    CHECK_FALSE(rota.relief_of(0));
}

TEST_CASE("relay: who is busy is relieved by the one who is least, to the mean of both") {
    relay::Rota rota(3);
    CHECK_FALSE(rota.relief_of(0));
    rota.set_busy(0, 0.49);
    CHECK_FALSE(rota.relief_of(0));
    rota.set_busy(0, 0.8);
    rota.set_busy(1, 0.2);
    rota.set_busy(2, 0.4);
    const auto relief = rota.relief_of(0);
    REQUIRE(relief);
    CHECK(relief->to == 1);
    CHECK(relief->part == doctest::Approx(0.375)); // 0.8 - 0.3 is 0.2 + 0.3
    CHECK(rota.relieve(0, *relief));               // the turn goes along
    CHECK(rota.is_turn_of(1));
    CHECK(rota.gather() == 1);
    CHECK_FALSE(rota.relief_of(0)); // both have the mean now, before either measures anew
    rota.set_busy(2, 0.9);
    CHECK_FALSE(rota.relief_of(2));
    CHECK_FALSE(rota.relieve(2, {.to = 0, .part = 0.1})); // the turn was not its own
    rota.set_busy(0, 0.8);
    rota.set_busy(1, 0.41);
    rota.set_busy(2, 0.5);
    CHECK_FALSE(rota.relief_of(0)); // they would give it back and forth
    CHECK_FALSE(rota.relief_of(1));
    rota.set_busy(1, -7200); // a clock that began anew
    CHECK(rota.relief_of(0)->part <= 0.5);
}
