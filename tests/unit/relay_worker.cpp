// A worker with a viewer at a real socket.
#include "relay_worker_fixture.hpp"

using namespace worker_test;

namespace {

// Extents whose memory the kernel still holds for this process.
std::size_t extents_open() {
    std::size_t count = 0;
    std::error_code gone;
    for (const auto &fd : std::filesystem::directory_iterator("/proc/self/fd"))
        if (std::filesystem::read_symlink(fd.path(), gone).native().contains("slotcast-extent"))
            ++count;
    return count;
}

} // namespace

TEST_CASE("relay: a viewer who stops reading keeps no more than one extent from being freed") {
    constexpr std::int64_t k_small = 188 * 10;
    constexpr std::int64_t k_more_than_a_socket_takes = 188 * 50'000;
    const std::size_t before = extents_open();
    World world;
    world.deliver(k_small);
    const base::Fd viewer = world.connect();
    const std::string request = "GET /w/event/live.ts HTTP/1.1\r\n\r\n";
    REQUIRE(::send(viewer.get(), request.data(), request.size(), 0) ==
            static_cast<ssize_t>(request.size()));
    read_head(viewer);
    read_bytes(viewer, k_small);
    for (int i = 0; i < 6; ++i) { // it keeps up
        world.deliver(k_small);
        read_bytes(viewer, k_small);
    }
    world.deliver(k_more_than_a_socket_takes);
    read_bytes(viewer, 1); // and then no more
    for (int i = 0; i < 40; ++i)
        world.deliver(k_small);
    const auto pinned = [&] { return extents_open() - before - world.extents_kept(); };
    const auto until = std::chrono::steady_clock::now() + 5s; // it is dropped after fifteen
    while (pinned() > 1 && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(1ms);
    CHECK(pinned() == 1); // the one whose packet it must finish
    CHECK(world.live.event()->viewers == 1);
}

TEST_CASE("relay: connections go on in another worker at the very byte") {
    constexpr std::int64_t k_small = 188 * 10;
    constexpr std::int64_t k_large = 188 * 50'000; // more than a socket takes
    World world;
    for (int i = 0; i < 3; ++i)
        world.deliver(k_small);
    const std::int64_t begin = world.live.event()->snapshot()->newest_cut;
    const base::Fd viewer = world.ask("GET /w/event/live.ts HTTP/1.1\r\n\r\n");
    read_head(viewer);
    CHECK(read_bytes(viewer, k_small) == media_at(begin, k_small));
    const base::Fd half = world.ask("GET /healthz HTTP/1.1\r\nHo");
    const auto sequence = world.live.event()->snapshot()->next_sequence;
    const base::Fd blocked = world.ask(
        "GET /w/event/ll.m3u8?_HLS_msn=" + std::to_string(sequence + 1) + " HTTP/1.1\r\n\r\n");
    const auto until = std::chrono::steady_clock::now() + 5s;
    while ((world.live.event()->blocked != 1 || world.counters.connections != 3) &&
           std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(1ms);
    world.deliver(k_large);
    std::string got = read_bytes(viewer, 1);

    for (int i = 0; i < 3; ++i) {
        world.change_worker([](const relay::Event &) { return true; });
        CHECK(world.live.event()->viewers == 1);
        CHECK(world.live.event()->blocked == 1);
        got += read_bytes(viewer, 1'000'000);
    }
    world.deliver(k_small);
    got += read_bytes(viewer, static_cast<std::size_t>(k_large + k_small) - got.size());
    CHECK(got == media_at(begin + k_small, k_large + k_small));
    read_head(blocked);
    const std::string rest = "st: relay\r\n\r\n";
    REQUIRE(::send(half.get(), rest.data(), rest.size(), 0) == std::ssize(rest));
    read_head(half);
}

TEST_CASE("relay: who was not through with what has ended gets the rest, in another worker too") {
    constexpr std::int64_t k_large = 188 * 50'000;
    World world;
    world.deliver(k_large);
    const base::Fd viewer = world.ask("GET /w/event/live.ts HTTP/1.1\r\n\r\n");
    read_head(viewer);
    std::string got = read_bytes(viewer, 1);
    world.live.end(false);
    world.change_worker([](const relay::Event &) { return false; }); // another has its place
    got += read_bytes(viewer, static_cast<std::size_t>(k_large) - 1);
    CHECK(got == media_at(0, k_large));
    CHECK(is_over(viewer));
    CHECK(world.live.event()->viewers == 0);
}

TEST_CASE("relay: an address that another relay listens on is refused, not shared with it") {
    const base::Fd first = relay::listen_on({.host = "127.0.0.1", .port = 0}).value();
    sockaddr_in at{};
    socklen_t size = sizeof at;
    REQUIRE(::getsockname(first.get(), reinterpret_cast<sockaddr *>(&at), &size) == 0);
    const auto second = relay::listen_on({.host = "127.0.0.1", .port = ntohs(at.sin_port)});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == base::Errc::unavailable);
}
