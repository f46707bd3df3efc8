// Viewers get what descriptors are left when media has its own.
#include "relay/descriptors.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

TEST_CASE("relay: connections leave descriptors for media") {
    CHECK(relay::connections_within(1U << 20U, 4096, 2, 2) == 4096); // what was asked for fits
    CHECK(relay::connections_within(1024, 4096, 2, 2) == 1024 - 256 - 32 - 16 - 2 * 35);
    CHECK(relay::connections_within(1024, 100, 2, 2) == 100);
    CHECK(relay::connections_within(128, 4096, 1, 1) == 128 - 32 - 32 - 8 - 15);
    CHECK(relay::connections_within(16, 4096, 1, 1) == 1);
    CHECK(relay::connections_within(1U << 20U, 1'000'000, 1, 1) < (1U << 20U) - 16'384);
}

TEST_CASE("relay: pipes take no connections that are scarce") {
    CHECK(relay::pipes_within(1U << 20U, 64) == 16);
    CHECK(relay::pipes_within(1024, 2) == 16);
    CHECK(relay::pipes_within(1024, 8) == 6);
    CHECK(relay::pipes_within(1024, 16) == 0);
    CHECK(relay::connections_within(1024, 4096, 1, 64) == 1024 - 256 - 32 - 8);
}

TEST_CASE("relay: the limit of descriptors is raised as far as the system lets it") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low = before;
    low.rlim_cur = 64;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(relay::raise_descriptor_limit() > 64);
    rlimit after{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &after) == 0);
    CHECK(after.rlim_cur > 64);
    CHECK(after.rlim_max == before.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &before);
}
