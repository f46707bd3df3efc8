#include "push/sender_rules.hpp"

#include "media/rtp_ts.hpp"
#include "seal/ticket.hpp"

namespace push {

namespace {

constexpr base::Millis k_clean_at_first{500};
constexpr base::Millis k_clean_after_loss{10'000};

} // namespace

SenderPhase phase_at(const wire::SenderPlan &plan, base::UtcTime now) {
    const resv::Window &w = plan.window;
    if (plan.cancelled || now >= w.closes())
        return SenderPhase::over;
    if (now >= w.end)
        return SenderPhase::draining;
    if (now >= w.start)
        return SenderPhase::programme;
    return now >= w.opens() ? SenderPhase::lead_in : SenderPhase::waiting;
}

base::UtcTime next_phase_at(const wire::SenderPlan &plan, base::UtcTime now) {
    const resv::Window &w = plan.window;
    for (const base::UtcTime at : {w.opens(), w.start, w.end, w.closes()})
        if (now < at)
            return at;
    return base::UtcTime::max();
}

namespace {
// Its timers are those of repeats, after a round trip and some 20 ms at the least, and slower ones.
constexpr base::Millis k_idle_look{30};
} // namespace

base::Result<media::SrtCall> call_over(const wire::SenderPath &path, base::BitRate max_rate,
                                       const std::array<std::uint8_t, 8> &instance,
                                       unsigned number) {
    media::SrtCall call;
    call.to = {.host = path.relay.host, .port = path.relay.port};
    call.source = call.to.is_v6() ? path.source6 : path.source4;
    call.interface = path.interface;
    // For IPv6 the kernel may pick the address of another interface.
    if (call.source.empty() && (call.to.is_v6() || call.interface.empty()))
        return base::fail(base::Errc::config, "carrier {} has no address to send from to {}",
                          path.carrier, call.to.text());
    call.stream_id =
        seal::format_stream_id({.ticket = path.ticket, .instance = instance, .path = number});
    call.passphrase = path.passphrase;
    call.key_bytes = static_cast<int>(path.pbkeylen);
    call.latency = base::Millis{path.latency_ms};
    call.payload_bytes = static_cast<int>(media::k_rtp_message_bytes);
    call.max_bytes_per_second = ceiling_bytes(max_rate);
    call.idle_look = k_idle_look;
    return call;
}

std::int64_t ceiling_bytes(base::BitRate max_rate) {
    return (max_rate.bps + max_rate.bps / 4 + 100'000) / 8;
}

wire::SenderHello hello_of(const wire::SenderPlan &plan) {
    return {.reservation = plan.reservation,
            .window = plan.window,
            .clock_offset_ms = plan.clock_offset_ms,
            .max_rate = plan.max_rate,
            .codecs = plan.codecs,
            .max_gop_s = plan.max_gop_s,
            .preflight = !plan.preflight_ticket.empty(),
            .lines = plan.lines};
}

bool same_terms(const wire::SenderPlan &a, const wire::SenderPlan &b) {
    return a.window == b.window && a.clock_offset_ms == b.clock_offset_ms &&
           a.max_rate == b.max_rate && a.codecs == b.codecs && a.max_gop_s == b.max_gop_s &&
           a.preflight_ticket == b.preflight_ticket && a.lines == b.lines;
}

namespace {
constexpr double k_peak = 1.15; // of the rate, while a burst is spread
constexpr double k_at_once_s = std::chrono::duration<double>(k_at_once).count();
} // namespace

SenderGate::SenderGate(base::BitRate rate)
    : m_rate(rate), m_bucket(static_cast<double>(rate.bps) / 8 * k_peak,
                             std::max(static_cast<double>(rate.bps) / 8 * k_at_once_s,
                                      4.0 * static_cast<double>(media::k_srt_payload_bytes))) {}

bool SenderGate::pass(std::size_t bytes, base::SteadyTime now) {
    const auto second = static_cast<std::uint64_t>(m_rate.bps / 8);
    const std::uint64_t most = std::max<std::uint64_t>(second + second / 20, bytes);
    if (m_meter.last_second(now) + bytes > most || !m_bucket.take(now, static_cast<double>(bytes)))
        return false;
    m_meter.add(now, bytes);
    return true;
}

bool LossBrake::on(std::int64_t repeated, base::SteadyTime now) {
    if (!m_clean_since || repeated > m_repeated) {
        m_wait = m_clean_since ? k_clean_after_loss : k_clean_at_first;
        m_clean_since = now;
        m_repeated = repeated;
    }
    return now - *m_clean_since < m_wait;
}

} // namespace push
