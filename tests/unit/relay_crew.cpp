// Several workers: who takes in whom, who is gathered, and who is handed on.
#include "relay_worker_fixture.hpp"

using namespace worker_test;

TEST_CASE("relay: viewers of live media are gathered, whoever took them in") {
    World world({relay::Worker::thread_time, relay::Worker::thread_time}, 20);
    world.deliver(188 * 10);
    std::vector<base::Fd> others; // that make the turn pass
    come(world, others, 16);
    CHECK(world.connections() == std::vector<std::size_t>{16, 0});
    REQUIRE(world.crew->rota.is_turn_of(1));
    std::vector<base::Fd> viewers;
    viewers.reserve(4);
    for (int i = 0; i < 4; ++i) {
        viewers.push_back(world.ask("GET /w/event/live.ts HTTP/1.1\r\n\r\n"));
        read_head(viewers.back());
        CHECK(read_bytes(viewers.back(), 188 * 10) == media_at(0, 188 * 10));
    }
    CHECK(world.connections() == std::vector<std::size_t>{20, 0});
    CHECK(world.crew->rota.listeners_of(0) == 4);
    come(world, others, 20); // by the one that has the fewest
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
    std::vector<base::Fd> others; // that make the turn pass
    come(world, others, 16);
    REQUIRE(world.crew->rota.is_turn_of(1));
    std::vector<base::Fd> players;
    players.reserve(3);
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
    std::vector<base::Fd> others; // that make the turn pass
    come(world, others, 16);
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
    first.reserve(16);
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
    viewers.reserve(4);
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
    std::vector<base::Fd> others; // that make the turn pass
    come(world, others, 16);
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
