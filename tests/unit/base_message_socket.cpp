#include "base/message_socket.hpp"

#include "base/file.hpp"

#include <array>
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

using base::Errc;
using base::MessageSocket;

TEST_CASE("base: messages arrive whole and in order") {
    auto ends = MessageSocket::make_pair();
    REQUIRE(ends.has_value());
    auto &[a, b] = *ends;
    const std::string large(MessageSocket::k_max_message, 'x');
    REQUIRE(a.send("one").has_value());
    REQUIRE(a.send(large).has_value());
    CHECK(b.receive(1000)->value().text == "one");
    CHECK(b.receive(1000)->value().text == large);
    const auto none = b.receive();
    REQUIRE(none.has_value());
    CHECK_FALSE(none->has_value());
    CHECK_FALSE(b.receive(10)->has_value());
    CHECK(a.send(large + "x").error().code == Errc::bug);
    CHECK(a.send("").error().code == Errc::bug);
}

TEST_CASE("base: descriptors go along and are close-on-exec") {
    auto ends = MessageSocket::make_pair();
    REQUIRE(ends.has_value());
    auto &[a, b] = *ends;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const base::Fd reads{pipe[0]};
    base::Fd writes{pipe[1]};
    REQUIRE(a.send("here", {writes.get(), writes.get()}).has_value());
    writes.reset();
    {
        const auto message = b.receive(1000);
        REQUIRE(message->has_value());
        const auto &fds = message->value().fds;
        REQUIRE(fds.size() == 2);
        CHECK((::fcntl(fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
        REQUIRE(base::write_all(fds[0].get(), "through", "pipe").has_value());
    }
    CHECK(base::read_all(reads.get(), "pipe", 100) == "through"); // ends: no writer is left
    CHECK_FALSE(a.send("too many", std::vector<int>(MessageSocket::k_max_fds + 1, 0)).has_value());
}

TEST_CASE("base: a peer that is gone or does not read is told apart") {
    auto ends = MessageSocket::make_pair();
    REQUIRE(ends.has_value());
    auto &[a, b] = *ends;
    base::Result<void> sent;
    for (int i = 0; i < 10'000 && sent; ++i)
        sent = a.send(std::string(10'000, 'x'));
    REQUIRE_FALSE(sent.has_value());
    CHECK(sent.error().code == Errc::try_again);
    b.close();
    CHECK(a.send("x").error().code == Errc::unavailable);
    CHECK(a.receive(10).error().code == Errc::unavailable);
}

TEST_CASE("base: a message of another kind of sender that is too long is refused") {
    auto ends = MessageSocket::make_pair();
    REQUIRE(ends.has_value());
    auto &[a, b] = *ends;
    const std::string longer(MessageSocket::k_max_message + 1, 'x');
    REQUIRE(::send(a.fd(), longer.data(), longer.size(), MSG_NOSIGNAL) > 0);
    CHECK(b.receive(1000).error().code == Errc::protocol);
}

// Seen with push-stream: the sender said "ended" and exited while a message to it was still unread;
// the reader met ECONNRESET and took it for a crash.
TEST_CASE("base: the last words of a peer that did not read ours are delivered") {
    auto [ours, theirs] = base::MessageSocket::make_pair().value();
    REQUIRE(ours.send("unread").has_value());
    REQUIRE(theirs.send("ended").has_value());
    theirs.close();
    const auto last = ours.receive();
    REQUIRE(last.has_value());
    REQUIRE(last->has_value());
    CHECK((*last)->text == "ended");
    const auto gone = ours.receive();
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().code == base::Errc::unavailable);
}
