#include "media/ts_judge.hpp"

#include "media_ts_builder.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace ts_test;

namespace {

constexpr std::int64_t k_rate = 1'000'000;

// Pictures of @p filler bytes 40 ms apart, every @p gop of them a key frame.
Bytes stream(std::uint64_t pictures, std::uint64_t gop, std::size_t filler,
             std::uint64_t begin = 27'000'000) {
    Builder ts;
    for (std::uint64_t i = 0; i < pictures; ++i) {
        if (i % gop == 0) {
            ts.pat();
            ts.pmt({{k_video, 0x1b}, {k_audio, 0x0f}});
        }
        const std::uint64_t pcr = (begin + i * 1'080'000) % media::k_pcr_wrap;
        ts.pes(k_video, (pcr / 300 + 9'000) % media::k_pts_wrap,
               h264_picture(i % gop == 0 ? 0x65 : 0x41, filler), {.pcr = pcr});
    }
    return ts.bytes;
}

std::optional<std::string> fault_of(const Bytes &bytes, std::int64_t max_gop_s = 2,
                                    std::vector<std::string> codecs = {"h264", "aac"}) {
    media::JudgeListener judge({base::BitRate{k_rate}, max_gop_s, std::move(codecs)});
    media::TsScanner scanner(&judge);
    scanner.feed(bytes);
    return judge.judge().fault();
}

bool holds(const std::optional<std::string> &fault, std::string_view part) {
    return fault && fault->find(part) != std::string::npos;
}

std::int64_t rate_of(const Bytes &bytes, std::uint64_t pictures) {
    return static_cast<std::int64_t>(bytes.size() * 8 * 25 / pictures);
}

} // namespace

TEST_CASE("media: a stream within its rate is not blamed, one above it for good is") {
    CHECK(rc::check("by its rate", [] {
        const auto filler = *rc::gen::inRange<std::size_t>(1000, 12'000);
        const auto begin = *rc::gen::inRange<std::uint64_t>(0, media::k_pcr_wrap) / 300 * 300;
        constexpr std::uint64_t k_pictures = 1500; // a minute
        const Bytes bytes = stream(k_pictures, 25, filler, begin);
        const std::int64_t rate = rate_of(bytes, k_pictures);
        if (rate < k_rate * 104 / 100)
            RC_ASSERT_FALSE(fault_of(bytes).has_value());
        if (rate > k_rate * 108 / 100)
            RC_ASSERT(holds(fault_of(bytes), "Mbit/s, more than the 1.00 Mbit/s reserved"));
    }));
}

TEST_CASE("media: a burst that a second makes good is none") {
    Bytes bytes = stream(25, 25, 3'000);
    const Bytes burst =
        stream(10, 25, 9'000, 27'000'000 + 25 * 1'080'000); // 0.4 s of twice the rate
    bytes.insert(bytes.end(), burst.begin(), burst.end());
    CHECK_FALSE(fault_of(bytes).has_value());
    const Bytes more = stream(50, 25, 9'000, 27'000'000 + 35 * 1'080'000);
    bytes.insert(bytes.end(), more.begin(), more.end());
    CHECK(holds(fault_of(bytes), "reserved"));
}

TEST_CASE("media: key frames may be as far apart as was reserved, and no further") {
    CHECK_FALSE(fault_of(stream(150, 50, 500)).has_value());
    CHECK_FALSE(fault_of(stream(150, 52, 500)).has_value()); // a frame or two
    CHECK(holds(fault_of(stream(150, 56, 500)), "its key frames are 2.2 s apart, 2 s at most"));
    CHECK_FALSE(fault_of(stream(150, 75, 500), 3).has_value());
    // None at all: it is not waited for until the next one comes.
    CHECK(holds(fault_of(stream(64, 1000, 500)), "more than 2 s apart"));
    CHECK_FALSE(fault_of(stream(60, 1000, 500)).has_value());
}

TEST_CASE("media: only codecs that were reserved are not blamed") {
    CHECK(holds(fault_of(stream(5, 5, 500), 2, {"h265", "aac"}), "h264 may not be sent"));
    CHECK(holds(fault_of(stream(5, 5, 500), 2, {"h264", "opus"}), "aac may not be sent"));
    CHECK_FALSE(fault_of(stream(5, 5, 500), 2, {"h264"}).has_value()); // no sound is named
    CHECK(fault_of(Bytes(5000, 0x11)) == std::nullopt);
}

TEST_CASE("media: a jump of its clock is no fault of a stream") {
    Bytes bytes = stream(50, 25, 3'000);
    for (const std::uint64_t begin : {5'000'000'000ULL, 27'000'000ULL, 900'000'000'000ULL}) {
        const Bytes next = stream(50, 25, 3'000, begin);
        bytes.insert(bytes.end(), next.begin(), next.end());
    }
    CHECK_FALSE(fault_of(bytes).has_value());
}
