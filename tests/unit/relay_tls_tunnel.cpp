// What goes on with a viewer's TLS for another program, between two real pairs of sockets.
#include "relay/tls_terminator.hpp"
#include "relay/tls_tunnel.hpp"
#include "relay_tls_fixture.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>

using relay::TlsTunnel;
using relay::Transport;

namespace {

// A viewer, and who serves him at the far end of a tunnel.
struct World {
    explicit World(bool agreed = true) : World(agreed, live_test::Pair{}) {}
    World(bool agreed, live_test::Pair inside)
        : server(Transport::tunnelled(std::move(inside.relay))) {
        if (agreed)
            viewer.agree();
        tunnel.emplace(*viewer.out, !agreed, std::move(inside.viewer));
    }
    // The server's, as much as its socket takes: different everywhere.
    void serve() {
        for (;;) {
            std::string next;
            for (std::size_t at = sent.size(); at < sent.size() + 5000; ++at)
                next += static_cast<char>((at ^ (at >> 8U) ^ (at >> 16U)) & 0xffU);
            const ssize_t n = server->send(next, false);
            if (n < 0)
                return;
            sent += next.substr(0, static_cast<std::size_t>(n));
        }
    }
    [[nodiscard]] std::string asked() {
        std::string out;
        std::array<char, 65536> space{};
        for (ssize_t n = 0; (n = server->receive(space)) > 0;)
            out.append(space.data(), static_cast<std::size_t>(n));
        return out;
    }
    // Until the viewer's socket takes no more.
    [[nodiscard]] bool is_blocked() {
        for (int i = 0; i < 1000; ++i) {
            serve();
            const auto wants = tunnel->pump();
            REQUIRE(wants);
            if ((wants->inner & EPOLLIN) == 0)
                return (wants->outer & EPOLLOUT) != 0;
        }
        return false;
    }

    tls_fixture::TlsPair viewer;
    std::optional<Transport> server;
    std::optional<TlsTunnel> tunnel;
    std::string sent;
};

} // namespace

TEST_CASE("relay: a tunnel passes on what both sides say, and waits for more") {
    World w;
    CHECK(w.viewer.say("GET"));
    CHECK(w.server->send("200", false) == 3);
    const auto wants = w.tunnel->pump();
    REQUIRE(wants);
    CHECK(wants->outer == EPOLLIN);
    CHECK(wants->inner == EPOLLIN);
    CHECK(w.asked() == "GET");
    CHECK(w.viewer.read() == "200");
}

TEST_CASE("relay: a tunnel goes on with a handshake that has begun") {
    World w{false};
    CHECK(w.server->send("all there is", false) == 12);
    bool agreed = false;
    for (int i = 0; i < 10 && !agreed; ++i) {
        agreed = w.viewer.connect();
        REQUIRE(w.tunnel->pump());
    }
    REQUIRE(agreed);
    CHECK(w.tunnel->pump());
    CHECK(w.viewer.read() == "all there is");
}

TEST_CASE("relay: a tunnel holds back who serves a viewer that does not read, and loses nothing") {
    World w;
    REQUIRE(w.is_blocked());
    w.serve();
    std::string got;
    while (got.size() < w.sent.size()) {
        const std::string more = w.viewer.read();
        REQUIRE(w.tunnel->pump());
        got += more;
    }
    CHECK((got == w.sent)); // without printing them
}

TEST_CASE("relay: a tunnel holds back a viewer whose requests nobody reads") {
    World w;
    const std::string request(1000, 'x');
    std::size_t said = 0;
    for (int i = 0; i < 20'000 && w.viewer.say(request); ++i) {
        said += request.size();
        REQUIRE(w.tunnel->pump());
    }
    CHECK(said < 10'000'000);
    const auto wants = w.tunnel->pump();
    REQUIRE(wants);
    CHECK(wants->outer == EPOLLRDHUP);
    CHECK(wants->inner == (EPOLLIN | EPOLLOUT));
    std::size_t got = 0;
    while (got < said) {
        got += w.asked().size();
        REQUIRE(w.tunnel->pump());
    }
}

TEST_CASE("relay: a tunnel notices that a viewer is gone whose requests nobody reads") {
    World w;
    const std::string request(1000, 'x');
    for (int i = 0; i < 20'000 && w.viewer.say(request); ++i)
        REQUIRE(w.tunnel->pump());
    CHECK(w.tunnel->pump());
    w.viewer.hang_up();
    CHECK_FALSE(w.tunnel->pump());
}

TEST_CASE("relay: a tunnel tells an end to the viewer, and then that it is told") {
    World w;
    CHECK(w.server->send("all", false) == 3);
    CHECK(w.server->end() == Transport::Ending::read);
    CHECK(w.server->end() == Transport::Ending::read);
    CHECK_FALSE(w.tunnel->pump());
    CHECK(w.viewer.read() == "all");
    CHECK(w.viewer.ended);
    CHECK(w.server->end() == Transport::Ending::read);
    w.tunnel.reset();
    CHECK(w.server->end() == Transport::Ending::told);
}

TEST_CASE("relay: a tunnel passes on a cut as a cut, after what came before it") {
    World w;
    CHECK(w.server->send("some", false) == 4);
    w.server.reset();
    CHECK_FALSE(w.tunnel->pump());
    CHECK(w.viewer.read() == "some");
    CHECK_FALSE(w.viewer.ended);
}

TEST_CASE("relay: a tunnel does not wait for a viewer who reads nothing when his server cut him") {
    World w;
    REQUIRE(w.is_blocked());
    CHECK(w.tunnel->pump());
    w.server.reset();
    CHECK_FALSE(w.tunnel->pump());
}

TEST_CASE("relay: a tunnel is over when the viewer is gone") {
    World w;
    w.viewer.hang_up();
    CHECK_FALSE(w.tunnel->pump());
}

TEST_CASE("relay: a tunnel whose handshake comes to nothing is over") {
    World refused{false};
    using namespace std::string_view_literals;
    const auto nonsense = "\x16\x03\x01\x00\x05nope!"sv; // a record of TLS, but no hello
    REQUIRE(::send(refused.viewer.socket(), nonsense.data(), nonsense.size(), 0) > 0);
    CHECK_FALSE(refused.tunnel->pump());

    World gone{false};
    REQUIRE(gone.tunnel->pump());
    gone.viewer.hang_up();
    CHECK_FALSE(gone.tunnel->pump());

    World cut{false};
    CHECK_FALSE(cut.viewer.connect());
    REQUIRE(cut.tunnel->pump());
    cut.server.reset();
    CHECK_FALSE(cut.tunnel->pump());
}

TEST_CASE("relay: where there are too few descriptors, viewers by TLS stay where they are") {
    tls_fixture::TlsPair viewer;
    viewer.agree();
    std::vector<relay::ConnectionState> all(1);
    all.front().fd = viewer.out->fd();
    all.front().secure = &*viewer.out;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const base::Fd next{::dup(STDERR_FILENO)};
    const rlimit few{static_cast<rlim_t>(next.get()) + 3, before.rlim_max}; // for the gate
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    const auto refused = relay::TlsTerminator::start(all);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("sockets for connections with TLS") != std::string::npos);
    CHECK(viewer.out->send("on", false) == 2);
    CHECK(viewer.read() == "on");
}
