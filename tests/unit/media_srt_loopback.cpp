#include "free_udp_port.hpp"
#include "media/srt_listener.hpp"
#include "media/srt_rate.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace media;
using namespace std::chrono_literals;

namespace {

SrtCall call_to(std::uint16_t port) {
    SrtCall call;
    call.to = {.host = "127.0.0.1", .port = port};
    call.stream_id = "hello";
    call.passphrase = "a good passphrase";
    call.source = "127.0.0.1";
    call.latency = 20ms;
    return call;
}

SrtState settle(const SrtSocket &socket) {
    for (int i = 0; i < 400 && socket.state() == SrtState::connecting; ++i)
        std::this_thread::sleep_for(10ms);
    return socket.state();
}

// The caller may know of the connection before the listener has it in its queue.
SrtSocket accept_from(SrtListener &listener) {
    SrtSocket out = listener.accept();
    for (int i = 0; i < 400 && !out; ++i) {
        std::this_thread::sleep_for(10ms);
        out = listener.accept();
    }
    return out;
}

struct Fixture {
    SrtLibrary library;
    std::uint16_t port = free_udp_port();
    SrtListener listener =
        *SrtListener::open({.host = "127.0.0.1", .port = port}, 20ms, [](const SrtOffer &offer) {
            return SrtAnswer{.refuse = offer.stream_id == "hello" ? 0 : 2006,
                             .passphrase = "a good passphrase"};
        });
};

} // namespace

TEST_CASE("media: an SRT caller that is admitted delivers its messages") {
    Fixture f;
    auto caller = SrtSocket::call(call_to(f.port));
    REQUIRE(caller.has_value());
    REQUIRE(settle(*caller) == SrtState::connected);
    SrtSocket accepted = accept_from(f.listener);
    REQUIRE(accepted);
    CHECK(accepted.stream_id() == "hello");
    CHECK(accepted.peer().starts_with("127.0.0.1:"));
    auto poll = *SrtPoll::make();
    REQUIRE(poll.watch(accepted.handle()).has_value());

    const std::vector<std::uint8_t> message(1316, 0x47);
    CHECK(caller->send(message) == true);
    std::array<std::uint8_t, k_srt_max_message> space{};
    std::size_t got = 0;
    for (int i = 0; i < 100 && got == 0; ++i)
        for (const int handle : poll.wait(20ms).sockets)
            if (handle == accepted.handle())
                got = accepted.receive(space)->value_or(0);
    CHECK(got == message.size());
    for (int i = 0; i < 100 && caller->unacknowledged() > 0; ++i)
        std::this_thread::sleep_for(10ms);
    CHECK(caller->unacknowledged() == 0);
    CHECK(accepted.stats().received_packets == 1);

    caller->close();
    for (int i = 0; i < 100 && accepted.state() == SrtState::connected; ++i)
        std::this_thread::sleep_for(10ms);
    CHECK_FALSE(accepted.receive(space).has_value());
    CHECK(accepted.stats().received_packets == 1); // libsrt tells nothing more of it
}

TEST_CASE("media: SRT connects over IPv6 from a source address") {
    const SrtLibrary library;
    const std::uint16_t port = free_udp_port();
    auto listener =
        SrtListener::open({.host = "::1", .port = port}, 20ms, [](const SrtOffer &offer) {
            return SrtAnswer{.refuse = offer.peer.host == "::1" ? 0 : 2001,
                             .passphrase = "a good passphrase"};
        });
    REQUIRE(listener.has_value());
    SrtCall call = call_to(port);
    call.to.host = "::1";
    call.source = "::1";
    const auto caller = SrtSocket::call(call);
    REQUIRE(caller.has_value());
    CHECK(settle(*caller) == SrtState::connected);
    const SrtSocket accepted = accept_from(*listener);
    REQUIRE(accepted);
    CHECK(accepted.peer().starts_with("[::1]:"));
}

TEST_CASE("media: an SRT caller that is refused reads the code") {
    Fixture f;
    SrtCall call = call_to(f.port);
    call.stream_id = "someone else";
    const auto caller = SrtSocket::call(call);
    REQUIRE(caller.has_value());
    CHECK(settle(*caller) == SrtState::broken);
    CHECK(caller->reject().code == 2006);
    CHECK_FALSE(f.listener.accept());
}

TEST_CASE("media: SRT without encryption, or with another passphrase, is refused") {
    Fixture f;
    for (const char *passphrase : {"", "another passphrase"}) {
        SrtCall call = call_to(f.port);
        call.passphrase = passphrase;
        const auto caller = SrtSocket::call(call);
        REQUIRE(caller.has_value());
        CHECK(settle(*caller) == SrtState::broken);
        CHECK(caller->reject().code > 0);
        CHECK(caller->reject().code < 2000);
        CHECK_FALSE(caller->reject().text.empty());
        CHECK_FALSE(f.listener.accept());
    }
}

TEST_CASE("media: an SRT socket that cannot be bound as asked is an error, not another way out") {
    const SrtLibrary library;
    SrtCall call = call_to(9);
    call.interface = "no-such-if";
    CHECK_FALSE(SrtSocket::call(call).has_value());
    call = call_to(9);
    call.source = "192.0.2.77"; // not this machine's
    CHECK_FALSE(SrtSocket::call(call).has_value());
    call.source = "relay.example";
    CHECK_FALSE(SrtSocket::call(call).has_value());
    CHECK_FALSE(SrtListener::open({.host = "192.0.2.77", .port = 9}, 20ms, {}).has_value());
}

TEST_CASE("media: an SRT socket is bound to its device over IPv6, too") {
    const SrtLibrary library;
    SrtCall call = call_to(free_udp_port());
    call.to.host = "::1";
    call.source = "::1";
    call.interface = "no-such-if";
    CHECK_FALSE(SrtSocket::call(call).has_value());
    call.interface = "lo";
    CHECK(SrtSocket::call(call).has_value());
}

namespace {

// How often each thread of libsrt that receives has slept so far.
std::map<std::string, long> sleeps() {
    std::map<std::string, long> out;
    for (const auto &thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(thread.path() / "comm"), name);
        if (!name.starts_with("SRT:RcvQ"))
            continue;
        std::ifstream status(thread.path() / "status");
        for (std::string word; status >> word;)
            if (word == "voluntary_ctxt_switches:")
                status >> out[thread.path().filename()];
    }
    return out;
}

long sleeps_in_a_second(const SrtSocket &socket, const std::map<std::string, long> &others) {
    REQUIRE(settle(socket) == SrtState::connected);
    const auto before = sleeps();
    std::this_thread::sleep_for(1s);
    long out = 0;
    for (const auto &[thread, count] : sleeps())
        if (!others.contains(thread))
            out += count - before.at(thread);
    return out;
}

} // namespace

TEST_CASE("media: who only sends wakes less often while nothing comes") {
    Fixture f;
    auto others = sleeps();
    const auto usual = SrtSocket::call(call_to(f.port));
    const long usually = sleeps_in_a_second(usual.value(), others);
    others = sleeps();
    SrtCall call = call_to(f.port);
    call.idle_look = 40ms;
    const auto quiet = SrtSocket::call(call);
    const long quietly = sleeps_in_a_second(quiet.value(), others);
    CHECK(quietly >= 5);
    CHECK(quietly * 2 < usually);
}

TEST_CASE("media: nobody answering ends in a timeout with its reason") {
    const SrtLibrary library;
    SrtCall call = call_to(free_udp_port());
    call.connect_timeout = 300ms;
    const auto caller = SrtSocket::call(call);
    REQUIRE(caller.has_value());
    CHECK(settle(*caller) == SrtState::broken);
    CHECK_FALSE(caller->reject().text.empty());
}

TEST_CASE("media: a rate meter counts the last second and the one before") {
    base::FakeClock clock{base::from_unix_ms(1'795'000'000'000)};
    RateMeter meter;
    for (int i = 0; i < 300; ++i, clock.advance(10ms))
        meter.add(clock.steady(), i < 200 ? 10 : 20);
    clock.advance(-10ms);
    CHECK(meter.last_second(clock.steady()) == 2000);
    CHECK(meter.second_before(clock.steady()) == 1000);
    CHECK(meter.rate(clock.steady()).bps == 16'000);
    clock.advance(500ms);
    CHECK(meter.last_second(clock.steady()) == 1000);
    clock.advance(1h);
    CHECK(meter.last_second(clock.steady()) == 0);
    CHECK(meter.second_before(clock.steady()) == 0);
}
