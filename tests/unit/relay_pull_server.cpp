// The SRT-out child at the end of its socket, with callers of our own.
#include "free_udp_port.hpp"
#include "relay/extent.hpp"
#include "relay/pull_server.hpp"
#include "relay/viewer_token.hpp"
#include "seal/encoding.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

using namespace std::chrono_literals;

namespace {

class World {
  public:
    World() {
        auto pair = base::MessageSocket::make_pair().value();
        m_parent = std::move(pair.first);
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        m_stop = base::Fd{ends[0]};
        m_never = base::Fd{ends[1]};
        m_child = std::thread([this, socket = std::move(pair.second)]() mutable {
            outcome = relay::run_pull(socket, m_stop.get(), [this]() -> base::Result<void> {
                confined = true;
                return {};
            });
            socket.close();
        });
        send(wire::PullSetup{.listen = {.host = "127.0.0.1", .port = port}, .latency_ms = 20});
    }
    ~World() { end(); }
    void end() {
        m_parent.close();
        if (m_child.joinable())
            m_child.join();
    }
    void send(const wire::PullMessage &message, const std::vector<int> &fds = {}) {
        REQUIRE(m_parent.send(wire::write_pull(message), fds));
    }
    // The next message of type M; others are passed over.
    template <typename M> M hear() {
        for (int i = 0; i < 200; ++i) {
            const auto message = m_parent.receive(5000).value();
            REQUIRE(message.has_value());
            const auto said = wire::read_pull(message->text).value();
            if (const M *wanted = std::get_if<M>(&said))
                return *wanted;
        }
        FAIL("it says other things only");
        return {};
    }
    [[nodiscard]] media::SrtSocket call(const std::string &stream_id) const {
        media::SrtCall call;
        call.to = {.host = "127.0.0.1", .port = port};
        call.stream_id = stream_id;
        auto socket = media::SrtSocket::call(call).value();
        for (int i = 0; i < 500 && socket.state() == media::SrtState::connecting; ++i)
            std::this_thread::sleep_for(10ms);
        return socket;
    }
    // What a caller is refused with; 0: it is not.
    [[nodiscard]] int code(const std::string &stream_id) const {
        const auto socket = call(stream_id);
        return socket.state() == media::SrtState::connected ? 0 : socket.reject().code;
    }
    void event(std::int64_t number, std::string vid, std::string token_key = "",
               std::string refuse = "") {
        send(wire::PullEvent{.event = number,
                             .vid = std::move(vid),
                             .token_key = std::move(token_key),
                             .refuse = std::move(refuse)});
    }
    // One that is in force when this returns: its own caller is answered.
    void settle() {
        event(99, "settled");
        for (int i = 0; i < 100 && code("settled") != 0; ++i) {
        }
        (void)hear<wire::PullClosed>();
    }

    std::uint16_t port = free_udp_port();
    base::Result<void> outcome;
    std::atomic<bool> confined{false};

  private:
    media::SrtLibrary m_library;
    base::MessageSocket m_parent;
    base::Fd m_stop, m_never;
    std::thread m_child;
};

std::string receive(media::SrtSocket &socket, std::size_t bytes) {
    std::string out;
    std::array<std::uint8_t, media::k_srt_max_message> message{};
    for (int i = 0; i < 500 && out.size() < bytes; ++i) {
        const auto got = socket.receive(message);
        if (!got)
            break;
        if (*got)
            out.append(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(**got));
        else
            std::this_thread::sleep_for(10ms);
    }
    return out;
}

} // namespace

TEST_CASE("relay: callers of SRT out see why they are refused") {
    World world;
    const seal::Secret key{seal::Bytes(32, 7)};
    wire::FeedEntry entry;
    entry.vid = "locked";
    world.event(1, "open");
    world.event(2, "early", "", "too_early");
    world.event(3, "over", "", "over");
    world.event(4, "full", "", "full");
    world.event(5, "locked", seal::to_base64url(relay::viewer_token_key(key, entry).view()));
    world.settle();
    CHECK(world.confined);
    CHECK(world.code("open") == 0);
    CHECK(world.code("#!::m=request,r=locked,s=" + relay::make_viewer_token(key, entry)) == 0);
    CHECK(world.code("#!::m=request") == 2011);
    CHECK(world.code("") == 2011);
    CHECK(world.code("none") == 2012);
    CHECK(world.code("early") == 2013);
    CHECK(world.code("over") == 2014);
    CHECK(world.code("locked") == 2015);
    CHECK(world.code("#!::r=locked,s=other") == 2015);
    CHECK(world.code("full") == 2016);
    CHECK(world.code("#!::m=publish,r=open") == 2017);
    CHECK(world.hear<wire::PullRefused>().count >= 1);
    world.send(wire::PullForget{.event = 1});
    world.settle();
    CHECK(world.code("open") == 2012);
    world.end();
    CHECK(world.outcome.has_value()); // nobody is left to serve for
}

TEST_CASE("relay: SRT out sends what it was given, from the newest cut, and ends with it") {
    World world;
    world.event(1, "open");
    world.settle();
    auto viewer = world.call("open");
    REQUIRE(viewer.state() == media::SrtState::connected);
    const auto opened = world.hear<wire::PullOpened>();
    CHECK(opened.event == 1);
    const auto extent = relay::Extent::make(188 * 1000).value();
    std::string bytes;
    for (int i = 0; i < 188 * 100; ++i)
        bytes += static_cast<char>('a' + i / 188 % 26);
    REQUIRE(::pwrite(extent->fd(), bytes.data(), bytes.size(), 0) == std::ssize(bytes));
    world.send(wire::PullExtent{.event = 1, .extent = 5, .bytes = extent->bytes()}, {extent->fd()});
    const auto tell = [&](std::int64_t begin, std::int64_t end) {
        world.send(wire::PullMedia{.event = 1,
                                   .extent = 5,
                                   .offset = begin,
                                   .begin = begin,
                                   .end = end,
                                   .newest_cut = 188 * 10,
                                   .window_begin = 0});
    };
    tell(0, 188 * 60);
    CHECK(receive(viewer, 188 * 50) == bytes.substr(188 * 10, 188 * 50));
    tell(188 * 60, 188 * 100);
    world.send(wire::PullEnd{.event = 1});
    CHECK(receive(viewer, 188 * 40) == bytes.substr(188 * 60));
    CHECK(world.hear<wire::PullSent>().session == opened.session);
    const auto closed = world.hear<wire::PullClosed>();
    CHECK(closed.session == opened.session);
    CHECK_FALSE(closed.slow);
}

TEST_CASE("relay: who is to go from SRT out goes, and a parent that makes no sense ends it") {
    World world;
    world.event(1, "open");
    world.settle();
    auto one = world.call("open");
    const auto first = world.hear<wire::PullOpened>().session;
    auto two = world.call("open");
    const auto second = world.hear<wire::PullOpened>().session;
    CHECK(second > first);
    world.send(wire::PullClose{.session = first});
    CHECK(world.hear<wire::PullClosed>().session == first);
    CHECK(receive(one, 1).empty());
    CHECK(two.state() == media::SrtState::connected);
    world.send(wire::PullForget{.event = 1});
    CHECK(world.hear<wire::PullClosed>().session == second);
    world.send(wire::PullOpened{.session = 1, .event = 1, .peer = "p"});
    world.end();
    CHECK_FALSE(world.outcome.has_value());
}
