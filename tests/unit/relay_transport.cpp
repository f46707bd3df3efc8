// A viewer over TLS whose socket is full again and again.
#include "relay_tls_fixture.hpp"

using namespace live_test;
using tls_fixture::TlsPair;
using Outcome = relay::LiveCursor::Outcome;

TEST_CASE("relay: over TLS a viewer who reads now and then gets every byte once, and the end") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    a.open(live);
    relay::LatencyRecord latency;
    relay::Fanout fanout;
    TlsPair pair;
    pair.agree();
    relay::LiveCursor cursor{live.event()};
    std::string sent;
    std::string got;
    int blocked = 0;
    const auto pump = [&] {
        Outcome outcome = Outcome::more;
        while (outcome == Outcome::more)
            outcome = cursor.pump(*pair.out, fanout, *live.event()->snapshot(), k_start, latency);
        blocked += int{outcome == Outcome::blocked};
        return outcome;
    };
    for (int i = 0; i < 60; ++i) {
        a.mark = static_cast<char>('a' + i % 26);
        a.deliver(live, k_start, 1000 + i);
        sent.append(static_cast<std::size_t>(1000 + i) * 188, a.mark);
        Outcome outcome = pump();
        for (int tries = 0; i % 3 == 2 && outcome != Outcome::idle && tries < 1000; ++tries) {
            got += pair.read();
            outcome = pump();
        }
    }
    live.end(false);
    for (int i = 0; i < 1000 && (pump() != Outcome::ended || !pair.out->flush()); ++i)
        got += pair.read();
    CHECK(blocked > 10);
    while (pair.out->end() != relay::Transport::Ending::told) {
        REQUIRE(errno == EAGAIN);
        got += pair.read();
    }
    got += pair.read();
    CHECK(got.size() == sent.size());
    CHECK((got == sent)); // without printing them
    CHECK(pair.ended);
}

TEST_CASE("relay: over TLS, too, a slow viewer is moved at a packet's end") {
    LiveEvent live = make_event();
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    a.open(live);
    relay::LatencyRecord latency;
    relay::Fanout fanout;
    TlsPair pair;
    pair.agree();
    relay::LiveCursor cursor{live.event()};
    auto now = k_start;
    std::string got;
    for (int round = 1; round <= 3; ++round) {
        for (int i = 0; i < 40; ++i) { // seconds in which the viewer does not read
            a.mark = static_cast<char>('a' + i % 26);
            a.deliver(live, now, 1000);
            now += 1s;
            if (i < 4)
                (void)cursor.pump(*pair.out, fanout, *live.event()->snapshot(), now, latency);
        }
        got += pair.read();
        (void)cursor.pump(*pair.out, fanout, *live.event()->snapshot(), now, latency);
        got += pair.read();
    }
    CHECK(live.event()->viewers_moved == 3);
    REQUIRE(got.size() > 500 * 188);
    for (std::size_t i = 0; i + 188 <= got.size(); i += 188)
        REQUIRE(got.find_first_not_of(got[i], i) >= i + 188);
}

TEST_CASE("relay: a connection that ends within the handshake, or says nonsense, fails") {
    TlsPair leaves;
    REQUIRE(leaves.out->greet() == relay::Transport::Greeting::read);
    ::shutdown(leaves.socket(), SHUT_RDWR);
    CHECK(leaves.out->greet() == relay::Transport::Greeting::failed);

    TlsPair nonsense;
    const std::string text(500, 'x');
    REQUIRE(::write(nonsense.socket(), text.data(), text.size()) == 500);
    CHECK(nonsense.out->greet() == relay::Transport::Greeting::failed);

    TlsPair plain;
    const std::string_view request = "GET / HTTP/1.1\r\n\r\n";
    REQUIRE(::write(plain.socket(), request.data(), request.size()) ==
            static_cast<ssize_t>(request.size()));
    CHECK(plain.out->greet() == relay::Transport::Greeting::failed);
    std::string answer(1000, '\0');
    const ssize_t n = ::read(plain.socket(), answer.data(), answer.size());
    REQUIRE(n > 0);
    CHECK(answer.starts_with("HTTP/1.1 400 "));
}

TEST_CASE("net: a certificate that cannot be taken leaves the former in place") {
    namespace fs = std::filesystem;
    const auto &made = net_fixture::certificate().folder;
    const fs::path folder = made / "identity";
    fs::create_directory(folder);
    fs::copy_file(made / "crt", folder / "crt");
    fs::copy_file(made / "key", folder / "key");
    const auto identity = net::TlsIdentity::load(folder / "crt", folder / "key").value();
    const auto first = identity->current();
    fs::resize_file(folder / "crt", 100);
    CHECK_FALSE(identity->reload());
    CHECK(identity->current() == first);
    fs::copy_file(made / "crt", folder / "crt", fs::copy_options::overwrite_existing);
    fs::permissions(folder / "key", fs::perms::others_read, fs::perm_options::add);
    CHECK_FALSE(identity->reload());
    CHECK(identity->current() == first);
    fs::permissions(folder / "key", fs::perms::others_read, fs::perm_options::remove);
    CHECK(identity->reload());
    CHECK(identity->current() != first);
    CHECK(identity->current()->not_after() == first->not_after());
}
