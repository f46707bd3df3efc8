#include "push/sender.hpp"

#include "base/log.hpp"

#include <array>
#include <fcntl.h>
#include <sys/stat.h>

namespace push {

using base::Errc;
using base::fail;
using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t k_ahead = 64 * 1024; // read from the pipe before it can leave
constexpr std::size_t k_read = 128 * 1024; // at once
constexpr double k_keep_s = 0.1;           // of the rate, kept while there is no connection
constexpr auto k_fill = 10ms;              // the longest that a payload waits to be full
constexpr auto k_finish = 1s;              // to wait for the end of a pipe after its finish

std::size_t keep_bytes(base::BitRate rate) {
    const auto wanted = static_cast<std::size_t>(static_cast<double>(rate.bps) / 8 * k_keep_s);
    return std::clamp(wanted, media::k_srt_payload_bytes, k_ahead);
}

} // namespace

Result<void> Sender::run(int stop_fd) {
    const media::SrtLibrary library;
    for (;;) {
        const Heard heard = TRY(wait(stop_fd));
        if (heard.stop)
            return {};
        if (heard.master)
            TRY(hear_plan());
        if (heard.reader)
            hear_reader();
        const bool over = turn();
        TRY(tell(over));
        if (over)
            return {};
    }
}

bool Sender::reads_pipe() const {
    return m_pipe && m_phase == SenderPhase::programme &&
           (!m_paths.connected() || m_queue.size() < k_ahead);
}

Result<Sender::Heard> Sender::wait(int stop_fd) {
    std::array<pollfd, 4> waiting{{{stop_fd, POLLIN, 0},
                                   {m_plan_socket.fd(), POLLIN, 0},
                                   {m_reader.fd(), POLLIN, 0}, // negative ones are passed over
                                   {reads_pipe() ? m_pipe.get() : -1, POLLIN, 0}}};
    const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(patience().count()));
    if (ready < 0 && errno != EINTR)
        return base::fail_errno("wait for", "events");
    if (ready <= 0)
        return Heard{};
    return Heard{.stop = waiting[0].revents != 0,
                 .master = waiting[1].revents != 0,
                 .reader = waiting[2].revents != 0};
}

// How long to sleep when no descriptor wakes us. SRT has none: its state is looked at.
base::Millis Sender::patience() const {
    if (!m_plan)
        return 1000ms;
    if (m_blocked)
        return 2ms;
    if (m_paths.connected() && m_queue.size() > 0)
        return k_fill;
    const auto left = next_phase_at(*m_plan, m_control.now()) - m_control.now();
    return std::clamp<base::Millis>(left, 1ms,
                                    m_phase == SenderPhase::waiting ? 500ms : m_paths.patience());
}

Result<void> Sender::hear_plan() {
    for (;;) {
        auto message = m_plan_socket.receive();
        if (!message && message.error().code == Errc::unavailable)
            return base::fail_hint(Errc::unavailable,
                                   "carrier-connect upholds the carrier while media is sent",
                                   "carrier-connect is gone: the connection is closed");
        if (!message)
            return std::unexpected(std::move(message).error());
        std::optional<base::MessageSocket::Message> got = std::move(*message);
        if (!got)
            return {};
        auto read = wire::read_message(got->text);
        seal::wipe(got->text);
        if (!read)
            return std::unexpected(std::move(read).error().in("plan"));
        auto *plan = std::get_if<wire::SenderPlan>(&*read);
        if (plan == nullptr)
            return fail(Errc::protocol, "the master sent a message that is no plan");
        TRY(take_plan(std::move(*plan)));
    }
}

Result<void> Sender::take_plan(wire::SenderPlan plan) {
    if (plan.window.end <= plan.window.start)
        return fail(Errc::protocol, "plan: the end is not after the start");
    if (m_plan && m_plan->reservation != plan.reservation)
        return fail(Errc::protocol, "plan: it is for another reservation than the first");
    if (!m_plan || !same_terms(*m_plan, plan))
        m_hello_due = true;
    if (m_gate.limit() != plan.max_rate)
        m_gate = SenderGate{plan.max_rate};
    m_control.set_offset(base::Millis{plan.clock_offset_ms});
    m_plan = std::move(plan);
    return {};
}

// The reader may be any program: what it sends wrong is told and passed over.
void Sender::hear_reader() {
    while (m_reader) {
        auto message = m_reader.receive();
        if (!message && message.error().code == Errc::unavailable) {
            m_reader.close();
            m_finish = true;
            return;
        }
        if (!message) {
            base::log::warning("reader: {}", message.error().message);
            return;
        }
        std::optional<base::MessageSocket::Message> got = std::move(*message);
        if (!got)
            return;
        const auto read = wire::read_message(got->text);
        if (const auto *source = read ? std::get_if<wire::SenderSource>(&*read) : nullptr)
            take_source(*source, got->fds);
        else if (read && std::holds_alternative<wire::SenderFinish>(*read))
            m_finish = true;
        else
            base::log::warning("reader: {}",
                               read ? "a message that is not a reader's" : read.error().message);
    }
}

void Sender::take_source(const wire::SenderSource &source, std::vector<base::Fd> &fds) {
    struct stat info{};
    if (fds.size() != 1 || ::fstat(fds.front().get(), &info) != 0 || !S_ISFIFO(info.st_mode)) {
        base::log::warning("reader: a source without its pipe");
        return;
    }
    const int flags = ::fcntl(fds.front().get(), F_GETFL);
    if (flags < 0 || ::fcntl(fds.front().get(), F_SETFL, flags | O_NONBLOCK) != 0) {
        base::log::warning("reader: its pipe cannot be read: {}", base::errno_text(errno));
        return;
    }
    m_pipe = std::move(fds.front());
    m_has_reader = true;
    m_preflight = source.preflight;
    m_use = path_use(source.use);
    m_queued_at = m_clock.steady();
    m_aligner.reset();
    m_finish = false;
}

// Does what is due; true when nothing will be any more.
bool Sender::turn() {
    if (!m_plan)
        return false;
    const wire::SenderPlan &plan = *m_plan;
    m_phase = phase_at(plan, m_control.now());
    if (m_preflight && m_phase != SenderPhase::over)
        m_phase = SenderPhase::programme; // the relay judges its time
    m_blocked = false;
    if (m_phase == SenderPhase::over)
        return true;
    steer(plan);
    if (m_phase == SenderPhase::draining)
        return m_paths.drained();
    if (m_phase == SenderPhase::programme) {
        read_pipe(plan.max_rate);
        send_queue();
        if (m_preflight)
            pad();
    }
    return m_finish && !m_pipe && m_queue.size() == 0 && m_paths.drained();
}

// A preflight tries the line that is preferred.
PathUse Sender::use(const wire::SenderPlan &plan) const {
    if (m_preflight)
        return PathUse::single;
    return m_use.value_or(plan.lines > 1 ? PathUse::failover : PathUse::single);
}

void Sender::steer(const wire::SenderPlan &plan) {
    std::vector<wire::SenderPath> paths;
    // Without a reader the ticket may be in use by an encoder that has its URL: it is left alone.
    if (m_phase != SenderPhase::waiting && m_has_reader)
        paths = plan.paths;
    for (wire::SenderPath &path : paths)
        if (m_preflight)
            path.ticket = plan.preflight_ticket;
    std::erase_if(paths, [](const wire::SenderPath &path) { return path.ticket.empty(); });
    // After the end there is nothing to connect for any more.
    if (m_phase == SenderPhase::draining)
        std::erase_if(paths, [&](const wire::SenderPath &path) { return !m_paths.has(path); });
    m_paths.aim(paths, use(plan), plan.max_rate);
    m_paths.turn(m_phase != SenderPhase::draining && !m_finish);
}

void Sender::read_pipe(base::BitRate rate) {
    std::array<std::uint8_t, k_read> bytes; // NOLINT(*-member-init): read() fills it
    const base::SteadyTime now = m_clock.steady();
    while (reads_pipe()) {
        const ssize_t n = ::read(m_pipe.get(), bytes.data(), bytes.size());
        if (n > 0) {
            m_aligner.feed(
                {bytes.data(), static_cast<std::size_t>(n)},
                [this](std::span<const std::uint8_t> packets) { m_queue.push(packets); });
            m_queued_at = now;
            if (!m_paths.connected())
                m_dropped += static_cast<std::int64_t>(m_queue.keep(keep_bytes(rate)));
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        // After the finish nothing more is coming, even if somebody holds on to the other end.
        if (n == 0 || errno != EAGAIN || (m_finish && now - m_queued_at > k_finish)) {
            m_pipe.reset();
            m_aligner.reset();
        }
        return;
    }
}

void Sender::send_queue() {
    const base::SteadyTime now = m_clock.steady();
    const bool flush = !m_pipe || now - m_queued_at >= k_fill;
    while (m_paths.connected() && m_queue.size() > 0) {
        const auto payload = m_queue.front(media::k_srt_payload_bytes);
        if (payload.size() < media::k_srt_payload_bytes && !flush)
            return;
        if (!m_gate.pass(payload.size(), now) || !m_paths.send(payload)) {
            m_blocked = true;
            return;
        }
        m_bytes += static_cast<std::int64_t>(payload.size());
        m_queue.pop(payload.size());
    }
}

} // namespace push
