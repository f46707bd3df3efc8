// relay-serve's side of SRT out: places, media and counts, and a child that lies.
#include "relay/srt_out.hpp"
#include "relay_live_fixture.hpp"

using namespace live_test;

namespace {

struct World {
    World() {
        live = &events.try_emplace(entry_now().reservation, entry_now(), options()).first->second;
        out.look(events, now);
    }
    static wire::FeedEntry entry_now() {
        wire::FeedEntry e = entry();
        e.vid = "event";
        e.disclosure = resv::Disclosure::public_;
        e.window = {.start = base::from_unix_ms(1'000'000), .end = base::from_unix_ms(9'000'000)};
        e.viewers = 2;
        return e;
    }
    static relay::Store::Options options() {
        relay::Store::Options o;
        o.segments.window = 3;
        o.tag = "t";
        return o;
    }
    // Messages of type M that wait for the child, which then has them all.
    template <typename M> std::vector<M> said() {
        std::vector<M> all;
        for (const auto &[message, fd] : out.outbox)
            if (const M *wanted = std::get_if<M>(&message))
                all.push_back(*wanted);
        out.outbox.clear();
        return all;
    }
    bool open(std::int64_t session, std::int64_t event = 0) {
        return out.take(wire::PullOpened{.session = session, .event = event, .peer = "p"})
            .has_value();
    }

    base::UtcTime now = base::from_unix_ms(2'000'000);
    seal::Secret key{seal::Bytes(32, 1)};
    relay::Metrics metrics;
    std::map<base::Id, LiveEvent> events;
    LiveEvent *live = nullptr;
    relay::SrtOut out{{.listen = {},
                       .program = -1,
                       .identity = {},
                       .mask = {},
                       .viewer_key = &key,
                       .metrics = &metrics,
                       .on_end = {}}};
};

} // namespace

TEST_CASE("relay: viewers of SRT out take the places that were reserved, and give them back") {
    World world;
    relay::Event &event = *world.live->event();
    CHECK(world.said<wire::PullEvent>().at(0).refuse.empty());
    CHECK(world.open(0));
    CHECK(event.viewers == 1);
    CHECK(event.enter()); // one of live.ts
    world.out.look(world.events, world.now);
    CHECK(world.said<wire::PullEvent>().at(0).refuse == "full");
    CHECK(world.open(1)); // was admitted before the child heard of it
    CHECK(world.said<wire::PullClose>().at(0).session == 1);
    CHECK(event.viewers == 2);
    CHECK(event.viewers_refused == 1);
    REQUIRE(world.out.take(wire::PullClosed{.session = 1, .slow = false}));
    CHECK(event.viewers == 2);
    REQUIRE(world.out.take(wire::PullSent{.session = 0, .bytes = 1880, .moves = 1}));
    CHECK(event.bytes_out == 1880);
    CHECK(event.viewers_moved == 1);
    REQUIRE(world.out.take(wire::PullClosed{.session = 0, .slow = true}));
    CHECK(event.viewers == 1);
    CHECK(event.viewers_dropped == 1);
    world.out.look(world.events, world.now);
    CHECK(world.said<wire::PullEvent>().at(0).refuse.empty());
    // One who is there when the event is taken away.
    CHECK(world.open(2));
    event.withdrawn = true;
    world.out.look(world.events, world.now);
    CHECK(world.said<wire::PullForget>().size() == 1);
    CHECK(event.viewers == 1);
    CHECK(world.out.take(wire::PullClosed{.session = 2, .slow = false}));
    CHECK(event.viewers == 1);
}

TEST_CASE("relay: an event is refused before its time and after it, and one with a password has "
          "its token") {
    World world;
    const auto refused_at = [&](std::int64_t ms) {
        (void)world.said<wire::PullEvent>();
        world.out.look(world.events, base::from_unix_ms(ms));
        const auto said = world.said<wire::PullEvent>();
        return said.empty() ? "as before" : said.front().refuse;
    };
    CHECK(refused_at(0) == "too_early");
    CHECK(refused_at(0) == "as before");
    CHECK(refused_at(500'000).empty()); // ten minutes
    CHECK(refused_at(20'000'000) == "over");
    wire::FeedEntry locked = World::entry_now();
    locked.disclosure = resv::Disclosure::password;
    locked.password_hash = "hash";
    world.live->event()->set_entry(locked);
    world.out.look(world.events, world.now);
    const auto said = world.said<wire::PullEvent>();
    REQUIRE(said.size() == 1);
    CHECK(said[0].token_key.size() == 43); // 32 bytes, of all tokens of this event
    CHECK(said[0].refuse.empty());
}

TEST_CASE("relay: SRT out is given media while it has viewers, in order, and it is taken back") {
    World world;
    Stream a{.key = {"lineA", 1, 1}, .instance = "x", .mark = 'a'};
    a.open(*world.live);
    a.deliver(*world.live, k_start, 10);
    world.out.feed();
    CHECK(world.said<wire::PullMedia>().empty()); // nobody wants it
    CHECK(world.open(0));
    world.out.feed();
    REQUIRE(world.out.outbox.size() >= 2);
    {
        const auto &[message, fd] = world.out.outbox.at(world.out.outbox.size() - 2);
        REQUIRE(std::holds_alternative<wire::PullExtent>(message));
        CHECK((::fcntl(fd.get(), F_GETFL) & O_ACCMODE) == O_RDONLY);
    }
    auto media = world.said<wire::PullMedia>();
    REQUIRE(media.size() == 1);
    CHECK(media[0].begin == 0);
    CHECK(media[0].end == 1880);
    CHECK(media[0].newest_cut == 0);
    a.deliver(*world.live, k_start + 1s, 5, false);
    a.take_extent();
    a.deliver(*world.live, k_start + 2s, 7);
    world.out.feed();
    media = world.said<wire::PullMedia>();
    REQUIRE(media.size() == 2);
    CHECK(media[0].begin == 1880);
    CHECK(media[0].offset == 1880);
    CHECK(media[1].begin == media[0].end);
    CHECK(media[1].extent != media[0].extent);
    CHECK(media[1].end == 22 * 188);
    world.live->end(false);
    world.out.feed();
    CHECK(world.said<wire::PullEnd>().size() == 1);
    REQUIRE(world.out.take(wire::PullClosed{.session = 0, .slow = false}));
    CHECK(world.said<wire::PullDrop>().size() == 2);
}

TEST_CASE("relay: an SRT-out child that lies is found out") {
    World world;
    CHECK(world.open(5));
    CHECK_FALSE(world.open(5)); // not fresh
    CHECK_FALSE(world.open(4));
    CHECK_FALSE(world.open(6, 1)); // an event that it was never told of
    CHECK_FALSE(world.out.take(wire::PullSent{.session = 7, .bytes = 1, .moves = 0}));
    CHECK_FALSE(
        world.out.take(wire::PullSent{.session = 5, .bytes = std::int64_t{1} << 40, .moves = 0}));
    CHECK_FALSE(world.out.take(wire::PullClosed{.session = 7, .slow = false}));
    CHECK_FALSE(world.out.take(wire::PullRefused{.reason = "whatever", .count = 1}));
    CHECK_FALSE(world.out.take(wire::PullForget{.event = 0})); // the parent's
    CHECK(world.out.take(wire::PullRefused{.reason = "full", .count = 1}));
    CHECK(world.live->event()->viewers == 1);
}
