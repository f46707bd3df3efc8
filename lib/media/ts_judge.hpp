// Whether a transport stream keeps to what was reserved for it.
#pragma once

#include "base/result.hpp"
#include "media/stream_terms.hpp"
#include "media/ts_input.hpp"
#include "media/ts_scanner.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace media {

/// Told what a scanner finds, in stream order; pure. The rate may be 5 % over the reserved one for
/// good, which the sender lets through, and more than that for as long as it can be made up for
/// within a second; key frames may be max_gop_s apart, and a frame or two.
class TsJudge {
  public:
    using Duration = std::chrono::nanoseconds;

    explicit TsJudge(StreamTerms terms) : m_terms(std::move(terms)) {}

    void program(const TsProgram &program);
    /// A PCR in the packet at @p position, of a count of bytes that only grows.
    void clock(std::uint64_t position, std::uint64_t pcr_27m, bool discontinuity);
    void cut(const TsCut &cut);

    /// What it breaks, for people: "its key frames are 10.0 s apart, …"; the first that was found.
    [[nodiscard]] const std::optional<std::string> &fault() const { return m_fault; }
    /// The stream's own time since its last cut.
    [[nodiscard]] Duration since_cut() const { return m_now - m_last_cut; }

  private:
    void blame(std::string fault);
    void weigh(std::uint64_t bytes, Duration span);

    StreamTerms m_terms;
    bool m_has_video = false;
    std::optional<std::uint64_t> m_last_pcr;
    std::uint64_t m_last_position = 0;
    Duration m_now{0};      // the stream's own time
    Duration m_last_cut{0}; // when it was
    std::optional<std::uint64_t> m_cut_pts;
    double m_behind = 0;  // seconds that what came needs more than it may
    double m_heavy_s = 0; // since when it is behind: time, and bits of it
    double m_heavy_bits = 0;
    std::optional<std::string> m_fault;
};

/// A judge of what a scanner of its own reads.
class JudgeListener final : public TsListener {
  public:
    explicit JudgeListener(StreamTerms terms) : m_judge(std::move(terms)) {}
    [[nodiscard]] const TsJudge &judge() const { return m_judge; }
    void on_program(const TsProgram &program) override { m_judge.program(program); }
    void on_pcr(const TsPacket &packet, std::uint64_t pcr) override {
        m_judge.clock(packet.position, pcr, packet.discontinuity);
    }
    void on_cut(const TsCut &cut) override { m_judge.cut(cut); }

  private:
    TsJudge m_judge;
};

/// Reads @p input, which was started, for at most @p patience and tells what it breaks. Nothing:
/// nothing that was found, or its pictures are encoded here anyway. Errors: the input's.
[[nodiscard]] base::Result<std::optional<std::string>>
judge_input(TsInput &input, const StreamTerms &terms, std::chrono::milliseconds patience);

} // namespace media
