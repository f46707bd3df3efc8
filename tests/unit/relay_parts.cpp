// Low-latency HLS: where parts begin, what the playlist says of them, what a blocked request waits
// for.
#include "relay/playlist.hpp"
#include "relay/reply.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using relay::Awaited;
using relay::Part;
using relay::Parts;
using relay::Store;

namespace {

constexpr std::int64_t k_frame_bytes = 10 * 188;

// Pictures with a cut each second, or each so many; the PAT and PMT of a cut lie two packets before
// its picture.
class Camera {
  public:
    Camera(Store &store, std::int64_t frames_a_second, std::int64_t group = 0)
        : m_store(store), m_rate(frames_a_second), m_group(group == 0 ? m_rate : group) {
        m_store.begin_stream();
    }
    void frames(std::int64_t n) {
        for (; n > 0; --n)
            at_once(1);
    }
    // They come together.
    void at_once(std::int64_t n) {
        const std::int64_t begin = m_position;
        std::vector<relay::StreamCut> cuts;
        std::vector<relay::StreamUnit> units;
        std::int64_t received_us = 0;
        for (; n > 0; --n, ++m_frame, m_position += k_frame_bytes) {
            const std::int64_t dts = m_frame * 90'000 / m_rate;
            received_us = m_frame * 1'000'000 / m_rate;
            if (m_frame % m_group == 0)
                cuts.push_back({.position = m_position, .pts_90k = dts + 3600});
            units.push_back({.position = m_position + 2 * 188, .dts_90k = dts});
        }
        m_store.append(m_extent, begin, m_position - begin, received_us, cuts, units);
    }

  private:
    Store &m_store;
    relay::ExtentPtr m_extent = *relay::Extent::make(std::int64_t{64} << 20);
    std::int64_t m_rate;
    std::int64_t m_group;
    std::int64_t m_frame = 0;
    std::int64_t m_position = 0;
};

Store make_store(std::size_t window = 3) {
    return Store{{.segments = {.window = window}, .tag = "t"}};
}

std::int64_t sum(const std::vector<Part> &parts, std::int64_t sequence) {
    std::int64_t ticks = 0;
    for (const Part &part : parts)
        ticks += part.sequence == sequence ? part.ticks : 0;
    return ticks;
}

} // namespace

TEST_CASE("relay: parts are whole pictures, and the playlist lists them as they come") {
    Store store = make_store();
    Camera camera{store, 25};
    camera.frames(50);
    CHECK(store.snapshot()->low_latency == nullptr); // not before the first segment
    camera.frames(1 + 8 + 1);
    const auto snapshot = store.snapshot();
    REQUIRE(snapshot->low_latency != nullptr);
    CHECK(snapshot->low_latency->text() ==
          "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:4\n"
          "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24.000,PART-HOLD-BACK=1.002\n"
          "#EXT-X-PART-INF:PART-TARGET=0.334\n#EXT-X-MEDIA-SEQUENCE:0\n"
          "#EXT-X-PART:DURATION=0.320,URI=\"0.0-t.ts\",INDEPENDENT=YES\n"
          "#EXT-X-PART:DURATION=0.320,URI=\"0.1-t.ts\"\n"
          "#EXT-X-PART:DURATION=0.320,URI=\"0.2-t.ts\"\n"
          "#EXT-X-PART:DURATION=0.320,URI=\"0.3-t.ts\"\n"
          "#EXT-X-PART:DURATION=0.320,URI=\"0.4-t.ts\"\n"
          "#EXT-X-PART:DURATION=0.320,URI=\"0.5-t.ts\"\n"
          "#EXT-X-PART:DURATION=0.080,URI=\"0.6-t.ts\"\n"
          "#EXTINF:2.000,\n0-t.ts\n"
          "#EXT-X-PART:DURATION=0.320,URI=\"1.0-t.ts\",INDEPENDENT=YES\n"
          "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1.1-t.ts\"\n");
    CHECK(snapshot->delta == nullptr); // nothing is old enough to be skipped
    CHECK(snapshot->next_sequence == 1);
    CHECK(snapshot->next_part == 1);
    // An independent part begins at PAT and PMT, another at its first picture.
    CHECK(snapshot->parts->front().begin == 0);
    CHECK((*snapshot->parts)[1].begin == 8 * k_frame_bytes + 2 * 188);
    CHECK(snapshot->parts->back().begin == snapshot->segments->back().end);
}

TEST_CASE("relay: a picture rate of every kind fills parts to 85 % of the target, and no further") {
    for (const std::int64_t rate : {9, 10, 12, 15, 24, 25, 30, 50, 60, 120}) {
        Store store = make_store();
        Camera camera{store, rate};
        camera.frames(rate * 10);
        const auto snapshot = store.snapshot();
        const auto &parts = *snapshot->parts;
        REQUIRE(parts.size() > 10);
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            CHECK(parts[i].ticks <= Parts::k_target_ticks);
            if (parts[i].sequence == parts[i + 1].sequence)
                CHECK(parts[i].ticks * 100 >= Parts::k_target_ticks * 85);
        }
        for (const auto &segment : *snapshot->segments)
            if (segment.sequence >= parts.front().sequence)
                CHECK(sum(parts, segment.sequence) == segment.ticks);
    }
}

TEST_CASE("relay: parts tile their segments, whatever time stamps a publisher sends") {
    CHECK(rc::check("tiles", [](const std::vector<std::uint32_t> &steps) {
        Store store = make_store(1000);
        const auto extent = *relay::Extent::make(std::int64_t{64} << 20);
        store.begin_stream();
        std::int64_t position = 0;
        std::int64_t dts = 0;
        std::int64_t us = 0;
        for (const std::uint32_t step : steps) {
            std::vector<relay::StreamCut> cuts;
            if (position == 0 || step % 7 == 0)
                cuts.push_back({.position = position, .pts_90k = dts});
            store.append(extent, position, 188, us, cuts, {{.position = position, .dts_90k = dts}});
            position += 188;
            us += step % 50'000;
            dts = (dts + (step % 11 == 0 ? step * 1000LL : step % 9000)) % relay::k_pts_wrap;
        }
        store.end();
        const auto snapshot = store.snapshot();
        std::int64_t at = -1;
        for (const Part &part : *snapshot->parts) {
            RC_ASSERT(part.end > part.begin);
            RC_ASSERT(part.ticks > 0);
            RC_ASSERT(at < 0 || part.begin == at);
            at = part.end;
        }
        RC_ASSERT(at < 0 || at == snapshot->end());
    }));
}

TEST_CASE("relay: a delta update leaves out what is older than six target durations") {
    Store store = make_store(30);
    Camera camera{store, 25};
    camera.frames(25 * 61);
    const auto snapshot = store.snapshot();
    REQUIRE(snapshot->delta != nullptr);
    const std::string &full = snapshot->low_latency->text();
    const std::string &delta = snapshot->delta->text();
    CHECK(full.contains("\n0-t.ts\n"));
    CHECK(full.contains("#EXT-X-MEDIA-SEQUENCE:0\n"));
    CHECK(delta.contains("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-SKIP:SKIPPED-SEGMENTS=18\n"
                         "#EXTINF:2.000,\n18-t.ts\n"));
    CHECK(delta.starts_with("#EXTM3U\n#EXT-X-VERSION:9\n"));
    const auto tail = [](const std::string &text) { return text.substr(text.find("18-t.ts")); };
    CHECK(tail(full) == tail(delta));
    // Parts of the last two segments and the open one only.
    CHECK(full.contains("\"28.0-t.ts\""));
    CHECK_FALSE(full.contains("\"27.0-t.ts\""));
    store.end();
    CHECK(store.snapshot()->delta == nullptr);
    CHECK(store.snapshot()->low_latency->text().ends_with("#EXT-X-ENDLIST\n"));
    CHECK_FALSE(store.snapshot()->low_latency->text().contains("HINT"));
}

TEST_CASE("relay: a delta update counts six target durations back from the last part it lists") {
    Store store = make_store(30);
    Camera camera{store, 25, 27}; // segments of 2.16 s: eleven and some pictures are 24 s
    const auto number = [](const std::string &text, const std::string &name) {
        return std::stoll(text.substr(text.find(name) + name.size()));
    };
    for (int i = 0; i < 200; ++i) {
        camera.at_once(7);
        const auto snapshot = store.snapshot();
        if (!snapshot->delta)
            continue;
        const std::string &delta = snapshot->delta->text();
        const auto first =
            number(delta, "#EXT-X-MEDIA-SEQUENCE:") + number(delta, "SKIPPED-SEGMENTS=");
        std::int64_t ticks = sum(*snapshot->parts, snapshot->next_sequence);
        for (const auto &segment : *snapshot->segments)
            ticks += segment.sequence >= first ? segment.ticks : 0;
        CHECK(ticks >= 6 * snapshot->target_s * relay::k_ticks_per_second);
    }
    CHECK(store.snapshot()->delta != nullptr);
}

TEST_CASE("relay: a publisher who leaves ends the part with its last picture") {
    Store store = make_store();
    Camera camera{store, 25};
    camera.frames(50 + 20);
    store.end_stream();
    const auto snapshot = store.snapshot();
    CHECK(snapshot->segments->back().ticks == 20 * 3600);
    CHECK(snapshot->parts->back().ticks == 4 * 3600);
    CHECK(snapshot->low_latency->text().ends_with(
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"2.0-t.ts\"\n"));
    Camera again{store, 25};
    again.frames(11);
    CHECK(store.snapshot()->low_latency->text().ends_with(
        "#EXT-X-DISCONTINUITY\n#EXT-X-PART:DURATION=0.320,URI=\"2.0-t.ts\",INDEPENDENT=YES\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"2.1-t.ts\"\n"));
}

TEST_CASE("relay: a blocked request waits for what it names, and a part too many is the next one") {
    Store store = make_store();
    Camera camera{store, 25};
    CHECK_FALSE(Awaited{}.is_there(*store.snapshot()));
    camera.frames(51 + 9); // segment 0, and of segment 1 its part 0
    const auto there = [&](std::int64_t sequence, std::int64_t part) {
        return Awaited{.sequence = sequence, .part = part}.is_there(*store.snapshot());
    };
    CHECK(there(-1, -1));
    CHECK(there(0, -1));
    CHECK(there(0, 6));
    CHECK(there(0, 7)); // the first of segment 1
    CHECK(there(1, 0));
    CHECK_FALSE(there(1, 1));
    CHECK_FALSE(there(1, -1)); // the whole segment
    CHECK_FALSE(there(2, 0));
    camera.frames(41); // segment 1 is whole, nothing of segment 2
    CHECK(there(1, -1));
    CHECK(there(1, 6));
    CHECK_FALSE(there(1, 7));
    CHECK_FALSE(there(2, 0));
    camera.frames(9);
    CHECK(there(1, 7));
    store.end();
    CHECK(there(77, 3)); // it would wait for ever
}

TEST_CASE("relay: a part has one name") {
    using Place = std::pair<std::int64_t, std::int64_t>;
    CHECK(relay::parse_part_name("12.3-t.ts", "t") == Place{12, 3});
    for (const char *bad :
         {"12.03-t.ts", "012.3-t.ts", "12.3-u.ts", "12.-t.ts", ".3-t.ts", "12-t.ts", "12.3",
          "12.3.4-t.ts", "12.-3-t.ts", "12x3-t.ts", "", "99999999999999999999.1-t.ts"})
        CHECK_FALSE(relay::parse_part_name(bad, "t").has_value());
}
