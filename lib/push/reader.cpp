#include "push/reader.hpp"

#include "base/log.hpp"
#include "push/sender_rules.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <poll.h>

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
constexpr std::int64_t k_most_pipe_bytes = 1 << 20; // what everybody may have
constexpr auto k_last_words = 2s;                   // of a sender that takes no more

} // namespace

Reader::Reader(ReaderOptions options, base::MessageSocket sender, StatsWriter &stats,
               StopSource stop, const base::Clock &clock)
    : m_options(std::move(options)), m_sender(std::move(sender)), m_stats(stats),
      m_stop(std::move(stop)), m_clock(clock), m_line(m_options.progress),
      m_end_warning(m_options.warn_before) {}

Result<Outcome> Reader::run() {
    if (m_options.preflight)
        return try_line();
    TRY(await_hello());
    if (!over())
        TRY(open());
    if (!over())
        TRY(offer_pipe());
    if (!over())
        TRY(await_start());
    if (!over()) {
        TRY(begin());
        TRY(stream());
    }
    TRY(finish());
    return Outcome{.signal = m_signal, .preflight = {}};
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

// Before the start, so that the sender connects in the lead-in: it calls the relay only for a
// reader.
Result<void> Reader::offer_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::fail_errno("make", "pipe");
    base::Fd reading{ends[0]};
    m_pipe = base::Fd{ends[1]};
    // Room for two bursts. Where the user has too many pipes already it stays as it is, which costs
    // no more than wakes.
    const auto bytes = m_hello->max_rate.bps / 8 * 2 * k_at_once / 1s;
    if (bytes > ::fcntl(m_pipe.get(), F_GETPIPE_SZ))
        ::fcntl(m_pipe.get(), F_SETPIPE_SZ,
                static_cast<int>(std::min<std::int64_t>(bytes, k_most_pipe_bytes)));
    ::fcntl(m_pipe.get(), F_SETFL, O_NONBLOCK); // of this end only: each has its own description
    if (!m_sender.send(wire::write_message(wire::SenderSource{
                           .preflight = m_options.preflight.has_value(), .use = m_options.paths}),
                       {reading.get()}))
        return std::unexpected(gone());
    return {};
}

Result<void> Reader::stream() {
    while (!over() && !m_pump->finished()) {
        if (m_clock.now() >= m_hello->window.end)
            return {};
        auto next = m_pump->step(m_clock.steady());
        if (!next && m_pump->pipe_is_closed()) { // its socket may know why
            const SteadyTime until = m_clock.steady() + k_last_words;
            while (!over() && m_clock.steady() < until)
                TRY(wait({}, until));
            if (over())
                return {};
        }
        const Pump::Wait what = TRY(std::move(next));
        warn();
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
    m_streamed = m_pump != nullptr;
    m_written = m_pump ? m_pump->bytes_written() : 0;
    m_pump.reset(); // closes the pipe: what is in it is the last
    m_pipe.reset();
    if (!m_ended)
        return await_end();
    if (m_hello && m_clock.now() < m_hello->window.end - 1s)
        return fail_hint(Errc::refused, refusal_hint(""),
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
    if (m_signals == 0 && m_streamed && m_written == 0 &&
        (m_options.input.kind == InputName::Kind::network ||
         m_options.input.kind == InputName::Kind::device))
        return fail(Errc::no_input, "nothing came from the input, until the reservation ended");
    if (m_signals == 0 && m_written > 0 && m_status.bytes == 0)
        return fail_hint(
            Errc::unavailable,
            "carrier-connect status shows the line; the statistics say what the sender met",
            "nothing of the programme reached the relay{}{}", m_last_trouble.empty() ? "" : ": ",
            m_last_trouble);
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

void Reader::show() {
    if (!m_line.enabled())
        return;
    const base::UtcTime now = m_clock.now();
    m_line.show(progress_line(now - m_hello->window.start, m_hello->window.end - now, m_status));
}

void Reader::warn() {
    warn_of_excess();
    warn_of_end();
    if (m_options.recorder == nullptr)
        return;
    if (const auto trouble = m_options.recorder->take_trouble()) {
        m_line.clear();
        base::log::warning("{}", *trouble);
    }
}

void Reader::warn_of_end() {
    const base::UtcTime now = m_clock.now();
    const base::UtcTime end = m_hello->window.end;
    if (!m_end_warning.due(end - now))
        return;
    m_line.clear();
    base::log::warning("the reservation ends in {}, at {} (resv-request extend {} --end T asks for "
                       "more)",
                       format_span(end - now + 999ms), base::format_rfc3339(end),
                       m_options.reservation.text());
    if (!m_options.no_stats)
        m_stats.write(end_record(m_options.reservation, now, end));
}

void Reader::warn_of_excess() {
    const auto rate = m_pump->take_excess();
    if (!rate || m_encoding || (m_warned && m_clock.steady() - *m_warned < k_warn_every))
        return;
    m_warned = m_clock.steady();
    m_line.clear();
    base::log::warning("the input has {:.2f} Mbit/s, more than the {:.2f} Mbit/s reserved; the "
                       "relay may refuse it",
                       static_cast<double>(rate->bps) / 1e6,
                       static_cast<double>(m_terms.max_rate.bps) / 1e6);
}

} // namespace push
