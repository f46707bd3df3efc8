#include "push/preflight.hpp"

#include "media/srt_socket.hpp"
#include "wire/lists.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace push {

namespace {

constexpr double k_enough = 0.95; // of the reserved rate
constexpr base::Millis k_clock_warning{1000};
constexpr base::Millis k_gop_slack{100}; // a frame or two
constexpr std::int64_t k_payload = media::k_srt_payload_bytes;

double mbit(base::BitRate rate) {
    return static_cast<double>(rate.bps) / 1e6;
}

double ms(std::int64_t us) {
    return static_cast<double>(us) / 1e3;
}

std::string clock_text(base::Millis offset) {
    return fmt::format("{} ms {} control's", std::chrono::abs(offset).count(),
                       offset > base::Millis{0} ? "behind" : "ahead of");
}

} // namespace

// Pictures may come in another order than they are shown, key frames do not; what goes back, or
// further ahead than any programme's do, is a jump of its clock.
void KeyFrames::add(const media::TsCut &cut) {
    constexpr std::uint64_t k_jump = 60 * 90'000;
    if (!cut.pts_90k)
        return;
    if (m_last) {
        const std::uint64_t apart =
            (*cut.pts_90k + media::k_pts_wrap - *m_last) % media::k_pts_wrap;
        if (apart > 0 && apart < k_jump)
            m_longest = std::max(m_longest.value_or(base::Millis{0}),
                                 base::Millis{static_cast<std::int64_t>(apart / 90)});
    }
    m_last = cut.pts_90k;
}

base::BitRate PreflightReport::usable() const {
    const std::int64_t arrived =
        std::max<std::int64_t>(0, status.bytes - status.dropped_packets * k_payload);
    return {lasted > base::Millis{0} ? arrived * 8 * 1000 / lasted.count() : 0};
}

double PreflightReport::loss_percent() const {
    const std::int64_t sent = status.bytes / k_payload + status.retransmitted_packets;
    if (sent <= 0)
        return 0;
    const double loss =
        100.0 * static_cast<double>(status.lost_packets) / static_cast<double>(sent);
    return std::min(100.0, std::round(loss * 100) / 100);
}

std::vector<std::string> PreflightReport::problems(const PreflightTerms &terms) const {
    std::vector<std::string> out;
    if (static_cast<double>(usable().bps) < k_enough * static_cast<double>(terms.rate.bps))
        out.push_back(fmt::format("the line carries {:.2f} of the {:.2f} Mbit/s reserved",
                                  mbit(usable()), mbit(terms.rate)));
    if (status.dropped_packets > 0)
        out.push_back(
            fmt::format("{} lost packets were too late to be sent again", status.dropped_packets));
    if (status.reconnects > 0)
        out.push_back(fmt::format("the connection broke {} times", status.reconnects));
    if (!key_frames)
        out.emplace_back("the programme shows no two key frames");
    else if (*key_frames > base::Seconds{terms.max_gop_s} + k_gop_slack)
        out.push_back(fmt::format("the programme's key frames are {:.2f} s apart, {} s at most are "
                                  "taken well",
                                  static_cast<double>(key_frames->count()) / 1e3, terms.max_gop_s));
    if (std::chrono::abs(clock_offset) > k_clock_warning)
        out.push_back("this machine's clock is " + clock_text(clock_offset));
    return out;
}

wire::Json to_json(const PreflightReport &r, const PreflightTerms &terms) {
    const auto problems = r.problems(terms);
    wire::JsonObject out{{"type", "preflight"},
                         {"v", 1},
                         {"time", base::format_rfc3339(r.at)},
                         {"reservation", terms.reservation.text()},
                         {"ok", problems.empty()},
                         {"problems", wire::to_array(problems)},
                         {"carrier", r.status.carrier},
                         {"interface", r.status.interface},
                         {"duration_ms", r.lasted.count()},
                         {"bytes", r.status.bytes},
                         {"rtt_us", r.status.rtt_us},
                         {"rtt_max_us", r.rtt_max_us},
                         {"lost_packets", r.status.lost_packets},
                         {"retransmitted_packets", r.status.retransmitted_packets},
                         {"dropped_packets", r.status.dropped_packets},
                         {"loss_percent", r.loss_percent()},
                         {"reconnects", r.status.reconnects},
                         {"usable_rate_bps", r.usable().bps},
                         {"reserved_rate_bps", terms.rate.bps},
                         {"max_key_frame_interval_ms", terms.max_gop_s * 1000},
                         {"clock_offset_ms", r.clock_offset.count()}};
    if (r.key_frames)
        out["key_frame_interval_ms"] = r.key_frames->count();
    return out;
}

std::string table_of(const PreflightReport &r, const PreflightTerms &terms) {
    std::string out;
    const auto row = [&](std::string_view name, const std::string &value) {
        out += fmt::format("{:20} {}\n", name, value);
    };
    row("carrier", fmt::format("{}, interface {}", r.status.carrier, r.status.interface));
    row("round trip",
        fmt::format("{:.1f} ms, at most {:.1f} ms", ms(r.status.rtt_us), ms(r.rtt_max_us)));
    row("loss", fmt::format("{:.2f} % ({} packets, {} not made good)", r.loss_percent(),
                            r.status.lost_packets, r.status.dropped_packets));
    row("usable rate", fmt::format("{:.2f} of {:.2f} Mbit/s", mbit(r.usable()), mbit(terms.rate)));
    row("key frames", r.key_frames ? fmt::format("{:.2f} s apart, at most {} s",
                                                 static_cast<double>(r.key_frames->count()) / 1e3,
                                                 terms.max_gop_s)
                                   : "none seen");
    row("clock", clock_text(r.clock_offset));
    const auto problems = r.problems(terms);
    row("verdict", problems.empty() ? "all is well" : "not as it should be");
    for (const std::string &problem : problems)
        row("", problem);
    return out;
}

} // namespace push
