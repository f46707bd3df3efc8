// A worker with a viewer at a real socket.
#include "relay/listener.hpp"
#include "relay/live_event.hpp"
#include "relay/worker.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <filesystem>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>

using namespace std::chrono_literals;

namespace {

constexpr base::SteadyTime k_start{100s};

// Extents whose memory the kernel still holds for this process.
std::size_t extents_open() {
    std::size_t count = 0;
    std::error_code gone;
    for (const auto &fd : std::filesystem::directory_iterator("/proc/self/fd"))
        if (std::filesystem::read_symlink(fd.path(), gone).native().contains("slotcast-extent"))
            ++count;
    return count;
}

wire::FeedEntry entry() {
    const auto now = base::SystemClock{}.now();
    wire::FeedEntry e;
    e.reservation = base::Id::make(base::from_unix_ms(1000), {});
    e.vid = "event";
    e.disclosure = resv::Disclosure::public_;
    e.window = {.start = now - 1h, .end = now + 1h, .lead_in = 0s, .drain = 0s};
    e.viewers = 2;
    return e;
}

// One worker, one event, and a publisher who gives a segment at a time in an extent of its own.
struct World {
    World() {
        board.set({{"event", live.event()}});
        REQUIRE(live.opened(key,
                            {.stream = 1,
                             .reservation = {},
                             .generation = 0,
                             .instance = "x",
                             .path = 0,
                             .peer = "p"},
                            k_start)
                    .empty());
        auto listener = relay::listen_on({.host = "127.0.0.1", .port = 0}).value();
        socklen_t size = sizeof at;
        REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr *>(&at), &size) == 0);
        std::vector<relay::Door> doors;
        doors.push_back({.listener = std::move(listener)});
        worker = relay::Worker::start(std::move(doors), {.router = &router,
                                                         .latency = &latency,
                                                         .counters = &counters,
                                                         .desk = &desk,
                                                         .max_connections = 10,
                                                         .addresses = &addresses})
                     .value();
    }
    void deliver(std::int64_t bytes) {
        live.part(key,
                  {.stream = 1,
                   .reservation = {},
                   .extent = *relay::Extent::make(bytes),
                   .position = position,
                   .offset = 0,
                   .bytes = bytes,
                   .received_us = parts * 2'000'000,
                   .cuts = {{.position = position, .pts_90k = parts * 180'000}}},
                  k_start + parts * 2s);
        position += bytes;
        ++parts;
        worker->wake();
    }
    [[nodiscard]] base::Fd connect() const {
        base::Fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const int small = 4096;
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr *>(&at), sizeof at) == 0);
        return fd;
    }
    [[nodiscard]] std::size_t extents_kept() const {
        std::set<relay::ExtentPtr> out;
        for (const auto &slice : live.event()->snapshot()->slices)
            out.insert(slice.extent);
        return out.size();
    }

    relay::StreamKey key{.carrier = "lineA", .run = 1, .stream = 1};
    relay::LiveEvent live{entry(), {.segments = {.window = 3}, .tag = "t"}};
    std::int64_t position = 0;
    std::int64_t parts = 0;
    relay::Board board;
    base::SystemClock machine;
    base::ControlClock clock{machine};
    seal::Secret viewer_key{seal::Bytes(32, 1)};
    relay::Router router{
        {.board = &board, .clock = &clock, .viewer_key = &viewer_key, .metrics = [] {
             return "";
         }}};
    relay::LatencyRecord latency;
    relay::ViewerCounters counters;
    relay::PasswordDesk desk;
    relay::AddressLimit addresses{0, {}};
    sockaddr_in at{};
    std::unique_ptr<relay::Worker> worker;
};

void read_bytes(const base::Fd &viewer, std::size_t bytes) {
    std::string space(bytes, '\0');
    REQUIRE(::recv(viewer.get(), space.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
}

// Reads up to the empty line.
void read_head(const base::Fd &viewer) {
    std::string head;
    char c = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(viewer.get(), &c, 1, 0) == 1)
        head += c;
    REQUIRE(head.starts_with("HTTP/1.1 200 "));
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
