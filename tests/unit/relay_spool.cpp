// Recordings: what is on disk, what viewers get of it, and what a bad disk costs.
#include "relay_router_fixture.hpp"
#include "relay_spool_fixture.hpp"

using namespace spool_test;

TEST_CASE("relay: an event's segments are in its files as they came") {
    const Folder folder;
    Life life{folder.path};
    life.begin();
    life.deliver(5);
    life.settle();
    CHECK(folder.media() == life.all_sent());
    CHECK(fs::exists(folder.event() / "000000000000.ts"));
    CHECK(mode_of(folder.event()) == 0750);
    CHECK(mode_of(folder.event() / "index") == 0640);
    CHECK(mode_of(folder.event() / "000000000000.ts") == 0640);
    CHECK(recorded(life, "2-t.ts") == life.sent[2]);
    for (const char *none : {"4-t.ts", "2-u.ts", "02-t.ts", "2-.ts", "2.ts", "", "2.0-t.ts"})
        CHECK(recorded(life, none) == "nothing");
    life.store.close();
    life.settle();
    CHECK(folder.media() == life.all_sent(0));
}

TEST_CASE("relay: a window longer than memory is served from the files") {
    const Folder folder;
    Life life{folder.path, "t", 20'000};
    life.begin();
    for (int i = 0; i < 30; ++i) {
        life.deliver(1);
        life.settle();
    }
    CHECK(life.store.bytes_kept() <= 20'000 + 3760);
    const auto snapshot = life.store.snapshot();
    CHECK(snapshot->segments->size() == 29);
    CHECK(life.playlist().contains("#EXT-X-MEDIA-SEQUENCE:0\n"));
    CHECK_FALSE(life.playlist().contains("GAP"));
    // A viewer of live.ts who is behind memory is too slow, though the playlist reaches further.
    CHECK(snapshot->window_begin >= snapshot->slices.front().begin);
    for (std::size_t i = 0; i < 29; ++i)
        CHECK(recorded(life, std::to_string(i) + "-t.ts") == life.sent[i]);
}

TEST_CASE("relay: what viewers get of a segment is the same from memory and from the files") {
    const Folder folder;
    const auto now = base::SystemClock{}.now();
    wire::FeedEntry entry;
    entry.reservation = k_id;
    entry.vid = "event";
    entry.window = {.start = now - 1h, .end = now + 1h, .lead_in = 0s, .drain = 0s};
    entry.retention_s = 86'400;
    const auto spool = Spool::open(folder.path).value();
    const auto options = [&] {
        const auto recording = spool->recording(k_id);
        return Store::Options{
            .segments = {.first_sequence = recording->next_sequence(), .window = 3},
            .tag = "t",
            .spool = spool.get(),
            .recording = recording};
    };
    relay::LiveEvent live{entry, options()};
    const relay::StreamKey key{.carrier = "lineA", .run = 1, .stream = 1};
    REQUIRE(live.opened(key, {.stream = 1, .reservation = {}, .instance = "x", .peer = "p"},
                        base::SteadyTime{100s})
                .empty());
    constexpr std::int64_t k_bytes = 1880;
    for (std::int64_t i = 0; i < 6; ++i) {
        auto extent = *relay::Extent::make(k_bytes);
        const std::string data(k_bytes, static_cast<char>('a' + i));
        REQUIRE(::pwrite(extent->fd(), data.data(), data.size(), 0) == k_bytes);
        live.part(key,
                  {.stream = 1,
                   .reservation = {},
                   .extent = extent,
                   .position = i * k_bytes,
                   .offset = 0,
                   .bytes = k_bytes,
                   .received_us = i * 2'000'000,
                   .cuts = {{.position = i * k_bytes, .pts_90k = i * 180'000}}},
                  base::SteadyTime{100s} + i * 2s);
    }
    spool->drain(10s);
    router_test::Front front;
    front.board.set({{"event", live.event()}});
    const auto get = [&](const std::string &name, const std::string &range = "") {
        relay::HttpRequest request;
        request.method = "GET";
        request.path = "/w/event/" + name;
        request.range = range;
        return front.router.answer(request, {});
    };
    const relay::Reply memory = get("2-t.ts");
    const relay::Reply part = get("2-t.ts", "bytes=188-375");
    REQUIRE(memory.status == 200);
    live.end(false);
    spool->drain(10s);
    CHECK_FALSE(get("index.m3u8").body->contains("VOD")); // who follows it sees its end first
    live.tick(base::SteadyTime{200s});
    live.tick(base::SteadyTime{229s});
    CHECK(live.bytes_kept() > 0);
    live.tick(base::SteadyTime{231s});
    CHECK(live.bytes_kept() == 0);
    CHECK(get("index.m3u8").body->contains("#EXT-X-PLAYLIST-TYPE:VOD\n"));
    CHECK(get("ll.m3u8").body->ends_with("5-t.ts\n#EXT-X-ENDLIST\n"));
    const auto head = [](const relay::Reply &r) {
        return r.headers.substr(0, r.headers.find("Date"));
    };
    for (const auto &[first, range] : {std::pair{&memory, ""}, {&part, "bytes=188-375"}}) {
        const relay::Reply again = get("2-t.ts", range);
        CHECK(again.status == first->status);
        CHECK(head(again) == head(*first));
        CHECK(again.length() == first->length());
        CHECK(read(again.media) == read(first->media));
        CHECK(read(again.media).front() == 'c');
    }
    CHECK(get("6-t.ts").status == 410);

    // The next life of the relay: the whole recording, and no second report of the end.
    relay::LiveEvent next{entry, options()};
    next.end(false);
    CHECK(next.take_news().empty());
    front.board.set({{"event", next.event()}});
    CHECK(get("index.m3u8").body->contains("#EXT-X-PLAYLIST-TYPE:VOD\n"));
    CHECK(read(get("0-t.ts").media) == std::string(k_bytes, 'a'));
    CHECK(next.event()->bytes_in == 6 * k_bytes);
}

TEST_CASE("relay: a spool that takes nothing is said once, and costs the live stream nothing") {
    const Folder folder;
    Life life{folder.path, "t", 20'000};
    std::ofstream(folder.event()) << "in the way";
    life.begin();
    for (int i = 0; i < 20; ++i) {
        life.deliver(1);
        life.settle();
    }
    auto news = life.spool->take_news();
    REQUIRE(news.size() == 1);
    CHECK(news[0].reservation == k_id);
    CHECK(news[0].error.contains(folder.event().native()));
    CHECK(life.spool->failing() == 1);
    CHECK(life.recording->lost() == 19);
    // What is in memory is served as ever; what has left it is a gap in the list.
    CHECK(life.playlist().ends_with("#EXTINF:2.000,\n18-t.ts\n"));
    CHECK(life.playlist().contains("#EXT-X-GAP\n#EXTINF:2.000,\n0-t.ts\n"));
    CHECK_FALSE(life.playlist().contains("#EXT-X-GAP\n#EXTINF:2.000,\n18-t.ts\n"));

    fs::remove(folder.event());
    life.deliver(2);
    life.settle();
    news = life.spool->take_news();
    REQUIRE(news.size() == 1);
    CHECK(news[0].error.empty());
    CHECK(life.spool->failing() == 0);
    CHECK(folder.media() == life.sent[19] + life.sent[20]);
    // Somebody removes all of it: the next segment begins anew.
    fs::remove_all(folder.event());
    life.deliver(1);
    life.settle();
    CHECK(folder.media() == life.sent[21]);
    CHECK(relay::read_index(folder.read("index"), k_id).segments.size() == 1);
}

TEST_CASE("relay: a disk that is too slow loses segments, not memory") {
    const Folder folder;
    Life life{folder.path, "t", std::int64_t{1} << 30, {.queue_bytes = 1'000'000}};
    life.begin();
    life.deliver(21, 5000); // 940 kB each, as fast as it can
    life.settle();
    std::int64_t there = 0;
    for (int i = 0; i < 20; ++i)
        there += life.recording->has(i) ? 1 : 0;
    CHECK(there + life.recording->lost() == 20);
    CHECK(there >= 1);
    CHECK(life.spool->waiting_bytes() == 0);
    std::string expected;
    for (std::size_t i = 0; i < 20; ++i)
        if (life.recording->has(static_cast<std::int64_t>(i)))
            expected += life.sent[i];
    CHECK(folder.media() == expected);
}

TEST_CASE("relay: a file that is full is followed by the next, named by its first segment") {
    const Folder folder;
    Life life{folder.path, "t", std::int64_t{1} << 30, {.file_bytes = 2 * 3760}};
    life.begin();
    life.deliver(6);
    life.settle();
    CHECK(folder.read("000000000002.ts") == life.sent[2] + life.sent[3]);
    CHECK(folder.media() == life.all_sent());
}

TEST_CASE("relay: the end of a recording removes what the relay wrote, and nothing else") {
    const Folder folder;
    const auto other = base::Id::make(base::from_unix_ms(7), {});
    Life life{folder.path};
    life.recording->keep_until(base::from_unix_ms(5'000));
    life.begin();
    life.deliver(3);
    life.settle();
    std::ofstream(folder.path / "notes.txt") << "mine";
    fs::create_directory(folder.path / other.text()); // without an index: until when is not known
    SUBCASE("when the retention ends") {
        life.spool->remove(life.recording);
        life.settle();
        CHECK_FALSE(fs::exists(folder.event()));
    }
    SUBCASE("with a foreign file in it") {
        std::ofstream(folder.event() / "copy.mp4") << "mine";
        life.spool->remove(life.recording);
        life.settle();
        CHECK(fs::exists(folder.event() / "copy.mp4"));
        CHECK_FALSE(fs::exists(folder.event() / "index"));
    }
    SUBCASE("when the feed does not know it any more") {
        life.spool->sweep({}, base::from_unix_ms(4'999));
        life.spool->sweep({k_id}, base::from_unix_ms(6'000));
        life.settle();
        CHECK(fs::exists(folder.event()));
        life.spool->sweep({}, base::from_unix_ms(5'000));
        life.settle();
        CHECK_FALSE(fs::exists(folder.event()));
    }
    SUBCASE("later, when it was prolonged") {
        life.recording->keep_until(base::from_unix_ms(9'000));
        life.spool->keep(life.recording);
        life.spool->sweep({}, base::from_unix_ms(8'000));
        life.settle();
        CHECK(fs::exists(folder.event()));
    }
    CHECK(fs::exists(folder.path / "notes.txt"));
    CHECK(fs::exists(folder.path / other.text()));
}

TEST_CASE("relay: a spool is a folder of one's own, and of one relay") {
    const Folder folder;
    const auto refused = [](const fs::path &path) {
        const auto got = Spool::open(path);
        REQUIRE_FALSE(got.has_value());
        return got.error();
    };
    CHECK(refused(folder.path / "absent" / "spool").code == base::Errc::no_input);
    std::ofstream(folder.path / "file") << "x";
    CHECK(refused(folder.path / "file").code == base::Errc::config);
    fs::create_directory(folder.path / "open");
    fs::permissions(folder.path / "open", fs::perms::all);
    CHECK(refused(folder.path / "open").code == base::Errc::not_permitted);
    CHECK(refused(folder.path / "open").hint.contains("chmod 750"));
    const auto first = Spool::open(folder.path / "spool").value();
    CHECK(mode_of(folder.path / "spool") == 0750);
    CHECK(refused(folder.path / "spool").code == base::Errc::try_again);
}
