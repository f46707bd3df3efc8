#include "media/ts_judge.hpp"

#include "media/encoder_choice.hpp"

#include <algorithm>
#include <poll.h>

namespace media {

namespace {

using namespace std::chrono_literals;
using base::Result;

constexpr std::uint64_t k_longest_step = 3ULL * 27'000'000; // a longer one is another timeline
constexpr double k_over = 1.05;                             // of the rate, for good
constexpr double k_most_behind_s = 1.0;
constexpr auto k_frames = 100ms;    // what key frames may come late
constexpr auto k_no_frames = 500ms; // the same, where the next one was not seen yet
constexpr std::uint64_t k_longest_gop = 60ULL * 90'000; // a jump of the clock is longer

double seconds(TsJudge::Duration d) {
    return std::chrono::duration<double>(d).count();
}

} // namespace

void TsJudge::blame(std::string fault) {
    if (!m_fault)
        m_fault = std::move(fault);
}

void TsJudge::program(const TsProgram &program) {
    m_has_video = program.video_pid != 0;
    const std::string_view sound =
        choose_sound_codec(m_terms.codecs); // of settings without any, too
    for (const TsCodec codec : {program.video, program.audio})
        if (codec != TsCodec::none && !m_terms.allows(name(codec)) && name(codec) != sound)
            blame(fmt::format("{} may not be sent", name(codec)));
}

void TsJudge::clock(std::uint64_t position, std::uint64_t pcr, bool discontinuity) {
    const std::uint64_t bytes = position - std::exchange(m_last_position, position);
    const auto before = std::exchange(m_last_pcr, pcr);
    if (!before || discontinuity)
        return;
    const std::uint64_t step = (pcr + k_pcr_wrap - *before) % k_pcr_wrap;
    if (step > k_longest_step)
        return;
    const Duration span{static_cast<std::int64_t>(step * 1000 / 27)};
    m_now += span;
    weigh(bytes, span);
    const auto gop = std::chrono::seconds{m_terms.max_gop_s};
    if (m_has_video && since_cut() > gop + k_no_frames)
        blame(fmt::format("its key frames are more than {} s apart", m_terms.max_gop_s));
}

void TsJudge::weigh(std::uint64_t bytes, Duration span) {
    const double bits = static_cast<double>(bytes) * 8;
    const auto reserved = static_cast<double>(m_terms.max_rate.bps);
    m_behind += bits / (reserved * k_over) - seconds(span);
    if (m_behind <= 0) {
        m_behind = m_heavy_s = m_heavy_bits = 0;
        return;
    }
    m_heavy_s += seconds(span);
    m_heavy_bits += bits;
    if (m_behind > k_most_behind_s && m_heavy_s > 0)
        blame(fmt::format("it has {:.2f} Mbit/s, more than the {:.2f} Mbit/s reserved",
                          m_heavy_bits / m_heavy_s / 1e6, reserved / 1e6));
}

void TsJudge::cut(const TsCut &cut) {
    m_last_cut = m_now;
    const auto before = std::exchange(m_cut_pts, cut.pts_90k);
    if (!m_has_video || !before || !cut.pts_90k)
        return;
    const std::uint64_t apart = (*cut.pts_90k + k_pts_wrap - *before) % k_pts_wrap;
    const auto limit = std::chrono::seconds{m_terms.max_gop_s} + k_frames;
    if (apart < k_longest_gop && std::chrono::milliseconds{apart / 90} > limit)
        blame(fmt::format("its key frames are {:.1f} s apart, {} s at most are taken",
                          static_cast<double>(apart) / 90'000, m_terms.max_gop_s));
}

Result<std::optional<std::string>> judge_input(TsInput &input, const StreamTerms &terms,
                                               std::chrono::milliseconds patience) {
    JudgeListener listener(terms);
    const TsJudge &judge = listener.judge();
    TsScanner scanner(&listener);
    std::vector<std::uint8_t> bytes;
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!judge.fault() && std::chrono::steady_clock::now() < until) {
        bytes.clear();
        const auto state = TRY(input.read(bytes));
        scanner.feed(bytes);
        if (state == TsInput::State::end || input.encodes())
            break;
        if (state == TsInput::State::nothing_yet) {
            constexpr int k_look_ms = 100;
            pollfd waiting{input.fd(), POLLIN, 0};
            ::poll(&waiting, 1, k_look_ms);
        }
    }
    return judge.fault();
}

} // namespace media
