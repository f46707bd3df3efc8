#include "media/ts_restamp.hpp"

#include "media_ts_builder.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace ts_test;

namespace {

// Joins passes of one stream, as the pump does.
class Joiner final : public media::TsListener {
  public:
    Bytes out;
    void pass(const Bytes &bytes) {
        if (!out.empty())
            m_restamper.next_pass();
        m_bytes = &bytes;
        media::TsScanner scanner(this);
        scanner.feed(bytes);
    }
    void on_packet(const media::TsPacket &packet) override {
        const auto from = m_bytes->begin() + static_cast<std::ptrdiff_t>(packet.position);
        out.insert(out.end(), from, from + media::k_ts_packet_bytes);
        m_restamper.packet(std::span{out}.last<media::k_ts_packet_bytes>(), packet);
    }
    void on_pcr(const media::TsPacket & /*packet*/, std::uint64_t pcr) override {
        (void)m_restamper.clock(pcr);
    }

  private:
    media::TsRestamper m_restamper;
    const Bytes *m_bytes = nullptr;
};

} // namespace

TEST_CASE("media: passes of a loop join without a gap, at the wrap of the clocks too") {
    CHECK(rc::check("one timeline", [] {
        const auto begin = *rc::gen::inRange<std::uint64_t>(0, media::k_pcr_wrap) / 300 * 300;
        Builder ts;
        ts.pat();
        ts.pmt({{k_video, 0x1b}, {k_audio, 0x0f}});
        for (std::uint64_t i = 0; i < 4; ++i) {
            const std::uint64_t pcr = (begin + i * 1'080'000) % media::k_pcr_wrap; // 40 ms
            ts.pes(k_video, (pcr / 300 + 9'000) % media::k_pts_wrap, h264_picture(0x65, 300),
                   {.pcr = pcr});
            ts.pes(k_audio, (pcr / 300 + 9'000) % media::k_pts_wrap, Bytes(40));
        }
        Joiner joiner;
        for (int pass = 0; pass < 3; ++pass)
            joiner.pass(ts.bytes);
        RC_ASSERT(std::equal(ts.bytes.begin(), ts.bytes.end(), joiner.out.begin()));
        Recorder seen;
        media::TsScanner scanner(&seen);
        scanner.feed(joiner.out);
        RC_ASSERT(scanner.counters().continuity_errors == 0U);
        RC_ASSERT(seen.pcrs.size() == 12U);
        RC_ASSERT(seen.cuts.size() == 12U);
        for (std::size_t i = 0; i < 12; ++i) {
            const std::uint64_t pcr = (begin + i * 1'080'000) % media::k_pcr_wrap;
            RC_ASSERT(seen.pcrs[i] == pcr);
            RC_ASSERT(*seen.cuts[i].pts_90k == (pcr / 300 + 9'000) % media::k_pts_wrap);
        }
    }));
}
