// The part of the reader that tries the line before the event.
#include "push/reader.hpp"

#include "base/log.hpp"

namespace push {

using namespace std::chrono_literals;
using base::Errc;
using base::fail_hint;
using base::Result;
using base::SteadyTime;

namespace {
constexpr auto k_connect = 15s; // what the sender gets to find the relay
}

PreflightTerms Reader::terms() const {
    return {.reservation = m_options.reservation,
            .rate = m_hello->max_rate,
            .max_gop_s = m_hello->max_gop_s};
}

Result<Outcome> Reader::try_line() {
    TRY(await_hello());
    if (!over())
        TRY(check_preflight());
    if (!over())
        TRY(open());
    if (!over())
        TRY(offer_pipe());
    if (!over())
        TRY(await_live());
    const SteadyTime begun = m_clock.steady();
    if (!over()) {
        // For as long as it lasts, it is the programme.
        m_hello->window.start = m_clock.now();
        m_hello->window.end = m_clock.now() + *m_options.preflight;
        TRY(begin());
        TRY(stream());
    }
    const auto lasted = std::chrono::floor<base::Millis>(m_clock.steady() - begun);
    const auto key_frames = m_pump ? m_pump->key_frames() : std::nullopt;
    TRY(finish());
    Outcome out{.signal = m_signal, .preflight = {}};
    if (!m_signal)
        out.preflight = {.terms = terms(),
                         .report = {.at = m_clock.now(),
                                    .lasted = lasted,
                                    .status = m_status,
                                    .rtt_max_us = m_rtt_max_us,
                                    .key_frames = key_frames,
                                    .clock_offset = m_clock.wall_offset()}};
    return out;
}

Result<void> Reader::check_preflight() const {
    if (m_clock.now() >= m_hello->window.opens())
        return fail_hint(Errc::refused, "leave --preflight out: the event can be sent",
                         "a preflight comes before the window, which opened at {}",
                         base::format_rfc3339(m_hello->window.opens()));
    if (!m_hello->preflight)
        return fail_hint(Errc::not_permitted, preflight_hint(),
                         "the settings of {} have no preflight ticket",
                         m_options.reservation.text());
    return {};
}

std::string Reader::preflight_hint() const {
    return fmt::format("resv-request settings {} --preflight | resv-store add, then run it again "
                       "within some minutes",
                       m_options.reservation.text());
}

Result<void> Reader::await_live() {
    const SteadyTime until = m_clock.steady() + k_connect;
    while (!over() && m_status.state != "live") {
        if (m_clock.steady() >= until)
            return fail_hint(
                Errc::unavailable, "carrier-connect up asks the relay through the line",
                "the relay was not reached in {} s{}{}", std::chrono::seconds(k_connect).count(),
                m_last_trouble.empty() ? "" : ": ", m_last_trouble);
        TRY(wait({}, until));
    }
    return {};
}

} // namespace push
