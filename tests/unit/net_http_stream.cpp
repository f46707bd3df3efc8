// Answers that go on: what is pushed arrives, and either side's end ends it.
#include "net_fixture.hpp"

#include <atomic>
#include <thread>

using base::Millis;
using namespace net_fixture;

namespace {

void wait_until_closed(const net::Stream &stream) {
    for (int i = 0; i < 1000 && stream.open(); ++i)
        std::this_thread::sleep_for(Millis{5});
}

} // namespace

TEST_CASE("net: a stream's texts follow the body, in order, until it is closed") {
    const auto stream = std::make_shared<net::Stream>(1'000'000);
    std::atomic<bool> asked{false};
    const auto server = start([&](const Request &, const Reply &reply) {
        CHECK(stream->push("one ")); // before anybody can take it
        asked = true;
        reply({.status = 200, .headers = {}, .body = "head ", .stream = stream});
    });
    std::string expected = "head one ";
    for (int i = 0; i < 50; ++i)
        expected += std::string(10'000, static_cast<char>('a' + i % 26));
    std::thread pusher{[&] {
        while (!asked)
            std::this_thread::sleep_for(Millis{1});
        for (std::size_t at = 9; at < expected.size(); at += 10'000)
            CHECK(stream->push(expected.substr(at, 10'000)));
        stream->close();
    }};
    const auto answer = client().perform(get(*server, "/"));
    pusher.join();
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK((answer->body == expected)); // and not half a million characters in the log
    CHECK_FALSE(stream->push("late"));
}

TEST_CASE("net: a stream whose client went is closed at once, and others go on") {
    std::vector<std::shared_ptr<net::Stream>> streams{std::make_shared<net::Stream>(1000),
                                                      std::make_shared<net::Stream>(1000)};
    const auto server = start([&](const Request &r, const Reply &reply) {
        reply({.status = 200,
               .headers = {},
               .body = {},
               .stream = streams.at(r.path == "/stays" ? 1 : 0)});
    });
    std::string stayed;
    std::thread stays{[&] {
        if (const auto answer = client().perform(get(*server, "/stays")))
            stayed = answer->body;
    }};
    auto impatient = get(*server, "/goes");
    impatient.timeout = Millis{200};
    CHECK_FALSE(client().perform(impatient).has_value());
    wait_until_closed(*streams[0]); // nothing was pushed: it was seen, not found out by writing
    CHECK_FALSE(streams[0]->open());
    CHECK(streams[1]->push("still here"));
    streams[1]->close();
    stays.join();
    CHECK(stayed == "still here");
}

TEST_CASE("net: a stream that nobody takes fast enough is dropped, with what waited") {
    net::Stream stream{10};
    CHECK(stream.push("12345"));
    CHECK(stream.push("67890"));
    CHECK_FALSE(stream.push("1"));
    CHECK_FALSE(stream.open());
    const auto part = stream.take();
    CHECK(part.text.empty());
    CHECK_FALSE(part.more);
}

TEST_CASE("net: a server stops though streams are open, and streams outlive it") {
    const auto stream = std::make_shared<net::Stream>(1000);
    std::atomic<bool> asked{false};
    std::thread listener;
    {
        const auto server = start([&](const Request &, const Reply &reply) {
            reply({.status = 200, .headers = {}, .body = "x", .stream = stream});
            asked = true;
        });
        listener = std::thread{[request = get(*server, "/")] { (void)client().perform(request); }};
        while (!asked)
            std::this_thread::sleep_for(Millis{1});
    }
    listener.join();
    stream->push("into the void");
    stream->close();
}
