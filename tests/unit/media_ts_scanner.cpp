#include "media/ts_scanner.hpp"

#include "media_ts_builder.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace ts_test;

namespace {

Recorder scan(const Bytes &bytes, std::size_t chunk = 1316) {
    Recorder out;
    media::TsScanner scanner(&out);
    for (std::span<const std::uint8_t> left{bytes}; !left.empty();) {
        const std::size_t n = std::min(chunk, left.size());
        scanner.feed(left.first(n));
        left = left.subspan(n);
    }
    return out;
}

Builder with_h264() {
    Builder ts;
    ts.pat();
    ts.pmt({{k_video, 0x1b}, {k_audio, 0x0f}});
    return ts;
}

} // namespace

TEST_CASE("media: the scanner reads program, clock and key frames") {
    Builder ts = with_h264();
    ts.pes(k_video, 1234567, h264_picture(0x65), {.pcr = 27'000'000});
    ts.pes(k_video, 1240000, h264_picture(0x41));
    const std::uint64_t second = ts.size();
    ts.pes(k_video, 0x1'ffff'ffff, h264_picture(0x41), {.random_access = true});
    const Recorder seen = scan(ts.bytes);

    REQUIRE(seen.programs.size() == 1);
    CHECK(seen.programs[0].pmt_pid == Builder::k_pmt);
    CHECK(seen.programs[0].video_pid == k_video);
    CHECK(seen.programs[0].video == media::TsCodec::h264);
    CHECK(seen.programs[0].audio_pid == k_audio);
    CHECK(seen.programs[0].audio == media::TsCodec::aac);
    CHECK(seen.pcrs == std::vector<std::uint64_t>{27'000'000});
    REQUIRE(seen.cuts.size() == 2);
    CHECK(seen.cuts[0].position == 0); // the PAT
    CHECK(seen.cuts[0].access_position == 376);
    CHECK(seen.cuts[0].pts_90k == 1234567);
    CHECK(seen.cuts[1].position == second); // no PAT since the first
    CHECK(seen.cuts[1].pts_90k == 0x1'ffff'ffff);
    CHECK(seen.packets.size() == ts.size() / 188);
    CHECK(seen.packets[1].position == 188);
}

TEST_CASE("media: a cut lies at the PAT only when its PMT came before the key frame") {
    Builder ts = with_h264();
    ts.pes(k_video, 1, h264_picture(0x65));
    const std::uint64_t whole_pair = ts.size();
    ts.pat();
    ts.pmt({{k_video, 0x1b}, {k_audio, 0x0f}});
    ts.pes(k_audio, 1, Bytes(20));
    ts.pat(); // its PMT comes too late
    ts.pes(k_video, 2, h264_picture(0x65));
    ts.pmt({{k_video, 0x1b}, {k_audio, 0x0f}});
    const std::uint64_t no_pair = ts.size();
    ts.pes(k_video, 3, h264_picture(0x65));
    const Recorder seen = scan(ts.bytes);
    REQUIRE(seen.cuts.size() == 3);
    CHECK(seen.cuts[1].position == whole_pair);
    CHECK(seen.cuts[2].position == no_pair);
}

TEST_CASE("media: tables inside a long key frame belong to the next one") {
    Builder ts = with_h264();
    Bytes long_picture{0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0, 0, 0, 0, 1, 0x09, 0xf0};
    ts.packet(k_video, true, long_picture);
    const std::uint64_t second = ts.size();
    ts.pat();
    ts.pmt({{k_video, 0x1b}, {k_audio, 0x0f}});
    ts.packet(k_video, false, Bytes{0, 0, 1, 0x65, 1, 2});
    ts.pes(k_video, 9, h264_picture(0x65));
    const Recorder seen = scan(ts.bytes);
    REQUIRE(seen.cuts.size() == 2);
    CHECK(seen.cuts[0].position == 0);
    CHECK_FALSE(seen.cuts[0].pts_90k.has_value());
    CHECK(seen.cuts[1].position == second);
}

TEST_CASE("media: H.265 and MPEG-2 pictures are told apart") {
    Builder ts;
    ts.pat();
    ts.pmt({{k_video, 0x24}});
    for (const unsigned type : {1U, 9U, 16U, 19U, 21U}) { // trailing, RASL, BLA, IDR, CRA
        const Bytes picture{
            0, 0, 0, 1, 35 << 1, 1, 0x50, 0, 0, 1, static_cast<std::uint8_t>(type << 1U), 1};
        ts.pes(k_video, type, picture);
    }
    Recorder seen = scan(ts.bytes);
    REQUIRE(seen.cuts.size() == 3);
    CHECK(seen.cuts[0].pts_90k == 16);

    Builder old;
    old.pat();
    old.pmt({{k_video, 0x02}});
    old.pes(k_video, 1, Bytes{0, 0, 1, 0x00, 0, 0});
    old.pes(k_video, 2, Bytes{0, 0, 1, 0xb3, 0, 0});
    seen = scan(old.bytes);
    REQUIRE(seen.cuts.size() == 1);
    CHECK(seen.cuts[0].pts_90k == 2);
}

TEST_CASE("media: AV1 is known by its registered name, and its key frames with and without flags") {
    const Bytes av01{0x05, 4, 'A', 'V', '0', '1'};
    const Bytes key{0, 0, 1, 0x12, 0, 0, 0, 1, 0x0a, 0x0b, 0, 0, 0, 0, 1, 0x32, 0x10};
    const Bytes inter{0, 0, 1, 0x12, 0, 0, 0, 1, 0x2a, 0x01, 4, 0, 0, 1, 0x32, 0x30, 0, 0, 1, 0x0a};
    Builder ts;
    ts.pat();
    ts.pmt({{k_video, 0x06, av01}, {k_audio, 0x0f}});
    ts.pes(k_video, 1, key);
    ts.pes(k_video, 2, inter);
    ts.pes(k_audio, 2, Bytes(30));
    ts.pes(k_video, 3, key);
    ts.pes(k_video, 4, Bytes{0x12, 0, 0x32, 0x10}); // without start codes
    ts.pes(k_video, 5, Bytes{0x12, 0, 0x0a, 0x0b}, {.random_access = true});
    Recorder seen = scan(ts.bytes);
    REQUIRE(seen.programs.size() == 1);
    CHECK(seen.programs[0].video == media::TsCodec::av1);
    CHECK(media::name(seen.programs[0].video) == "av1");
    CHECK(seen.programs[0].audio == media::TsCodec::aac);
    REQUIRE(seen.cuts.size() == 3);
    CHECK(seen.cuts[0].pts_90k == 1);
    CHECK(seen.cuts[1].pts_90k == 3);
    CHECK(seen.cuts[2].pts_90k == 5);

    for (const Bytes &other : {Bytes{}, Bytes{0x05, 4, 'A', 'V', '0', '2'},
                               Bytes{0x05, 2, 'A', 'V'}, Bytes{0x0a, 4, 'A', 'V', '0', '1'}}) {
        Builder unknown;
        unknown.pat();
        unknown.pmt({{k_video, 0x06, other}});
        unknown.pes(k_video, 1, key);
        seen = scan(unknown.bytes);
        REQUIRE(seen.programs.size() == 1);
        CHECK(seen.programs[0].video_pid == 0);
        CHECK(seen.cuts.empty());
    }
}

TEST_CASE("media: AC-3 alone, by each of its names, gets a cut a second") {
    for (const Builder::Stream &stream :
         {Builder::Stream{k_audio, 0x81}, Builder::Stream{k_audio, 0x87},
          Builder::Stream{k_audio, 0x06, {0x6a, 1, 0}},
          Builder::Stream{k_audio, 0x06, {0x7a, 1, 0}}}) {
        Builder ts;
        ts.pat();
        ts.pmt({stream});
        for (std::uint64_t i = 0; i < 100; ++i) // 32 ms each
            ts.pes(k_audio, i * 2880, Bytes(30));
        const Recorder seen = scan(ts.bytes);
        REQUIRE(seen.programs.size() == 1);
        CHECK(seen.programs[0].audio == media::TsCodec::ac3);
        CHECK(seen.cuts.size() == 4);
    }
}

TEST_CASE("media: a stream of sound alone gets a cut a second") {
    Builder ts;
    ts.pat();
    ts.pmt({{k_audio, 0x0f}});
    for (std::uint64_t i = 0; i < 300; ++i) // 21.3 ms each, over the wrap of the PTS
        ts.pes(k_audio, (media::k_pts_wrap - 100 * 1920 + i * 1920) % media::k_pts_wrap, Bytes(30));
    const Recorder seen = scan(ts.bytes);
    CHECK(seen.cuts.size() == 7); // 6.4 s
}

TEST_CASE("media: the PCR is read whole, at the wrap too") {
    CHECK(rc::check("round trip", [] {
        const auto pcr = *rc::gen::inRange<std::uint64_t>(0, media::k_pcr_wrap);
        Builder ts = with_h264();
        ts.pes(k_video, 0, h264_picture(0x41), {.pcr = pcr});
        ts.pes(k_video, 0, h264_picture(0x41), {.pcr = media::k_pcr_wrap - 1});
        const Recorder seen = scan(ts.bytes);
        RC_ASSERT(seen.pcrs == (std::vector<std::uint64_t>{pcr, media::k_pcr_wrap - 1}));
    }));
}

TEST_CASE("media: lost packets are counted and do not make key frames") {
    Builder ts = with_h264();
    ts.pes(k_video, 1, h264_picture(0x65, 1000));
    Bytes bytes = ts.bytes;
    bytes.erase(bytes.begin() + 188 * 4, bytes.begin() + 188 * 5); // inside the picture
    Recorder seen;
    media::TsScanner scanner(&seen);
    scanner.feed(bytes);
    CHECK(scanner.counters().continuity_errors == 1);
    CHECK(seen.cuts.size() == 1); // it was decided before the loss

    bytes = ts.bytes;
    bytes.insert(bytes.begin() + 188 * 4, bytes.begin() + 188 * 3, bytes.begin() + 188 * 4);
    media::TsScanner twice;
    twice.feed(bytes);
    CHECK(twice.counters().continuity_errors == 0); // one repetition is allowed
}

TEST_CASE("media: broken tables are counted and not believed") {
    Builder ts;
    ts.pat();
    ts.bytes[10] ^= 1;
    ts.pat();
    ts.pmt({{k_video, 0x1b}});
    Recorder seen;
    media::TsScanner scanner(&seen);
    scanner.feed(ts.bytes);
    CHECK(scanner.counters().section_errors == 1);
    CHECK(seen.programs.size() == 1);

    Builder long_table; // a section longer than is allowed
    long_table.packet(0, true, Bytes{0, 0x00, 0xbf, 0xff, 0, 1, 0xc1, 0, 0});
    media::TsScanner bounded;
    bounded.feed(long_table.bytes);
    CHECK(bounded.counters().section_errors == 1);
}

TEST_CASE("media: a table over many packets is put together") {
    Builder ts;
    ts.pat();
    Bytes body{0xe0 | k_video >> 8U, k_video & 0xffU, 0xf1, 0x2c}; // 300 bytes of descriptors
    body.resize(body.size() + 300, 0x01);
    body.insert(body.end(), {0x1b, 0xe0 | k_video >> 8U, k_video & 0xffU, 0xf0, 0});
    Bytes section = Builder::section(2, 1, body);
    section.insert(section.begin(), 0);
    const std::span<const std::uint8_t> all{section};
    ts.packet(Builder::k_pmt, true, all.first(184));
    ts.packet(Builder::k_pmt, false, all.subspan(184));
    const Recorder seen = scan(ts.bytes);
    REQUIRE(seen.programs.size() == 1);
    CHECK(seen.programs[0].video_pid == k_video);
}

TEST_CASE("media: the scanner finds its way back after garbage, with true positions") {
    Builder ts = with_h264();
    ts.pes(k_video, 77, h264_picture(0x65, 900));
    ts.pes(k_video, 78, h264_picture(0x41, 900));
    const Recorder clean = scan(ts.bytes);
    CHECK(rc::check("garbage before", [&] {
        auto garbage = *rc::gen::container<Bytes>(rc::gen::arbitrary<std::uint8_t>());
        std::ranges::replace(garbage, 0x47, 0x48);
        const std::size_t before = garbage.size();
        garbage.insert(garbage.end(), ts.bytes.begin(), ts.bytes.end());
        const auto chunk = *rc::gen::inRange<std::size_t>(1, 600);
        Recorder seen;
        media::TsScanner scanner(&seen);
        for (std::size_t at = 0; at < garbage.size(); at += chunk)
            scanner.feed(std::span{garbage}.subspan(at, std::min(chunk, garbage.size() - at)));
        RC_ASSERT(scanner.counters().garbage_bytes == before);
        RC_ASSERT(scanner.counters().bytes == garbage.size());
        RC_ASSERT(seen.packets.size() == clean.packets.size());
        RC_ASSERT(seen.cuts.size() == clean.cuts.size());
        RC_ASSERT(seen.cuts[0].position == before);
    }));
}

TEST_CASE("media: any split of the input gives the same") {
    Builder ts = with_h264();
    for (std::uint64_t i = 0; i < 5; ++i)
        ts.pes(k_video, i, h264_picture(i % 2 == 0 ? 0x65 : 0x41, 300), {.pcr = i * 900'000});
    const Recorder whole = scan(ts.bytes, ts.bytes.size());
    for (const std::size_t chunk : {1U, 7U, 187U, 188U, 189U, 376U, 1000U}) {
        const Recorder split = scan(ts.bytes, chunk);
        CHECK(split.packets.size() == whole.packets.size());
        CHECK(split.pcrs == whole.pcrs);
        REQUIRE(split.cuts.size() == whole.cuts.size());
        for (std::size_t i = 0; i < whole.cuts.size(); ++i)
            CHECK(split.cuts[i].position == whole.cuts[i].position);
    }
}

TEST_CASE("media: nothing that is fed breaks the scanner") {
    Builder good = with_h264();
    for (std::uint64_t i = 0; i < 8; ++i)
        good.pes(k_video, i, h264_picture(0x65, 400), {.pcr = i});
    CHECK(rc::check("random bytes", [](const Bytes &bytes) {
        Recorder seen;
        media::TsScanner scanner(&seen);
        scanner.feed(bytes);
        RC_ASSERT(scanner.counters().bytes == bytes.size());
    }));
    CHECK(rc::check("damaged streams", [&] {
        Bytes bytes = good.bytes;
        const auto hits = *rc::gen::inRange<std::size_t>(1, 60);
        for (std::size_t i = 0; i < hits; ++i)
            bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] =
                *rc::gen::arbitrary<std::uint8_t>();
        bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size()));
        Recorder seen;
        media::TsScanner scanner(&seen);
        const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
        scanner.feed(std::span{bytes}.first(cut));
        scanner.feed(std::span{bytes}.subspan(cut));
        RC_ASSERT(scanner.counters().bytes == bytes.size());
        for (const media::TsCut &c : seen.cuts)
            RC_ASSERT(c.position <= c.access_position && c.access_position < bytes.size());
    }));
}
