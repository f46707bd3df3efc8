// A worker with a viewer at a real socket.
#include "relay/listener.hpp"
#include "relay/live_event.hpp"
#include "relay/worker.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
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
    e.viewers = 8;
    return e;
}

// Different everywhere, so that one can see where it is of.
std::string media_at(std::int64_t position, std::int64_t bytes) {
    std::string out(static_cast<std::size_t>(bytes), '\0');
    for (char &c : out) {
        c = static_cast<char>((position ^ (position >> 8) ^ (position >> 16)) & 0xff);
        ++position;
    }
    return out;
}

using CpuTime = std::chrono::nanoseconds (*)();
std::chrono::nanoseconds idle() {
    return {};
}
std::chrono::nanoseconds busy() { // all the time
    return std::chrono::steady_clock::now().time_since_epoch();
}

// Workers, one event, and a publisher who gives a segment at a time in an extent of its own.
struct World {
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
    std::unique_ptr<relay::Crew> crew;
};

std::string read_bytes(const base::Fd &viewer, std::size_t bytes) {
    std::string space(bytes, '\0');
    REQUIRE(::recv(viewer.get(), space.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
    return space;
}

bool is_over(const base::Fd &viewer) {
    char c = 0;
    return ::recv(viewer.get(), &c, 1, 0) == 0;
}

// Reads up to the empty line.
std::string read_head(const base::Fd &viewer) {
    std::string head;
    char c = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(viewer.get(), &c, 1, 0) == 1)
        head += c;
    REQUIRE(head.starts_with("HTTP/1.1 200 "));
    return head;
}

// With its text.
std::string read_answer(const base::Fd &viewer) {
    const std::string head = read_head(viewer);
    const std::string_view field = "\r\nContent-Length: ";
    const std::size_t at = head.find(field);
    REQUIRE(at != std::string::npos);
    return read_bytes(viewer, std::stoul(head.substr(at + field.size())));
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

TEST_CASE("relay: viewers of live media are gathered, whoever took them in") {
    World world({relay::Worker::thread_time, relay::Worker::thread_time}, 20);
    world.deliver(188 * 10);
    std::vector<base::Fd> others; // that make the turn pass
    const auto come = [&](std::size_t n) {
        while (others.size() < n) {
            others.push_back(world.ask("GET /healthz HTTP/1.1\r\n\r\n"));
            read_head(others.back());
        }
    };
    come(16);
    CHECK(world.connections() == std::vector<std::size_t>{16, 0});
    REQUIRE(world.crew->rota.is_turn_of(1));
    std::vector<base::Fd> viewers;
    for (int i = 0; i < 4; ++i) {
        viewers.push_back(world.ask("GET /w/event/live.ts HTTP/1.1\r\n\r\n"));
        read_head(viewers.back());
        CHECK(read_bytes(viewers.back(), 188 * 10) == media_at(0, 188 * 10));
    }
    CHECK(world.connections() == std::vector<std::size_t>{20, 0});
    CHECK(world.crew->rota.listeners_of(0) == 4);
    come(20); // by the one that has the fewest
    CHECK(world.connections() == std::vector<std::size_t>{20, 4});
    world.deliver(188 * 10);
    for (const base::Fd &viewer : viewers)
        CHECK(read_bytes(viewer, 188 * 10) == media_at(188 * 10, 188 * 10));
    viewers.clear();
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (world.crew->rota.listeners_of(0) > 0 && std::chrono::steady_clock::now() < until) {
        world.deliver(188 * 10);
        std::this_thread::sleep_for(5ms);
    }
    CHECK(world.crew->rota.listeners_of(0) == 0);
    CHECK(world.crew->rota.listeners_of(1) == 0);
}

TEST_CASE("relay: players whose playlist waits for media are gathered, and answered there") {
    World world({relay::Worker::thread_time, relay::Worker::thread_time}, 20);
    world.deliver(188 * 10);
    std::vector<base::Fd> others;
    for (int i = 0; i < 16; ++i) { // make the turn pass
        others.push_back(world.ask("GET /healthz HTTP/1.1\r\n\r\n"));
        read_head(others.back());
    }
    REQUIRE(world.crew->rota.is_turn_of(1));
    std::vector<base::Fd> players;
    for (int i = 0; i < 3; ++i)
        players.push_back(world.connect());
    for (int round = 1; round <= 2; ++round) { // over the same connections
        const auto sequence = world.live.event()->snapshot()->next_sequence;
        const std::string request =
            "GET /w/event/ll.m3u8?_HLS_msn=" + std::to_string(sequence) + " HTTP/1.1\r\n\r\n";
        for (const base::Fd &player : players)
            REQUIRE(::send(player.get(), request.data(), request.size(), 0) == std::ssize(request));
        const auto until = std::chrono::steady_clock::now() + 5s;
        while (world.live.event()->blocked != 3 && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(1ms);
        REQUIRE(world.live.event()->blocked == 3);
        CHECK(world.connections() == std::vector<std::size_t>{19, 0});
        CHECK(world.crew->rota.listeners_of(0) == 3); // each is counted once
        world.deliver(188 * 10);
        world.deliver(188 * 10); // a segment is whole when the next one begins
        for (const base::Fd &player : players)
            read_answer(player);
    }
}

TEST_CASE("relay: who is gathered in the middle of an answer gets the rest of it") {
    constexpr std::int64_t k_large = 188 * 50'000; // more than a socket takes
    World world({relay::Worker::thread_time, relay::Worker::thread_time}, 20);
    world.deliver(k_large);
    std::vector<base::Fd> others;
    for (int i = 0; i < 16; ++i) {
        others.push_back(world.ask("GET /healthz HTTP/1.1\r\n\r\n"));
        read_head(others.back());
    }
    REQUIRE(world.crew->rota.is_turn_of(1));
    const base::Fd viewer = world.ask("GET /w/event/live.ts HTTP/1.1\r\n\r\n");
    read_head(viewer);
    std::string got = read_bytes(viewer, 1);
    CHECK(world.connections() == std::vector<std::size_t>{17, 0});
    got += read_bytes(viewer, static_cast<std::size_t>(k_large) - 1);
    CHECK((got == media_at(0, k_large)));
    world.deliver(188 * 10);
    CHECK(read_bytes(viewer, 188 * 10) == media_at(k_large, 188 * 10));
}

TEST_CASE("relay: whose turn came with what the former program had hears who comes") {
    World world({relay::Worker::thread_time, relay::Worker::thread_time});
    std::vector<base::Fd> first;
    for (int i = 0; i < 16; ++i)
        first.push_back(world.connect());
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (world.crew->rota.connections_of(0) < 16 && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(1ms);
    world.change_worker([](const relay::Event &) { return true; });
    REQUIRE(world.crew->rota.is_turn_of(1));
    world.deliver(188 * 10);
    const base::Fd next = world.ask("GET /healthz HTTP/1.1\r\n\r\n");
    read_head(next);
    CHECK(world.crew->rota.connections_of(1) == 1);
}

TEST_CASE("relay: a worker with too much to do gives viewers away, and they miss no byte") {
    constexpr std::int64_t k_small = 188 * 10;
    World world({busy, idle});
    world.deliver(k_small);
    std::vector<base::Fd> viewers;
    for (int i = 0; i < 4; ++i) {
        viewers.push_back(world.ask("GET /w/event/live.ts HTTP/1.1\r\n\r\n"));
        read_head(viewers.back());
        CHECK(read_bytes(viewers.back(), k_small) == media_at(0, k_small));
    }
    // One that asked for nothing yet moves like any other.
    const base::Fd silent = world.connect();
    std::int64_t at = k_small;
    const auto until = std::chrono::steady_clock::now() + 10s;
    std::size_t given = 0;
    while (given < 3 && std::chrono::steady_clock::now() < until) {
        world.deliver(k_small);
        for (const base::Fd &viewer : viewers)
            CHECK(read_bytes(viewer, k_small) == media_at(at, k_small));
        at += k_small;
        std::this_thread::sleep_for(50ms);
        given = static_cast<std::size_t>(world.crew->rota.connections_of(1));
    }
    CHECK(given >= 3);
    CHECK(world.crew->rota.connections_of(0) + world.crew->rota.connections_of(1) == 5);
    CHECK(world.crew->rota.listeners_of(0) + world.crew->rota.listeners_of(1) == 4);
    CHECK(world.crew->rota.listeners_of(1) >= given - 1);
    world.deliver(k_small);
    for (const base::Fd &viewer : viewers)
        CHECK(read_bytes(viewer, k_small) == media_at(at, k_small));
    const std::string request = "GET /w/event/index.m3u8 HTTP/1.1\r\n\r\n";
    REQUIRE(::send(silent.get(), request.data(), request.size(), 0) == std::ssize(request));
    read_head(silent);
}

TEST_CASE(
    "relay: a worker that winds up gives the rest to all, also to those whom another one took in") {
    constexpr std::int64_t k_large = 188 * 50'000;
    World world({relay::Worker::thread_time, relay::Worker::thread_time}, 20);
    world.deliver(k_large);
    std::vector<base::Fd> others;
    for (int i = 0; i < 16; ++i) {
        others.push_back(world.ask("GET /healthz HTTP/1.1\r\n\r\n"));
        read_head(others.back());
    }
    const base::Fd viewer = world.ask("GET /w/event/live.ts HTTP/1.1\r\n\r\n");
    read_head(viewer);
    std::string got = read_bytes(viewer, 1);
    for (const auto &worker : world.crew->workers)
        worker->wind_up();
    got += read_bytes(viewer, static_cast<std::size_t>(k_large) - 1);
    CHECK((got == media_at(0, k_large)));
    CHECK(is_over(viewer));
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (world.counters.connections > 0 && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(1ms);
    CHECK(world.counters.connections == 0);
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
