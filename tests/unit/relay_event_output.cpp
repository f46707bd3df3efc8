// Records that nobody takes hold nothing up.
#include "base/fd.hpp"
#include "relay/event_output.hpp"

#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>

TEST_CASE("relay: records to a pipe that is full are left out, and go on when it is read") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const base::Fd reading{ends[0]};
    const base::Fd writing{ends[1]}; // blocks: a write without room would hang this test
    relay::EventOutput out{writing.get()};
    const wire::Json record = wire::JsonObject{{"type", "refused"}};
    for (int i = 0; i < 10'000; ++i)
        out.write(record);
    CHECK(out.left_out() > 0);
    std::array<char, 65536> read{};
    REQUIRE(::read(reading.get(), read.data(), read.size()) > 0);
    out.write(record);
    CHECK(out.left_out() == 0);
}

TEST_CASE("relay: records to a full disk are left out") {
    const base::Fd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
    REQUIRE(full);
    relay::EventOutput out{full.get()};
    out.write(wire::JsonObject{});
    out.write(wire::JsonObject{});
    CHECK(out.left_out() == 2);
}
