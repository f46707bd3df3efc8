// Passwords are checked elsewhere, and not after the end.
#include "relay/password_desk.hpp"
#include "seal/password.hpp"

#include <atomic>
#include <doctest/doctest.h>

using namespace std::chrono_literals;

TEST_CASE("relay: a desk that was stopped answers nobody") {
    relay::PasswordDesk desk;
    std::atomic<int> begun{0};
    std::atomic<int> answered{0};
    const auto slow = [&](bool) {
        ++begun;
        std::this_thread::sleep_for(50ms);
        ++answered;
    };
    for (int i = 0; i < 8; ++i)
        REQUIRE(desk.ask("no hash", seal::Secret{seal::Bytes{1}}, slow));
    while (begun == 0)
        std::this_thread::yield();
    desk.stop();
    const int before = answered;
    CHECK(before == begun); // none is under way
    CHECK(before < 8);
    CHECK_FALSE(desk.ask("no hash", seal::Secret{seal::Bytes{1}}, slow));
    std::this_thread::sleep_for(60ms);
    CHECK(answered == before);
}
