// Workers of one relay with an event, and viewers at real sockets.
#pragma once

#include "relay/listener.hpp"
#include "relay/live_event.hpp"
#include "relay/worker.hpp"
#include "relay_router_fixture.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>

namespace worker_test {

using namespace std::chrono_literals;

inline constexpr base::SteadyTime k_start{100s};

inline wire::FeedEntry entry() {
    const auto now = base::SystemClock{}.now();
    wire::FeedEntry e;
    e.reservation = base::Id::make(base::from_unix_ms(1000), {});
    e.vid = "event";
    e.disclosure = resv::Disclosure::public_;
    e.window = {.start = now - 1h, .end = now + 1h, .lead_in = 0s, .drain = 0s};
    e.viewers = 8;
    return e;
}

// Different everywhere, so that one can see where it is of.
inline std::string media_at(std::int64_t position, std::int64_t bytes) {
    std::string out(static_cast<std::size_t>(bytes), '\0');
    for (char &c : out) {
        c = static_cast<char>((position ^ (position >> 8) ^ (position >> 16)) & 0xff);
        ++position;
    }
    return out;
}

using CpuTime = std::chrono::nanoseconds (*)();
inline std::chrono::nanoseconds idle() {
    return {};
}
inline std::chrono::nanoseconds busy() { // all the time
    return std::chrono::steady_clock::now().time_since_epoch();
}

// Workers, one event, and a publisher who gives a segment at a time in an extent of its own.
struct World : router_test::Front {
    explicit World(std::vector<CpuTime> of_workers = {relay::Worker::thread_time},
                   std::int64_t each = relay::Rota::k_share)
        : cpu_times(std::move(of_workers)), share(each) {
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
        crew = make_crew(std::move(listener));
        go();
    }
    std::unique_ptr<relay::Crew> make_crew(base::Fd listener) {
        std::vector<relay::Door> doors;
        doors.push_back({.listener = std::move(listener)});
        auto out = std::make_unique<relay::Crew>(std::move(doors), cpu_times.size(), share);
        for (std::size_t i = 0; i < cpu_times.size(); ++i)
            out->workers.push_back(relay::Worker::make({.router = &router,
                                                        .latency = &latency,
                                                        .counters = &counters,
                                                        .desk = &desk,
                                                        .max_connections = 50,
                                                        .addresses = &addresses,
                                                        .crew = out.get(),
                                                        .index = i,
                                                        .cpu_time = cpu_times[i]})
                                       .value());
        return out;
    }
    void go() const {
        for (const auto &worker : crew->workers)
            worker->go();
    }
    // The connections of each, at one moment.
    [[nodiscard]] std::vector<std::size_t> connections() const {
        std::vector<std::size_t> out;
        for (const auto &worker : crew->workers)
            worker->rest();
        for (const auto &worker : crew->workers)
            out.push_back(worker->states([](const relay::Event &) { return true; }).size());
        go();
        return out;
    }
    [[nodiscard]] relay::Worker &worker() const { return *crew->workers.front(); }
    void deliver(std::int64_t bytes) {
        const relay::ExtentPtr extent = *relay::Extent::make(bytes);
        const std::string media = media_at(position, bytes);
        REQUIRE(::pwrite(extent->fd(), media.data(), media.size(), 0) == bytes);
        live.part(key,
                  {.stream = 1,
                   .reservation = {},
                   .extent = extent,
                   .position = position,
                   .offset = 0,
                   .bytes = bytes,
                   .received_us = parts * 2'000'000,
                   .cuts = {{.position = position, .pts_90k = parts * 180'000}}},
                  k_start + parts * 2s);
        position += bytes;
        ++parts;
        for (const auto &w : crew->workers)
            w->wake();
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
    [[nodiscard]] base::Fd ask(const std::string &request) const {
        base::Fd viewer = connect();
        REQUIRE(::send(viewer.get(), request.data(), request.size(), 0) == std::ssize(request));
        return viewer;
    }
    // What the kernel does when a program becomes another: sockets stay, all else is made anew.
    void change_worker(const std::function<bool(const relay::Event &)> &is_shown) {
        const auto copy = [](int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); };
        for (const auto &each : crew->workers)
            each->rest();
        auto states = worker().states(is_shown);
        auto next = make_crew(base::Fd{copy(crew->doors.front().listener.get())});
        for (relay::ConnectionState &state : states) {
            state.fd = copy(state.fd);
            const bool shown = state.event.has_value();
            next->workers.front()->adopt(std::move(state), shown ? live.event() : nullptr);
        }
        crew = std::move(next);
        go();
    }
    [[nodiscard]] std::size_t extents_kept() const {
        std::set<relay::ExtentPtr> out;
        for (const auto &slice : live.event()->snapshot()->slices)
            out.insert(slice.extent);
        return out.size();
    }

    std::vector<CpuTime> cpu_times;
    std::int64_t share;
    relay::StreamKey key{.carrier = "lineA", .run = 1, .stream = 1};
    relay::LiveEvent live{entry(), {.segments = {.window = 3}, .tag = "t"}};
    std::int64_t position = 0;
    std::int64_t parts = 0;
    relay::LatencyRecord latency;
    relay::ViewerCounters counters;
    relay::PasswordDesk desk;
    relay::AddressLimit addresses{0, {}};
    sockaddr_in at{};
    std::unique_ptr<relay::Crew> crew;
};

inline std::string read_bytes(const base::Fd &viewer, std::size_t bytes) {
    std::string space(bytes, '\0');
    REQUIRE(::recv(viewer.get(), space.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
    return space;
}

inline bool is_over(const base::Fd &viewer) {
    char c = 0;
    return ::recv(viewer.get(), &c, 1, 0) == 0;
}

// Reads up to the empty line.
inline std::string read_head(const base::Fd &viewer) {
    std::string head;
    char c = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(viewer.get(), &c, 1, 0) == 1)
        head += c;
    REQUIRE(head.starts_with("HTTP/1.1 200 "));
    return head;
}

// With its text.
inline std::string read_answer(const base::Fd &viewer) {
    const std::string head = read_head(viewer);
    const std::string_view field = "\r\nContent-Length: ";
    const std::size_t at = head.find(field);
    REQUIRE(at != std::string::npos);
    return read_bytes(viewer, std::stoul(head.substr(at + field.size())));
}

// Connects and asks, until @p others are @p n.
inline void come(const World &world, std::vector<base::Fd> &others, std::size_t n) {
    others.reserve(n);
    while (others.size() < n) {
        others.push_back(world.ask("GET /healthz HTTP/1.1\r\n\r\n"));
        read_head(others.back());
    }
}

} // namespace worker_test
