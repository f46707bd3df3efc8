#include "push/sender_queue.hpp"
#include "push/sender_rules.hpp"
#include "seal/ticket.hpp"

#include <doctest/doctest.h>

using namespace push;
using namespace std::chrono_literals;

namespace {

const base::UtcTime k_start = base::from_unix_ms(1'795'000'000'000);

wire::SenderPlan plan() {
    wire::SenderPlan p;
    p.window = {.start = k_start, .end = k_start + 1min, .lead_in = 10s, .drain = 5s};
    p.max_rate = {6'000'000};
    return p;
}

wire::SenderPath path() {
    wire::SenderPath p;
    p.carrier = "lineA";
    p.interface = "lineA0";
    p.source4 = "10.1.0.2";
    p.relay = {.host = "203.0.113.10", .port = 9000};
    p.ticket = std::string(198, 'A');
    p.passphrase = std::string(32, 'p');
    return p;
}

} // namespace

TEST_CASE(
    "push: programme runs in [start, end), the connection in [start - lead_in, end + drain)") {
    wire::SenderPlan p = plan();
    CHECK(phase_at(p, k_start - 10'001ms) == SenderPhase::waiting);
    CHECK(phase_at(p, k_start - 10s) == SenderPhase::lead_in);
    CHECK(phase_at(p, k_start - 1ms) == SenderPhase::lead_in);
    CHECK(phase_at(p, k_start) == SenderPhase::programme);
    CHECK(phase_at(p, k_start + 59'999ms) == SenderPhase::programme);
    CHECK(phase_at(p, k_start + 1min) == SenderPhase::draining);
    CHECK(phase_at(p, k_start + 65s) == SenderPhase::over);
    p.window.end += 1min;
    CHECK(phase_at(p, k_start + 65s) == SenderPhase::programme);
    p.cancelled = true;
    CHECK(phase_at(p, k_start) == SenderPhase::over);
}

TEST_CASE("push: the sender wakes when its phase changes, whatever else it waits for") {
    const wire::SenderPlan p = plan();
    for (auto now = k_start - 11s; now < k_start + 66s; now += 500ms) {
        const auto next = next_phase_at(p, now);
        CHECK(next > now);
        if (next != base::UtcTime::max()) {
            CHECK(phase_at(p, next - 1ms) == phase_at(p, now));
            CHECK(phase_at(p, next) != phase_at(p, now));
        }
    }
    CHECK(next_phase_at(p, k_start + 65s) == base::UtcTime::max());
}

TEST_CASE("push: SRT spaces out what it sends until the line is clean, and while it loses") {
    LossBrake brake;
    base::SteadyTime now{1h};
    CHECK(brake.on(0, now));
    CHECK(brake.on(0, now + 499ms));
    CHECK_FALSE(brake.on(0, now + 500ms));
    CHECK_FALSE(brake.on(0, now += 1h));
    CHECK(brake.on(1, now)); // at once
    CHECK(brake.on(1, now += 9999ms));
    CHECK(brake.on(4, now += 1ms)); // and from the last loss on
    CHECK(brake.on(4, now += 9999ms));
    CHECK_FALSE(brake.on(4, now += 1ms));
    LossBrake second; // a line that repeats from the start
    CHECK(second.on(7, now));
    CHECK(second.on(7, now + 499ms));
    CHECK_FALSE(second.on(7, now + 500ms));
}

TEST_CASE("push: a path is always bound to its carrier") {
    const std::array<std::uint8_t, 8> instance{1};
    const auto call = call_over(path(), {6'000'000}, instance, 1);
    REQUIRE(call.has_value());
    CHECK(call->interface == "lineA0");
    CHECK(call->source == "10.1.0.2");
    CHECK(call->max_bytes_per_second == (7'500'000 + 100'000) / 8);
    CHECK(seal::parse_stream_id(call->stream_id)->instance == instance);
    CHECK(seal::parse_stream_id(call->stream_id)->path == 1);
    CHECK(call->payload_bytes == 12 + 7 * 188);
    CHECK(call->idle_look > 10ms); // it only sends

    wire::SenderPath p = path();
    p.source4.clear();
    CHECK(call_over(p, {1}, instance, 1).has_value());
    p.interface.clear();
    CHECK_FALSE(call_over(p, {1}, instance, 1).has_value());
    p = path();
    p.relay.host = "2001:db8::10"; // the kernel may pick another device's address
    CHECK_FALSE(call_over(p, {1}, instance, 1).has_value());
    p.source6 = "2001:db8:1::2";
    CHECK(call_over(p, {1}, instance, 1)->source == "2001:db8:1::2");
}

TEST_CASE("push: the gate lets the rate pass and spreads bursts, and no more in any second") {
    base::FakeClock clock{k_start};
    SenderGate gate{{8'000'000}}; // a million bytes a second
    std::size_t first_10ms = 0;
    std::size_t sent = 0;
    for (auto t = 0ms; t < 3000ms; t += 1ms, clock.advance(1ms)) {
        std::size_t now = 0;
        while (gate.pass(1316, clock.steady()))
            now += 1316;
        sent += now;
        if (t < 10ms)
            first_10ms += now;
    }
    CHECK(first_10ms < 80'000);
    CHECK(sent > 2'900'000);
    CHECK(sent < 3 * 1'050'000);
    CHECK(gate.measured(clock.steady()).bps <= 8'400'000);
}

TEST_CASE("push: the smallest rate still lets one payload through") {
    base::FakeClock clock{k_start};
    SenderGate gate{{8}};
    CHECK(gate.pass(1316, clock.steady()));
    CHECK_FALSE(gate.pass(1316, clock.steady()));
}

TEST_CASE("push: the queue drops the oldest packets, whole") {
    SenderQueue queue;
    std::vector<std::uint8_t> bytes;
    for (std::uint8_t i = 0; i < 20; ++i)
        bytes.insert(bytes.end(), 188, i);
    queue.push(bytes);
    CHECK(queue.keep(10'000) == 0);
    CHECK(queue.keep(1316) == 13);
    CHECK(queue.size() == 1316);
    CHECK(queue.front(1316)[0] == 13);
    queue.pop(188);
    queue.push({bytes.data(), 188});
    CHECK(queue.front(188)[0] == 14);
    CHECK(queue.size() == 1316);
    CHECK(queue.keep(100) == 7); // never a part of one
    CHECK(queue.size() == 0);
}
