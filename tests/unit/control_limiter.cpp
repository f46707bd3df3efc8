#include "control/limiter.hpp"

#include <doctest/doctest.h>

using base::Millis;
using control::Allowance;
using control::bucket_of;
using control::Limiter;

namespace {

constexpr Allowance k_ten{.per_second = 10, .at_once = 3};

Limiter::Time at(std::int64_t ms) {
    return Limiter::Time{std::chrono::hours{1} + Millis{ms}};
}

} // namespace

TEST_CASE("control: a bucket gives what it holds at once, then its rate, to each of its own") {
    Limiter limiter;
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(limiter.take("a", k_ten, at(0)));
    CHECK(limiter.take("a", k_ten, at(0)) == Millis{100});
    CHECK_FALSE(limiter.take("b", k_ten, at(0)));
    CHECK(limiter.take("a", k_ten, at(60)) == Millis{40});
    CHECK_FALSE(limiter.take("a", k_ten, at(101)));
    CHECK(limiter.take("a", k_ten, at(101)));
    CHECK(limiter.refused() == 3);
    // However long the pause, no more than it holds.
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(limiter.take("a", k_ten, at(1'000'000)));
    CHECK(limiter.take("a", k_ten, at(1'000'000)));
    for (int i = 0; i < 1000; ++i)
        CHECK_FALSE(limiter.take("a", Allowance{}, at(0)));
}

TEST_CASE("control: many strangers fill no memory, share what is left, and are forgotten") {
    Limiter limiter;
    constexpr Allowance k_one{.per_second = 1, .at_once = 1};
    CHECK_FALSE(limiter.take("known", k_one, at(0)));
    int let_in = 0;
    for (int i = 0; i < 30'000; ++i)
        let_in += limiter.take("stranger " + std::to_string(i), k_one, at(0)) ? 0 : 1;
    CHECK(let_in == 20'000); // 19 999, and one of those who share
    CHECK(limiter.take("known", k_one, at(500)));
    CHECK_FALSE(limiter.take("known", k_one, at(1001)));
    // After a while they are forgotten, and there is room again.
    CHECK_FALSE(limiter.take("new", k_one, at(20'000)));
    CHECK_FALSE(limiter.take("newer", k_one, at(20'000)));
}

TEST_CASE("control: a bucket is an IPv4 address, or an IPv6 network of 64 bits") {
    CHECK(bucket_of("192.0.2.1:80") == "192.0.2.1");
    CHECK(bucket_of("192.0.2.1:80") == bucket_of("192.0.2.1:81"));
    CHECK(bucket_of("[2001:db8::1]:80") == bucket_of("[2001:db8::ffff:1:2:3]:99"));
    CHECK(bucket_of("[2001:db8::1]:80") != bucket_of("[2001:db8:0:1::1]:80"));
}
