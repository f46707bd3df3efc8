// The part of the sender that tells how it fares.
#include "push/sender.hpp"

#include "base/log.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>

namespace push {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr auto k_status_every = 1s;
constexpr auto k_status_behind = 100ms;    // as often, while the line does not keep up
constexpr int k_reader_backlog = 8 * 1024; // bytes of messages that a reader may leave unread

} // namespace

std::int64_t Sender::queue_ms(const media::SrtStats &s) const {
    const auto here = static_cast<std::int64_t>(m_queue.size()) * 8 * 1000;
    return s.unacknowledged_ms + (m_plan ? here / m_plan->max_rate.bps : 0);
}

wire::SenderStatus Sender::status(bool over) {
    const media::SrtStats s = m_paths.stats();
    const SenderLink &link = m_paths.link();
    wire::SenderStatus out;
    out.plan = m_plan ? m_plan->number : 0;
    out.state = over ? "ended" : name(link.state());
    out.carrier = link.carrier();
    out.interface = link.path() ? link.path()->interface : "";
    out.detail = link.detail();
    if (over && m_plan && m_plan->cancelled)
        out.detail = "cancelled";
    out.bytes = m_bytes;
    out.rate_bps = m_gate.measured(m_clock.steady()).bps;
    out.rtt_us = s.rtt_us;
    out.queue_ms = queue_ms(s);
    out.lost_packets = s.lost_packets;
    out.retransmitted_packets = s.retransmitted_packets;
    out.dropped_packets = s.dropped_packets + (m_dropped + 6) / 7;
    out.reconnects = m_paths.reconnects();
    out.use = m_has_reader ? name(use(*m_plan)) : "";
    out.moves = m_paths.moves();
    out.paths = m_paths.status();
    return out;
}

Result<void> Sender::tell(bool over) {
    if (!m_plan)
        return {};
    const wire::SenderPlan &plan = *m_plan;
    if (m_hello_due && m_reader)
        m_hello_due = !m_reader.send(wire::write_message(hello_of(plan)));
    const base::SteadyTime now = m_clock.steady();
    const std::string use_now{m_has_reader ? name(use(plan)) : ""};
    if (now - m_told_at < k_status_every && m_told.plan == plan.number && m_told.over == over &&
        m_told.changes == m_paths.changes() && m_told.detail == m_paths.link().detail() &&
        m_told.use == use_now) {
        tell_of_delay(now);
        return {};
    }
    m_told = {.plan = plan.number,
              .over = over,
              .changes = m_paths.changes(),
              .detail = m_paths.link().detail(),
              .use = use_now};
    m_told_at = m_reader_told_at = now;
    const std::string text = wire::write_message(status(over));
    tell_reader(over, text);
    // A master that does not read misses some; one that is gone is noticed when it is heard.
    if (auto sent = m_plan_socket.send(text); !sent && sent.error().code == Errc::bug)
        return sent;
    return {};
}

// The reader makes less when the line does not keep up: it hears of that at once.
void Sender::tell_of_delay(base::SteadyTime now) {
    if (!m_paths.link().behind() || now - m_reader_told_at < k_status_behind)
        return;
    m_reader_told_at = now;
    tell_reader(false, wire::write_message(status(false)));
}

// A reader that comes late finds the hello, not hours of old statuses.
void Sender::tell_reader(bool over, const std::string &status) {
    if (!m_reader)
        return;
    int unread = 0;
    if (!over && (::ioctl(m_reader.fd(), SIOCOUTQ, &unread) != 0 || unread > k_reader_backlog))
        return;
    if (const auto sent = m_reader.send(status); !sent)
        base::log::debug("reader: {}", sent.error().message);
}

} // namespace push
