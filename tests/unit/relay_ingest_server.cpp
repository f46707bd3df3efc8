// The ingest child at the end of its socket.
#include "free_udp_port.hpp"
#include "relay/ingest_server.hpp"

#include <ctime>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

using namespace std::chrono_literals;

namespace {

wire::IngestSetup setup() {
    return {.relay = "r1",
            .carrier = "lineA",
            .listen = {.host = "127.0.0.1", .port = free_udp_port()},
            .echo = std::nullopt,
            .control_key = seal::public_key_text(seal::SigningKey::generate().public_key()),
            .group_key = seal::to_base64url(seal::Bytes(32, 2)),
            .latency_ms = 20};
}

wire::IngestAdmit admission(int number, base::UtcTime now) {
    const std::array<std::uint8_t, 10> random{static_cast<std::uint8_t>(number >> 8),
                                              static_cast<std::uint8_t>(number)};
    return {.reservation = base::Id::make(base::from_unix_ms(1000), random),
            .channel = "studio1",
            .window = {.start = now, .end = now + 1h},
            .generation = 0,
            .max_rate = base::BitRate{1'000'000}};
}

// False: the child does not take it.
bool send(base::MessageSocket &socket, const wire::IngestMessage &message) {
    const std::string text = wire::write_ingest(message);
    for (;;) {
        const auto sent = socket.send(text);
        pollfd room{socket.fd(), POLLOUT, 0};
        if (sent || sent.error().code != base::Errc::try_again || ::poll(&room, 1, 20'000) != 1)
            return sent.has_value();
    }
}

std::int64_t cpu_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// What a child spends on being told of @p count reservations.
std::int64_t cost_of(int count) {
    auto pair = base::MessageSocket::make_pair().value();
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const base::Fd stop{ends[0]};
    const base::Fd never{ends[1]};
    const base::SystemClock clock;
    std::int64_t cost = 0;
    base::Result<void> outcome;
    std::thread child([&, socket = std::move(pair.second)]() mutable {
        outcome = relay::run_ingest(socket, stop.get(), clock, [] { return base::Result<void>{}; });
        cost = cpu_ns();
        socket.close();
    });
    bool told = send(pair.first, setup());
    for (int i = 0; told && i < count; ++i)
        told = send(pair.first, admission(i, clock.now()));
    pair.first.close();
    child.join();
    CHECK(told);
    CHECK(outcome.has_value());
    return cost;
}

} // namespace

TEST_CASE("relay: many reservations cost the ingest process no more each than few") {
    const auto few = cost_of(1000);
    const auto many = cost_of(8000);
    INFO(few, " ns of a thousand, ", many, " ns of eight thousand");
    CHECK(many < 3 * 8 * few);
}
