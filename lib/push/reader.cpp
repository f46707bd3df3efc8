#include "push/reader.hpp"

#include "base/log.hpp"
#include "wire/ingest.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace push {

using namespace std::chrono_literals;
using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;
using base::SteadyTime;

namespace {

constexpr auto k_hello_wait = 10s;
constexpr auto k_tick = 250ms;       // how soon an input's error shows while we wait for the start
constexpr auto k_finish_slack = 5s;  // beyond the drain time, for the sender's last word
constexpr auto k_stop_patience = 3s; // after a signal
constexpr auto k_warn_every = 10s;

// Refusals that pass by themselves: the sender tries again until they do.
bool is_passing(std::string_view detail) {
    using wire::IngestRefusal;
    return std::ranges::any_of(
        std::array{IngestRefusal::too_early, IngestRefusal::busy, IngestRefusal::unknown},
        [&](IngestRefusal refusal) { return detail == wire::name(refusal); });
}

// What helps against a refusal, by the relay's reason (relay-serve(8)).
std::string hint_for(std::string_view detail, std::string_view id) {
    using wire::IngestRefusal;
    if (detail == wire::name(IngestRefusal::busy))
        return fmt::format("another program publishes with this ticket: stop it, or take over with "
                           "resv-request settings {} --new-generation",
                           id);
    if (detail == wire::name(IngestRefusal::bad_ticket) ||
        detail == wire::name(IngestRefusal::wrong_relay))
        return fmt::format("fetch the settings again: resv-request settings {} | resv-store add",
                           id);
    return fmt::format("resv-request show {} tells the state of the reservation", id);
}

} // namespace

Result<base::MessageSocket> sender_from_environment() {
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

Reader::Reader(ReaderOptions options, base::MessageSocket sender, StatsWriter &stats,
               StopSource stop, const base::Clock &clock)
    : m_options(std::move(options)), m_sender(std::move(sender)), m_stats(stats),
      m_stop(std::move(stop)), m_clock(clock), m_line(m_options.progress) {}

Result<Outcome> Reader::run() {
    TRY(await_hello());
    if (!over())
        TRY(open());
    if (!over())
        TRY(await_start());
    if (!over()) {
        TRY(begin());
        TRY(stream());
    }
    TRY(finish());
    return Outcome{m_signal};
}

Result<void> Reader::await_hello() {
    const SteadyTime until = m_clock.steady() + k_hello_wait;
    while (!m_hello && !over()) {
        if (m_clock.steady() >= until)
            return fail(Errc::unavailable, "the sender has no plan after {} s",
                        std::chrono::seconds(k_hello_wait).count());
        TRY(wait({}, until));
    }
    return {};
}

Result<void> Reader::open() {
    if (m_clock.now() >= m_hello->window.end)
        return fail(Errc::refused, "reservation {} ended at {}", m_options.reservation.text(),
                    base::format_rfc3339(m_hello->window.end));
    m_terms = {m_hello->max_rate, m_hello->max_gop_s, m_hello->codecs};
    if (m_terms.codecs.empty())
        m_terms.codecs = {"h264", "h265", "aac"};
    m_input = TRY(open_input(m_options.input, m_terms));
    return m_input->prepare();
}

Result<void> Reader::await_start() {
    if (const auto left = m_hello->window.start - m_clock.now(); left > 0ms && !m_line.enabled())
        base::log::info("waiting for the start at {}, in {}",
                        base::format_rfc3339(m_hello->window.start), format_span(left));
    std::vector<std::uint8_t> nothing;
    while (!over() && m_clock.now() < m_hello->window.start) {
        TRY(m_input->read(nothing)); // before its start an input has only errors to tell
        m_line.show(countdown_line(m_hello->window.start - m_clock.now()));
        TRY(wait({},
                 std::min(m_clock.steady() + k_tick, m_clock.steady_at(m_hello->window.start))));
    }
    return {};
}

Result<void> Reader::begin() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::fail_errno("make", "pipe");
    base::Fd reading{ends[0]};
    base::Fd writing{ends[1]};
    ::fcntl(writing.get(), F_SETFL, O_NONBLOCK); // of this end only: each has its own description
    if (auto sent = m_sender.send(wire::write_message(wire::SenderSource{}), {reading.get()});
        !sent)
        return std::unexpected(gone());
    const bool from_pipe = m_options.input.kind == InputName::Kind::standard_input;
    Pump::Reopen reopen;
    if (m_options.loop && !from_pipe)
        reopen = [this] { return open_again(); };
    TRY(m_input->start());
    m_pump = std::make_unique<Pump>(std::move(m_input), std::move(writing), m_terms.max_rate,
                                    std::move(reopen));
    return {};
}

Result<std::unique_ptr<media::TsInput>> Reader::open_again() const {
    return open_input(m_options.input, m_terms);
}

Result<void> Reader::stream() {
    while (!over() && !m_pump->finished()) {
        if (m_clock.now() >= m_hello->window.end)
            return {};
        auto next = m_pump->step(m_clock.steady());
        if (!next && next.error().code == Errc::unavailable) {
            TRY(wait({}, m_clock.steady() + 2s)); // its socket may know why
            if (m_ended)
                return {};
        }
        const Pump::Wait what = TRY(std::move(next));
        warn_of_excess();
        show();
        SteadyTime until = std::min(m_clock.steady() + 1s, m_clock.steady_at(m_hello->window.end));
        if (what.until)
            until = std::min(until, *what.until);
        TRY(wait(what, until));
    }
    if (m_pump->finished())
        base::log::info("the input is at its end, {} before the end of the reservation",
                        format_span(m_hello->window.end - m_clock.now()));
    return {};
}

Result<void> Reader::finish() {
    m_line.clear();
    m_finishing = true;
    m_input.reset();
    m_pump.reset(); // closes the pipe: what is in it is the last
    if (!m_ended)
        return await_end();
    if (m_hello && m_clock.now() < m_hello->window.end - 1s)
        return fail_hint(Errc::refused, hint_for("", m_options.reservation.text()),
                         "the reservation was ended before its time{}{}",
                         m_status.detail.empty() ? "" : ": ", m_status.detail);
    return {};
}

// Asks the sender to finish, and waits until what it has is out.
Result<void> Reader::await_end() {
    if (!m_sender.send(wire::write_message(wire::SenderFinish{})))
        return std::unexpected(gone());
    SteadyTime::duration patience = k_stop_patience;
    if (m_signals == 0 && m_hello)
        patience = m_hello->window.drain + k_finish_slack;
    const SteadyTime until = m_clock.steady() + patience;
    const int signals = m_signals;
    while (!m_ended && m_signals == signals && m_clock.steady() < until)
        TRY(wait({}, until));
    if (!m_ended && m_signals == 0)
        return fail(Errc::unavailable, "the sender did not get everything out in time");
    base::log::info("ended: {} bytes sent, {} packets lost", m_status.bytes, m_status.lost_packets);
    return {};
}

Result<void> Reader::wait(const Pump::Wait &what, SteadyTime until) {
    std::array<pollfd, 4> fds{{{m_stop.fd, POLLIN, 0},
                               {m_sender.fd(), POLLIN, 0},
                               {what.input, POLLIN, 0},
                               {what.pipe, POLLOUT, 0}}};
    const auto left = std::max(until - m_clock.steady(), SteadyTime::duration::zero());
    const timespec timeout{std::chrono::duration_cast<base::Seconds>(left).count(),
                           (left % 1s).count()};
    if (::ppoll(fds.data(), fds.size(), &timeout, nullptr) < 0 && errno != EINTR)
        return base::fail_errno("wait for", "events");
    if (fds[0].revents != 0) {
        while (const auto signal = m_stop.take()) {
            m_signal = m_signal.value_or(*signal);
            ++m_signals;
        }
    }
    return fds[1].revents != 0 ? take_messages() : Result<void>{};
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
    if (m_hello && hello.window.end != m_hello->window.end) {
        m_line.clear();
        base::log::info("the reservation now ends at {}", base::format_rfc3339(hello.window.end));
    }
    m_hello = hello;
    m_clock.set_offset_ms(hello.clock_offset_ms);
    return {};
}

Result<void> Reader::on_status(const wire::SenderStatus &status) {
    const bool changed = status.state != m_status.state || status.carrier != m_status.carrier;
    m_status = status;
    m_stats.write(stats_record(status, m_options.reservation, m_clock.now()));
    if (status.state == "refused" && !m_finishing && !is_passing(status.detail))
        return fail_hint(Errc::refused, hint_for(status.detail, m_options.reservation.text()),
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
                           hint_for(status.detail, m_options.reservation.text()));
    return {};
}

base::Error Reader::gone() const {
    return {Errc::unavailable, "the sender is gone",
            "carrier-connect's own messages say why; run it again to go on"};
}

void Reader::show() {
    const base::UtcTime now = m_clock.now();
    m_line.show(progress_line(now - m_hello->window.start, m_hello->window.end - now, m_status));
}

void Reader::warn_of_excess() {
    const auto rate = m_pump->take_excess();
    if (!rate || (m_warned && m_clock.steady() - *m_warned < k_warn_every))
        return;
    m_warned = m_clock.steady();
    m_line.clear();
    base::log::warning("the input has {:.2f} Mbit/s, more than the {:.2f} Mbit/s reserved; the "
                       "relay may refuse it",
                       static_cast<double>(rate->bps) / 1e6,
                       static_cast<double>(m_terms.max_rate.bps) / 1e6);
}

} // namespace push
