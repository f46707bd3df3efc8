#include "base/fd.hpp"
#include "net_fixture.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <doctest/doctest.h>
#include <mutex>
#include <sys/socket.h>
#include <thread>

using base::Errc;
using base::Millis;
using net::HttpServer;
using namespace net_fixture;

namespace {

ClientRequest post(const HttpServer &server, std::string body) {
    ClientRequest r = get(server, "/");
    r.method = "POST";
    r.body = std::move(body);
    return r;
}

// Answers with what it understood.
void echo(const Request &request, const Reply &reply) {
    reply(
        {.status = 200,
         .headers = {{"X-Query", request.query}, {"X-Ours", request.header("x-ours").value_or("")}},
         .body = request.method + " " + request.path + " " + request.body});
}

// Replies that a handler puts by for later.
class Kept {
  public:
    void push_back(const Reply &reply) {
        const std::lock_guard lock{m_mutex};
        m_replies.push_back(reply);
    }
    Reply operator[](std::size_t i) {
        const std::lock_guard lock{m_mutex};
        return m_replies.at(i);
    }

  private:
    std::mutex m_mutex;
    std::vector<Reply> m_replies;
};

} // namespace

TEST_CASE("net: a request reaches the handler and its answer the client") {
    const auto server = start(echo);
    HttpClient c = client();
    auto request = get(*server, "/a/b?c=%20d");
    request.headers = {{"X-Ours", "1"}};
    const auto answer = c.perform(request);
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK(answer->status == 200);
    CHECK(answer->body == "GET /a/b ");
    const auto field = [&](std::string_view name) {
        for (const auto &[key, value] : answer->headers)
            if (key == name)
                return value;
        return std::string("-");
    };
    CHECK(field("X-Query") == "c=%20d");
    CHECK(field("X-Ours") == "1");
    const auto posted = c.perform(post(*server, std::string(100'000, 'x')));
    REQUIRE(posted.has_value());
    CHECK(posted->body == "POST / " + std::string(100'000, 'x'));
}

TEST_CASE("net: one connection serves many requests") {
    std::mutex mutex;
    std::string peers;
    const auto server = start([&](const Request &r, const Reply &reply) {
        const std::lock_guard lock{mutex};
        if (peers.find(r.peer) == std::string::npos)
            peers += r.peer + " ";
        reply({});
    });
    HttpClient c = client();
    for (int i = 0; i < 5; ++i)
        REQUIRE(c.perform(get(*server, "/")).has_value());
    CHECK(std::ranges::count(peers, ' ') == 1);
}

TEST_CASE("net: a blocked handler does not hold up others; a late reply arrives") {
    std::mutex mutex;
    std::vector<Reply> polls;
    const auto server = start([&](const Request &r, const Reply &reply) {
        if (r.path != "/poll")
            return reply({.status = 200, .headers = {}, .body = "now"});
        const std::lock_guard lock{mutex};
        polls.push_back(reply);
    });
    std::string late;
    std::thread poller{[&] {
        if (auto answer = client().perform(get(*server, "/poll")))
            late = answer->body;
    }};
    const auto waiting = [&] {
        const std::lock_guard lock{mutex};
        return !polls.empty();
    };
    while (!waiting())
        std::this_thread::sleep_for(Millis{2});
    CHECK(client().perform(get(*server, "/"))->body == "now");
    polls[0]({.status = 200, .headers = {}, .body = "later"});
    polls[0]({.status = 500, .headers = {}, .body = "again"}); // ignored
    poller.join();
    CHECK(late == "later");
}

TEST_CASE("net: handlers that throw, forget or dawdle are answered for") {
    auto o = options();
    o.limits.answer_timeout = Millis{100};
    Kept kept;
    const auto server = start(
        [&](const Request &r, const Reply &reply) {
            if (r.path == "/throw")
                throw std::runtime_error("on purpose");
            if (r.path == "/keep")
                kept.push_back(reply);
        },
        o);
    HttpClient c = client();
    CHECK(c.perform(get(*server, "/throw"))->status == 500);
    CHECK(c.perform(get(*server, "/forget"))->status == 500);
    CHECK(c.perform(get(*server, "/keep"))->status == 503);
    kept[0]({}); // too late, and harmless
    CHECK(c.perform(get(*server, "/forget"))->status == 500);
}

TEST_CASE("net: too large and malformed requests are refused before the handler") {
    std::atomic<int> handled{0};
    auto o = options();
    o.limits.max_body_bytes = 1000;
    o.limits.max_header_bytes = 4000;
    const auto server =
        start([&](const Request &, const Reply &reply) { ++handled, reply({}); }, o);
    HttpClient c = client();
    CHECK(c.perform(post(*server, std::string(1001, 'x')))->status == 413);
    CHECK(c.perform(post(*server, std::string(3'000'000, 'x')))->status == 413);
    CHECK(c.perform(get(*server, "/" + std::string(5000, 'a')))->status == 431);
    auto request = get(*server, "/");
    request.headers = {{"X-Long", std::string(5000, 'a')}};
    CHECK(c.perform(request)->status == 431);
    request.headers = {{"Host", ""}};
    CHECK(c.perform(request)->status == 400);
    request.headers = {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}};
    CHECK(c.perform(request)->status == 400);
    CHECK(handled == 0);
    CHECK(c.perform(post(*server, std::string(1000, 'x')))->status == 200);
}

TEST_CASE("net: connections over the cap are closed, and room comes back") {
    auto o = options();
    o.limits.max_connections = 2;
    const auto server = start(echo, o);
    {
        HttpClient a = client();
        HttpClient b = client();
        CHECK(a.perform(get(*server, "/")).has_value());
        CHECK(b.perform(get(*server, "/")).has_value());
        const auto third = client().perform(get(*server, "/"));
        REQUIRE_FALSE(third.has_value());
    }
    for (int i = 0; i < 200 && !client().perform(get(*server, "/")).has_value(); ++i)
        std::this_thread::sleep_for(Millis{5});
    CHECK(client().perform(get(*server, "/")).has_value());
}

TEST_CASE("net: silent clients are dropped at the deadline") {
    auto o = options();
    o.limits.handshake_timeout = Millis{100};
    const auto server = start(echo, o);
    const base::Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(
        std::stoi(server->address().substr(server->address().rfind(':') + 1))));
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr *>(&to), sizeof to) == 0);
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char byte = 0;
    CHECK(::recv(fd.get(), &byte, 1, 0) <= 0);
    CHECK(errno != EAGAIN);
}

TEST_CASE("net: stopping answers what is being handled") {
    std::atomic<bool> inside{false};
    const auto server = start([&](const Request &, const Reply &reply) {
        inside = true;
        std::this_thread::sleep_for(Millis{100});
        reply({.status = 200, .headers = {}, .body = "done"});
    });
    const auto request = get(*server, "/");
    std::string body;
    std::thread caller{[&] {
        if (auto answer = client().perform(request))
            body = answer->body;
    }};
    while (!inside)
        std::this_thread::sleep_for(Millis{2});
    server->stop(Millis{5000});
    caller.join();
    CHECK(body == "done");
    const auto after = client().perform(request);
    REQUIRE_FALSE(after.has_value());
    CHECK(after.error().code == Errc::unavailable);
}

TEST_CASE("net: a reply may outlive its server") {
    Kept kept;
    auto server = start([&](const Request &, const Reply &reply) { kept.push_back(reply); });
    auto request = get(*server, "/");
    request.timeout = Millis{300};
    CHECK(client().perform(request).error().code == Errc::unavailable);
    server.reset();
    kept[0]({});
}

TEST_CASE("net: a server says what is wrong with its address and files") {
    const auto code = [](auto &&change) {
        net::ServerOptions o = options();
        change(o);
        const auto server = HttpServer::start(o, echo);
        return server ? Errc{} : server.error().code;
    };
    CHECK(code([](auto &o) { o.certificate = "/nonexistent"; }) == Errc::config);
    CHECK(code([](auto &o) { o.key = o.certificate; }) == Errc::config);
    CHECK(code([](auto &o) { o.listen = "192.0.2.1:0"; }) == Errc::unavailable);
    CHECK(code([](auto &o) { o.listen = "localhost:1"; }) == Errc::bad_data);
    const auto first = start(echo);
    CHECK(code([&](auto &o) { o.listen = first->address(); }) == Errc::unavailable);
}

TEST_CASE("net: a client trusts nobody but its authority, and only https") {
    const auto server = start(echo);
    net::ClientOptions o; // the system's authorities
    const auto stranger = HttpClient::open(o)->perform(get(*server, "/"));
    REQUIRE_FALSE(stranger.has_value());
    CHECK(stranger.error().code == Errc::unavailable);
    auto request = get(*server, "/");
    request.url.replace(0, 5, "http");
    CHECK(client().perform(request).error().code == Errc::usage);
    request = get(*server, "/");
    request.url.replace(request.url.find("127.0.0.1"), 9, "localhost"); // not in the certificate
    CHECK(client().perform(request).error().code == Errc::unavailable);
    o.cacert = "/nonexistent";
    CHECK(HttpClient::open(o).error().code == Errc::config);
    o = {};
    o.interface = "nonesuch0";
    CHECK(HttpClient::open(o).error().code == Errc::unavailable);
}

TEST_CASE("net: a cancelled client ends its call") {
    Kept kept;
    std::atomic<bool> inside{false};
    const auto server = start([&](const Request &, const Reply &reply) {
        kept.push_back(reply);
        inside = true;
    });
    HttpClient c = client();
    std::thread canceller{[&] {
        while (!inside)
            std::this_thread::sleep_for(Millis{2});
        c.cancel();
    }};
    CHECK(c.perform(get(*server, "/")).error().code == Errc::try_again);
    canceller.join();
    CHECK(c.perform(get(*server, "/")).error().code == Errc::try_again);
}

TEST_CASE("net: origins are https://host[:port]") {
    CHECK(net::parse_origin("https://Control.Example/")->authority == "control.example");
    CHECK(net::parse_origin("https://control.example:443")->url == "https://control.example");
    CHECK(net::parse_origin("https://192.0.2.1:8443")->authority == "192.0.2.1:8443");
    CHECK(net::parse_origin("https://[2001:DB8::1]:8443")->authority == "[2001:db8::1]:8443");
    for (const char *bad : {"", "control", "http://control", "https://", "https://u:p@control",
                            "https://control/path", "https://control?q", "https://control#f",
                            "https://control:99999", "https://con trol"})
        CHECK_MESSAGE(!net::parse_origin(bad).has_value(), bad);
}

TEST_CASE("net: query parameters are decoded strictly") {
    const auto q =
        net::parse_query("from=2026-11-22T18%3A00%3A00Z&carrier=a&carrier=b&x", {"carrier"});
    REQUIRE(q.has_value());
    CHECK(*q ==
          net::Headers{
              {"from", "2026-11-22T18:00:00Z"}, {"carrier", "a"}, {"carrier", "b"}, {"x", ""}});
    CHECK(net::parse_query("").value().empty());
    for (const char *bad : {"a=%", "a=%2", "a=%zz", "a=1&a=2", "%4=1"})
        CHECK_MESSAGE(!net::parse_query(bad).has_value(), bad);
    CHECK(net::percent_encode("a:b +&é~") == "a%3Ab%20%2B%26%C3%A9~");
}
