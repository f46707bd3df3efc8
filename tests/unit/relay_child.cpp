// A child may have much to read; one that reads nothing is given up.
#include "relay/child.hpp"

#include <csignal>
#include <doctest/doctest.h>
#include <sys/wait.h>

using namespace std::chrono_literals;

namespace {

constexpr base::SteadyTime k_start{100s};

relay::Intake with_messages(int count) {
    relay::Intake intake{[] { return relay::Extent::make(); }};
    for (int i = 0; i < count; ++i)
        intake.outbox.push_back({.message = wire::IngestClock{.offset_ms = 1}, .extent = {}});
    return intake;
}

int read_all(base::MessageSocket &socket) {
    int count = 0;
    while (socket.receive().value())
        ++count;
    return count;
}

} // namespace

TEST_CASE("relay: ten thousand messages reach a child that reads them in its time") {
    auto [ours, theirs] = base::MessageSocket::make_pair().value();
    relay::Intake intake = with_messages(10'000);
    relay::Outlet outlet;
    int got = 0;
    for (auto now = k_start; !intake.outbox.empty(); now += 9s) {
        REQUIRE(outlet.flush(ours, intake, now).has_value());
        got += read_all(theirs);
    }
    CHECK(got == 10'000);
}

TEST_CASE("relay: a child that takes no message for ten seconds is given up") {
    auto [ours, theirs] = base::MessageSocket::make_pair().value();
    relay::Intake intake = with_messages(4000);
    relay::Outlet outlet;
    CHECK(outlet.flush(ours, intake, k_start).has_value());
    REQUIRE_FALSE(intake.outbox.empty());
    CHECK(outlet.flush(ours, intake, k_start + 9s).has_value());
    const auto given_up = outlet.flush(ours, intake, k_start + 10s);
    REQUIRE_FALSE(given_up.has_value());
    CHECK(given_up.error().code == base::Errc::protocol);
}

TEST_CASE("relay: how a child ended is said in words") {
    const auto ended = [](auto act) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            act();
            ::_exit(76);
        }
        int status = 0;
        REQUIRE(::waitpid(pid, &status, 0) == pid);
        return relay::describe_end(status);
    };
    CHECK(ended([] {}) == "exit status 76");
    CHECK(ended([] { ::raise(SIGKILL); }) == "killed by SIGKILL");
    CHECK(ended([] { ::raise(SIGSYS); }) == "killed by SIGSYS, a forbidden system call");
    CHECK(ended([] { ::raise(SIGRTMAX); }).starts_with("killed by SIG"));
}
