#include "media/rtp_ts.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace {

std::vector<std::uint8_t> message(std::size_t packets, std::uint16_t sequence = 0xfffe) {
    const auto header =
        media::write_rtp({.sequence = sequence, .timestamp = 0x01020304, .source = 0xdeadbeef});
    std::vector<std::uint8_t> out(header.begin(), header.end());
    out.resize(out.size() + packets * media::k_ts_packet_bytes, 0x55);
    for (std::size_t i = header.size(); i < out.size(); i += media::k_ts_packet_bytes)
        out[i] = 0x47;
    return out;
}

} // namespace

TEST_CASE("media: TS in RTP is read as it was written") {
    for (std::size_t packets = 0; packets <= 7; ++packets) {
        const auto bytes = message(packets);
        const auto rtp = media::read_rtp_ts(bytes);
        REQUIRE(rtp.has_value());
        CHECK(rtp->header.sequence == 0xfffe);
        CHECK(rtp->header.timestamp == 0x01020304);
        CHECK(rtp->header.source == 0xdeadbeef);
        CHECK(rtp->packets.size() == packets * 188);
    }
    // RFC 3550, 5.1: version 2 and nothing else; RFC 3551: payload type 33.
    CHECK(message(0)[0] == 0x80);
    CHECK(message(0)[1] == 33);
}

TEST_CASE("media: what is no TS in RTP is told from it") {
    const auto refused = [](std::size_t at, std::uint8_t value, std::size_t packets = 7) {
        auto bytes = message(packets);
        bytes.at(at) = value;
        return !media::read_rtp_ts(bytes);
    };
    CHECK(refused(0, 0x47));       // plain TS
    CHECK(refused(0, 0x90));       // an extension
    CHECK(refused(0, 0x81));       // a contributor
    CHECK(refused(1, 0x80U | 33)); // a marker
    CHECK(refused(1, 96));
    CHECK(refused(12, 0x46));
    CHECK(refused(12 + 188 * 6, 0));
    CHECK_FALSE(media::read_rtp_ts(message(8)));
    auto cut = message(7);
    cut.pop_back();
    CHECK_FALSE(media::read_rtp_ts(cut));
    CHECK_FALSE(media::read_rtp_ts({}));
    CHECK_FALSE(media::read_rtp_ts(std::span{cut}.first(11)));
}

TEST_CASE(
    "media: a full payload of plain TS is never taken for a numbered one, wherever it begins") {
    CHECK(rc::check("plain", [](std::array<std::uint8_t, 32> beginning) {
        std::vector<std::uint8_t> plain(media::k_srt_payload_bytes, 0x47);
        std::ranges::copy(beginning, plain.begin());
        RC_ASSERT(!media::read_rtp_ts(plain));
    }));
}
