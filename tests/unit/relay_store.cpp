// Fake parts in, playlist text and snapshots out.
#include "relay/playlist.hpp"
#include "relay/store.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using relay::Segmenter;
using relay::Store;

namespace {

// A publisher that delivers one group of pictures at a time, in real time.
class Publisher {
  public:
    explicit Publisher(Store &store) : m_store(store), m_extent(*relay::Extent::make()) {}

    void begin(std::int64_t pts = 0) {
        m_store.begin_stream();
        m_position = 0;
        m_pts = pts;
        m_extent = *relay::Extent::make();
        m_offset = 0;
    }
    // @p packets TS packets of media that lasts @p ms, with a cut at their front.
    void group(std::int64_t ms, std::int64_t packets = 10, bool cut = true) {
        constexpr std::int64_t k_parts = 5;
        for (std::int64_t i = 0; i < k_parts; ++i) {
            std::vector<relay::StreamCut> cuts;
            if (i == 0 && cut)
                cuts.push_back({.position = m_position, .pts_90k = m_pts % (1LL << 33)});
            const std::int64_t bytes = packets * relay::k_packet;
            m_store.append(m_extent, m_offset, bytes, m_now_us, cuts);
            m_offset += bytes;
            m_position += bytes;
            m_now_us += ms * 1000 / k_parts;
        }
        m_pts += ms * 90;
    }
    void pause(std::int64_t ms) { m_now_us += ms * 1000; }
    void set_pts(std::int64_t pts) { m_pts = pts; }

  private:
    Store &m_store;
    relay::ExtentPtr m_extent;
    std::int64_t m_offset = 0;
    std::int64_t m_position = 0;
    std::int64_t m_pts = 0;
    std::int64_t m_now_us = 1'000'000;
};

Store make_store(std::int64_t first = 0, std::size_t window = 3) {
    return Store{{.segments = {.first_sequence = first, .window = window}, .tag = "t"}};
}

std::string playlist(const Store &store) {
    const auto snapshot = store.snapshot();
    return snapshot->playlist ? snapshot->playlist->text() : "";
}

} // namespace

TEST_CASE("relay: segments are slices between cuts, at least two seconds long") {
    Store store = make_store(7);
    Publisher p(store);
    p.begin();
    p.group(1000);
    p.group(1000);
    CHECK(playlist(store).empty());
    p.group(1000);
    CHECK(playlist(store) == "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n"
                             "#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n"
                             "#EXTINF:2.000,\n7-t.ts\n");
    const auto snapshot = store.snapshot();
    CHECK(snapshot->segments->front().begin == 0);
    CHECK(snapshot->segments->front().end == 2 * 5 * 10 * 188);
    CHECK(snapshot->newest_cut == snapshot->segments->front().end);
}

TEST_CASE("relay: the window moves, the media sequence with it, old extents go") {
    Store store{{.segments = {.window = 3}, .tag = "t", .max_bytes = 1 << 30}};
    Publisher p(store);
    p.begin();
    for (int i = 0; i < 20; ++i)
        p.group(2000);
    const auto text = playlist(store);
    CHECK(text.find("#EXT-X-MEDIA-SEQUENCE:13\n") != std::string::npos); // 6 x 2 s = 3 targets
    CHECK(text.find("\n18-t.ts\n") != std::string::npos);
    CHECK(text.find("\n12-t.ts\n") == std::string::npos);
    const auto snapshot = store.snapshot();
    CHECK(snapshot->segments->front().sequence == 7); // as many again are still served
    CHECK(snapshot->window_begin == (*snapshot->segments)[6].begin);
}

TEST_CASE("relay: a publisher that comes back continues the sequence with a discontinuity") {
    Store store = make_store();
    Publisher p(store);
    p.begin(123456);
    p.group(2000);
    p.group(2000);
    p.group(500);
    store.end_stream();
    const auto before = playlist(store);
    CHECK(before.find("#EXTINF:0.400,\n2-t.ts\n") != std::string::npos); // to the last packet
    CHECK(before.find("DISCONTINUITY") == std::string::npos);
    CHECK(before.find("ENDLIST") == std::string::npos);
    const std::int64_t end = store.snapshot()->end();
    p.begin(999);
    p.group(2000);
    p.group(2000);
    CHECK(playlist(store) == before + "#EXT-X-DISCONTINUITY\n#EXTINF:2.000,\n3-t.ts\n");
    CHECK(store.snapshot()->segments->back().begin == end);
    for (int i = 0; i < 8; ++i)
        p.group(2000);
    // The tag's segment has left the window: the discontinuity sequence says so.
    const auto later = playlist(store);
    CHECK(later.find("#EXT-X-DISCONTINUITY-SEQUENCE:1\n") != std::string::npos);
    CHECK(later.find("#EXT-X-DISCONTINUITY\n") == std::string::npos);
    store.end();
    CHECK(playlist(store).ends_with("#EXT-X-ENDLIST\n"));
    CHECK(store.snapshot()->ended);
}

TEST_CASE("relay: what comes before the first cut is not shown") {
    Store store = make_store();
    Publisher p(store);
    p.begin();
    p.group(300, 10, false);
    CHECK(store.snapshot()->newest_cut == -1);
    CHECK(store.snapshot()->slices.empty());
    p.group(2000);
    const auto snapshot = store.snapshot();
    CHECK(snapshot->newest_cut == 0);
    CHECK(snapshot->slices.front().offset == 50 * 188);
    CHECK(snapshot->end() == 50 * 188);
}

TEST_CASE("relay: time stamps wrap without a gap, and a jump is a discontinuity") {
    Store store = make_store(0, 10);
    Publisher p(store);
    p.begin((1LL << 33) - 180'000);
    for (int i = 0; i < 4; ++i)
        p.group(2000);
    CHECK(playlist(store).find("DISCONTINUITY") == std::string::npos);
    for (const auto &s : *store.snapshot()->segments)
        CHECK(s.ticks == 180'000);
    p.set_pts(5); // a file that starts over
    p.group(2000);
    p.group(2000);
    CHECK(store.snapshot()->segments->back().discontinuity);
    CHECK(store.snapshot()->segments->back().ticks == 180'000);
}

TEST_CASE("relay: no segment outgrows the promised target, though cuts are far apart") {
    Store store = make_store(0, 10);
    Publisher p(store);
    p.begin();
    p.group(2000);
    p.group(2000);
    for (int i = 0; i < 10; ++i)
        p.group(1000, 10, i == 0); // ten seconds without another cut
    p.group(2000);
    CHECK(playlist(store).find("#EXT-X-TARGETDURATION:4\n") != std::string::npos);
    for (const auto &s : *store.snapshot()->segments)
        CHECK(s.ticks < 4 * 90'000 + 45'000);
}

TEST_CASE("relay: a long first group sets a long target") {
    Store store = make_store();
    Publisher p(store);
    p.begin();
    p.group(10'000);
    p.group(10'000);
    CHECK(playlist(store).find("#EXT-X-TARGETDURATION:10\n") != std::string::npos);
}

TEST_CASE("relay: memory is bounded whatever a publisher sends") {
    Store store{{.segments = {.window = 3}, .tag = "t", .max_bytes = 1'000'000}};
    Publisher p(store);
    p.begin();
    p.group(1, 10);
    for (int i = 0; i < 60; ++i)
        p.group(1, 100, false);                 // 94 kB a millisecond, no cuts
    CHECK(store.bytes_kept() <= 8 * 1'000'000); // an extent is dropped whole
    CHECK(store.snapshot()->segments->size() > 0);
}

TEST_CASE("relay: segments follow each other without gap or overlap, and sum to the media") {
    CHECK(rc::check("contiguous", [](const std::vector<std::uint16_t> &lengths) {
        Store store = make_store(0, 1000);
        Publisher p(store);
        p.begin();
        for (const auto ms : lengths)
            p.group(ms % 3000 + 1, ms % 5 + 1);
        store.end();
        const auto snapshot = store.snapshot();
        std::int64_t at = 0;
        std::int64_t sequence = 0;
        for (const auto &s : *snapshot->segments) {
            RC_ASSERT(s.begin == at);
            RC_ASSERT(s.end > s.begin);
            RC_ASSERT(s.begin % 188 == 0);
            RC_ASSERT(s.sequence == sequence++);
            at = s.end;
        }
        RC_ASSERT(at == snapshot->end());
    }));
}

TEST_CASE("relay: a segment has one name") {
    CHECK(relay::parse_segment_name("12-t.ts", "t") == 12);
    for (const char *bad : {"012-t.ts", "12-u.ts", "12-t.ts2", "-1-t.ts", "+1-t.ts", "", "t.ts",
                            "99999999999999999999-t.ts"})
        CHECK_FALSE(relay::parse_segment_name(bad, "t").has_value());
}

TEST_CASE("relay: streams that are cut again and again do not hold descriptors without end") {
    Store store{{.segments = {.window = 3}, .tag = "t", .max_bytes = relay::Extent::k_bytes}};
    Publisher publisher{store};
    for (int i = 0; i < 300; ++i) { // each leaves an extent nearly empty
        publisher.begin();
        publisher.group(1, 1);
        CHECK(store.snapshot()->slices.size() <= 70);
    }
    publisher.begin();
    publisher.group(5000);
    publisher.group(1000);
    const auto snapshot = store.snapshot();
    CHECK(snapshot->find(snapshot->newest_cut) != nullptr);
    CHECK(snapshot->find(snapshot->segments->front().begin) != nullptr);
}

TEST_CASE("relay: each segment has its date, which follows the media and not the arrival") {
    Store store{
        {.segments = {.window = 3,
                      .utc_ms = [](std::int64_t us) { return 1'700'000'000'000 + us / 1000; }},
         .tag = "t"}};
    Publisher p(store);
    p.begin();
    p.group(2000);
    p.pause(300); // late, as after a loss
    p.group(2000);
    p.group(2000);
    const auto text = playlist(store);
    CHECK(text.contains(
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:21.000Z\n#EXTINF:2.000,\n0-t.ts\n"));
    CHECK(text.contains(
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:23.000Z\n#EXTINF:2.000,\n1-t.ts\n"));
    p.pause(10'000);
    p.begin(5);
    p.group(2000);
    p.group(2000);
    CHECK(playlist(store).contains(
        "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:37.300Z\n#EXTINF:"));
}

TEST_CASE("relay: a window of time lists what is in it, and as much again is served") {
    Store store{
        {.segments = {.window = 3, .window_ticks = 60 * 90'000}, .tag = "t", .max_bytes = 1 << 30}};
    Publisher p(store);
    p.begin();
    for (int i = 0; i < 101; ++i)
        p.group(2000, 1);
    CHECK(playlist(store).contains("#EXT-X-MEDIA-SEQUENCE:70\n"));
    CHECK(store.snapshot()->segments->front().sequence == 40);
    store.end();
    CHECK(playlist(store).contains("#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n"));
}
