#include "control_fixture.hpp"
#include "ledger/sqlite.hpp"

#include <filesystem>
#include <thread>

using base::Seconds;
using control_test::Fixture;
using std::chrono::hours;
using std::chrono::minutes;

TEST_CASE("control: a long poll is answered by the change, an idle one by its end") {
    Fixture f;
    const auto start = std::chrono::steady_clock::now();
    CHECK(f.feed(0, 0).entries.empty());
    auto waiting = std::async(std::launch::async, [&] { return f.feed(0, 20); });
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    const auto got = f.book(f.alice, f.wish());
    const auto feed = waiting.get();
    REQUIRE(feed.entries.size() == 1);
    CHECK(feed.entries[0].reservation.text() == got.id());
    CHECK(feed.entries[0].state == resv::State::booked);
    CHECK(feed.entries[0].max_rate.bps == 4'000'000);
    CHECK(feed.serial == feed.entries[0].serial);
    CHECK(std::chrono::steady_clock::now() - start < Seconds{15});
    CHECK(f.feed(feed.serial).entries.empty());
    CHECK(f.feed(feed.serial).serial == feed.serial);
    CHECK(f.feed(feed.serial, 1).entries.empty());
}

TEST_CASE("control: a relay ahead of the ledger gets everything again") {
    Fixture f;
    f.book(f.alice, f.wish());
    const auto feed = f.feed(1000);
    CHECK(feed.entries.size() == 1);
    CHECK(feed.serial < 1000);
}

TEST_CASE("control: polls that wait are answered when control stops") {
    Fixture f;
    auto waiting = std::async(std::launch::async, [&] { return f.feed(0, 20); });
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    f.feeds.stop();
    CHECK(waiting.get().entries.empty());
    CHECK(f.feed(0, 20).entries.empty());
}

TEST_CASE("control: old events are not told to a new relay") {
    Fixture f;
    f.book(f.alice, f.wish());
    f.clock.advance(hours{2} + minutes{1});
    f.sweep();
    const auto feed = f.feed(0);
    CHECK(feed.entries.size() == 1);
    f.clock.advance(hours{24});
    CHECK(f.feed(0).entries.empty());
    CHECK(f.feed(0).serial == feed.serial);
}

TEST_CASE("control: reports make a booking active, once, and only the relay's own") {
    Fixture f;
    const auto got = f.book(f.alice, f.wish());
    auto far = f.wish();
    far.channel = "far";
    far.rate = {1'000'000};
    const auto other = f.book(f.alice, far);
    f.clock.advance(hours{1});
    CHECK(f.report("first_media", got.id()).status == 200);
    CHECK(f.get(f.alice, "/v1/reservations/" + got.id()).state() == "active");
    const auto feed = f.feed(0);
    CHECK(feed.entries.back().state == resv::State::active);
    CHECK(f.report("first_media", got.id()).status == 200);
    CHECK(f.feed(feed.serial).entries.empty());
    CHECK(f.report("first_media", other.id()).status == 200);
    CHECK(f.get(f.alice, "/v1/reservations/" + other.id()).state() == "booked");
    CHECK(f.report("first_media", "00000000000000000000000000").status == 200);
    const auto bad = f.post(f.relay, "/v1/relays/r1/reports", wire::JsonObject{{"reports", 1}});
    CHECK(bad.code() == "invalid_request");
}

TEST_CASE("control: time ends what was active, and the relay is told") {
    Fixture f;
    const auto got = f.book(f.alice, f.wish());
    f.clock.advance(hours{1});
    f.report("first_media", got.id());
    f.clock.advance(hours{1} + Seconds{5});
    CHECK(f.get(f.alice, "/v1/reservations/" + got.id()).state() == "ended"); // decided when read
    const auto before = f.feed(0).serial;
    f.sweep();
    CHECK(f.feed(before).entries.at(0).state == resv::State::ended);
}

TEST_CASE("control: a no-show needs a relay that could have said otherwise") {
    Fixture f;
    const auto got = f.book(f.alice, f.wish());
    const auto state = [&] {
        f.sweep();
        return f.get(f.alice, "/v1/reservations/" + got.id()).state();
    };
    f.feed(0);
    f.clock.advance(hours{1} + minutes{12});
    CHECK(state() == "booked"); // the relay was not heard of since the start
    f.feed(0);
    CHECK(state() == "no_show");
    CHECK(f.feed(0).entries.back().state == resv::State::no_show);
    CHECK(f.report("first_media", got.id()).status == 200); // too late, and no error
    CHECK(state() == "no_show");
    auto wish = f.wish();
    wish.start = f.now() + Seconds{15};
    wish.end = wish.start + minutes{10};
    CHECK(f.book(f.bob, wish).status == 201); // its place is free
}

TEST_CASE("control: eight threads that book the same time get it once") {
    Fixture f;
    std::string folder = (std::filesystem::temp_directory_path() / "control.XXXXXX").native();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const auto path = std::filesystem::path(folder) / "ledger.sqlite";
    REQUIRE(ledger::create_sqlite_ledger(path));
    {
        const auto disk = ledger::open_sqlite_ledger(path, ledger::Verify::no).value();
        REQUIRE(disk->write([&](ledger::Transaction &t) -> base::Result<void> {
            return t.put(ledger::Party{.name = "alice",
                                       .role = ledger::Role::distributor,
                                       .sign_key = f.alice.key.public_key(),
                                       .box_key = f.alice.box.public_key(),
                                       .enrolled = f.now(),
                                       .seen = {}});
        }));
        control::Feeds feeds{f.config, f.keys, *disk, f.clock};
        control::Api api{f.config, f.keys, *disk, f.clock, feeds};
        std::vector<net::Request> requests;
        for (int i = 0; i < 64; ++i) {
            auto wish = f.wish(); // two times, so two can be had
            wish.start += hours{2 * (i % 2)};
            wish.end += hours{2 * (i % 2)};
            requests.push_back(
                f.request("POST", "/v1/reservations", wire::compact_json(wire::to_json(wish))));
            f.sign(requests.back(), f.alice);
        }
        std::atomic<int> made = 0;
        std::atomic<int> refused = 0;
        std::vector<std::thread> threads;
        threads.reserve(8);
        for (std::size_t n = 0; n < 8; ++n)
            threads.emplace_back([&, n] {
                for (std::size_t i = n; i < requests.size(); i += 8)
                    api.handle(requests[i], [&](const net::Response &r) {
                        ++(r.status == 201 ? made : refused);
                    });
            });
        for (std::thread &t : threads)
            t.join();
        CHECK(made == 2);
        CHECK(refused == 62);
    }
    std::filesystem::remove_all(folder);
}
