#include "push/reader.hpp"

#include "base/log.hpp"
#include "media/srt_socket.hpp"
#include "wire/ingest_refusal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>

namespace push {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;

namespace {

using namespace std::chrono_literals;
constexpr auto k_stats_every = 900ms; // or at the sender's next second
constexpr std::int64_t k_payload = media::k_srt_payload_bytes;

} // namespace

Result<base::MessageSocket> sender_from_environment() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody calls setenv
    const char *text = std::getenv(wire::k_sender_fd_variable);
    constexpr const char *k_hint = "carrier-connect exec ID -- push-stream ID INPUT";
    if (text == nullptr || *text == '\0')
        return fail_hint(Errc::not_permitted, k_hint,
                         "there is no sender: {} is not set (media leaves only through a carrier)",
                         wire::k_sender_fd_variable);
    int fd = -1;
    const char *end = text + std::strlen(text);
    if (const auto [rest, error] = std::from_chars(text, end, fd);
        error != std::errc{} || rest != end || fd < 3 || ::fcntl(fd, F_GETFD) < 0)
        return fail_hint(Errc::not_permitted, k_hint, "there is no sender: {} is '{}'",
                         wire::k_sender_fd_variable, text);
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return base::MessageSocket{base::Fd{fd}};
}

Result<void> Reader::take_messages() {
    for (;;) {
        auto message = m_sender.receive();
        if (!message) {
            if (message.error().code != Errc::unavailable)
                return std::unexpected(std::move(message).error());
            return std::unexpected(gone());
        }
        if (!*message)
            return {};
        const auto content = wire::read_message((*message)->text);
        if (!content)
            return fail(Errc::protocol, "the sender: {}", content.error().message);
        if (const auto *hello = std::get_if<wire::SenderHello>(&*content))
            TRY(on_hello(*hello));
        else if (const auto *status = std::get_if<wire::SenderStatus>(&*content))
            TRY(on_status(*status));
        else
            return fail(Errc::protocol, "the sender: a message that it does not send");
    }
}

Result<void> Reader::on_hello(const wire::SenderHello &hello) {
    if (hello.reservation != m_options.reservation)
        return fail_hint(Errc::bad_data, "give both commands the same ID",
                         "the carrier was connected for reservation {}, not {}",
                         hello.reservation.text(), m_options.reservation.text());
    if (m_hello && !m_options.preflight && hello.window.end != m_hello->window.end) {
        m_line.clear();
        base::log::info("the reservation now ends at {}", base::format_rfc3339(hello.window.end));
    }
    const auto trial =
        m_pump && m_options.preflight ? std::optional{m_hello->window} : std::nullopt;
    m_hello = hello;
    if (trial) // it goes on whatever becomes of the event
        m_hello->window = *trial;
    m_clock.set_offset(base::Millis{hello.clock_offset_ms});
    return {};
}

// What is encoded here follows what the line takes.
void Reader::adapt(const wire::SenderStatus &status) {
    m_interrupted = m_interrupted || status.state != "live";
    if (!m_pump || !m_pump->encodes() || m_options.preflight || status.state != "live")
        return;
    if (!m_control)
        m_control.emplace(m_terms.max_rate);
    using Restart = RateControl::Restart;
    if (const bool other = m_adapted_to != status.carrier; other || m_interrupted)
        m_control->restart(other ? Restart::other_line : Restart::same_line);
    m_adapted_to = status.carrier;
    m_interrupted = false;
    const base::BitRate before = m_control->rate();
    const LineState line{.queue_ms = status.queue_ms,
                         .rtt_us = status.rtt_us,
                         .sent_packets = status.bytes / k_payload,
                         .retransmitted_packets = status.retransmitted_packets,
                         .dropped_packets = status.dropped_packets};
    const auto rate = m_control->take(line, m_clock.steady());
    if (!rate)
        return;
    m_pump->hold_to(*rate);
    const bool fell = *rate < before && before == m_terms.max_rate;
    if (!fell && *rate != m_terms.max_rate)
        return;
    m_line.clear();
    if (fell)
        base::log::warning("the line does not take {:.2f} Mbit/s: less is encoded, until it does",
                           static_cast<double>(before.bps) / 1e6);
    else
        base::log::info("the line takes {:.2f} Mbit/s again", static_cast<double>(rate->bps) / 1e6);
}

Result<void> Reader::on_status(const wire::SenderStatus &status) {
    const bool other_reason =
        wire::refusal_name(status.detail) != wire::refusal_name(m_status.detail);
    const bool changed = status.state != m_status.state || status.carrier != m_status.carrier ||
                         (status.state == "refused" && other_reason);
    const bool news = changed || status.detail != m_status.detail ||
                      m_clock.steady() - m_told_at >= k_stats_every;
    m_status = status;
    if (!status.detail.empty())
        m_last_trouble = status.detail;
    m_rtt_max_us = std::max(m_rtt_max_us, status.rtt_us);
    adapt(status);
    if (news)
        m_told_at = m_clock.steady();
    if (news && !m_options.no_stats)
        m_stats.write(stats_record(status, m_options.reservation, m_clock.now(),
                                   m_hello ? std::optional{m_hello->window.end} : std::nullopt,
                                   m_control ? std::optional{m_control->rate()} : std::nullopt));
    if (status.state == "refused" && m_options.preflight && !m_finishing &&
        !wire::is_passing(status.detail))
        return fail_hint(Errc::refused, preflight_hint(), "the relay refused the preflight: {}",
                         status.detail);
    // The relay may know of an end before carrier-connect does.
    if (status.state == "refused" && m_hello && status.bytes > 0 &&
        status.detail == wire::name(wire::IngestRefusal::ended)) {
        m_hello->window.end = std::min(m_hello->window.end, m_clock.now());
        m_ended = true;
        base::log::info("the relay says that the event has ended");
        return {};
    }
    if (status.state == "refused" && !m_finishing && !wire::is_passing(status.detail))
        return fail_hint(Errc::refused, refusal_hint(status.detail),
                         "the relay refused the stream{}{}", status.detail.empty() ? "" : ": ",
                         status.detail);
    if (status.state == "ended")
        m_ended = true;
    if (!changed || m_finishing)
        return {};
    m_line.clear();
    if (status.state == "live")
        base::log::info("live over {}", status.carrier);
    else if (status.state == "lost")
        base::log::warning("the connection over {} is lost: {}; the sender tries again",
                           status.carrier, status.detail);
    else if (status.state == "refused")
        base::log::warning("the relay refuses the stream for now: {} ({})", status.detail,
                           refusal_hint(status.detail));
    return {};
}

base::Error Reader::gone() const {
    return {Errc::unavailable, "the sender is gone",
            "carrier-connect's own messages say why; run it again to go on"};
}

// What helps against a refusal, by the relay's reason (relay-serve(8)).
std::string Reader::refusal_hint(std::string_view detail) const {
    const std::string id = m_options.reservation.text();
    using wire::IngestRefusal;
    if (detail == wire::name(IngestRefusal::busy) && m_options.preflight)
        return "another preflight of this reservation runs";
    if (detail == wire::name(IngestRefusal::busy))
        return fmt::format("another program publishes with this ticket: stop it, or take over with "
                           "resv-request settings {} --new-generation",
                           id);
    if (detail == wire::name(IngestRefusal::bad_ticket) ||
        detail == wire::name(IngestRefusal::wrong_relay))
        return fmt::format("fetch the settings again: resv-request settings {} | resv-store add",
                           id);
    if (detail == wire::name(IngestRefusal::over_rate) && m_hello)
        return fmt::format("more than the reserved {:.2f} Mbit/s came and it closed: encode less",
                           static_cast<double>(m_hello->max_rate.bps) / 1e6);
    const bool early = wire::refusal_name(detail) == wire::name(IngestRefusal::too_early);
    if (early && m_options.preflight)
        return preflight_hint();
    if (early)
        return fmt::format("the sender tries on; if the settings say something else, they are old: "
                           "resv-request settings {} | resv-store add",
                           id);
    return fmt::format("resv-request show {} tells the state of the reservation", id);
}

} // namespace push
