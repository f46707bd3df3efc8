#include "relay/connection.hpp"

#include <array>
#include <fmt/format.h>

namespace relay {

namespace {

using namespace std::chrono_literals;

constexpr auto k_head_time = 10s;  // from the first byte of a request to its last
constexpr auto k_idle_time = 30s;  // a kept-alive connection without a request
constexpr auto k_send_time = 30s;  // an answer that is not live: then the viewer is too slow
constexpr auto k_check_time = 15s; // for a password
constexpr auto k_stuck_time = 15s; // a live viewer whose socket takes nothing
constexpr auto k_for_ever = 24h * 366;
constexpr std::size_t k_one_piece = 4096; // to copy that costs less than another system call

std::string head_text(const Reply &reply, bool close) {
    std::string out = fmt::format("HTTP/1.1 {} {}\r\n{}X-Content-Type-Options: nosniff\r\n",
                                  reply.status, reason_phrase(reply.status), reply.headers);
    if (reply.kind != Reply::Kind::live && reply.has_length())
        out += fmt::format("Content-Length: {}\r\n", reply.length());
    out += close ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n";
    return out;
}

} // namespace

Connection::Connection(Transport transport, std::uint64_t number, Origin origin, const World &world,
                       base::SteadyTime now)
    : m_transport(std::move(transport)), m_greeting(m_transport.is_secure()),
      m_deadline(now + k_head_time), m_world(&world), m_number(number), m_origin(origin) {}

Connection::~Connection() {
    if (m_greeting)
        ++m_world->tls->failed;
    detach();
}

void Connection::detach() {
    if (m_live)
        m_event->leave();
    if (m_awaited)
        m_event->unblock();
    m_live.reset();
    m_awaited.reset();
    m_event.reset();
}

Connection::Need Connection::set(Need need) {
    return m_need = need;
}

Connection::Need Connection::readable(base::SteadyTime now) {
    if (m_greeting)
        return greet(now);
    if (m_ending)
        return end(now);
    std::array<char, 4096> chunk; // NOLINT(*-member-init): filled by receive
    do {
        const ssize_t n = m_transport.receive(chunk);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return m_need;
        if (n <= 0)
            return set(Need::close);
        if (m_need != Need::read) // pipelined behind a live stream, say: we do not listen any more
            continue;
        if (m_in.empty())
            m_deadline = std::min(m_deadline, now + k_head_time);
        m_in.append(chunk.data(), static_cast<std::size_t>(n));
    } while (m_transport.has_input()); // one record of TLS at the most
    return m_need == Need::read ? process(now) : m_need;
}

// A handshake has as long as the request that follows it.
Connection::Need Connection::greet(base::SteadyTime now) {
    switch (m_transport.greet()) {
    case Transport::Greeting::read:
        return set(Need::read);
    case Transport::Greeting::write:
        return set(Need::write);
    case Transport::Greeting::failed:
        return set(Need::close);
    case Transport::Greeting::done:
        break;
    }
    m_greeting = false;
    ++m_world->tls->agreed;
    m_world->tls->in_kernel += int{m_transport.in_kernel()};
    m_deadline = now + k_head_time;
    return set(Need::read);
}

Connection::Need Connection::process(base::SteadyTime now) {
    switch (m_reader.feed(m_in)) {
    case HttpReader::Status::more:
        return set(Need::read);
    case HttpReader::Status::done:
        m_request = m_reader.take();
        m_close_after = !m_request.keep_alive || m_world->closing;
        return begin(m_world->router->answer(m_request, m_origin), m_request.method == "HEAD", now);
    case HttpReader::Status::malformed:
        m_close_after = true;
        return begin(plain_reply(400, "not a request that this server reads"), false, now);
    case HttpReader::Status::no_length:
        m_close_after = true;
        return begin(plain_reply(411, "a body needs a Content-Length"), false, now);
    case HttpReader::Status::too_large:
        m_close_after = true;
        return begin(plain_reply(431, "too large"), false, now);
    }
    return set(Need::close);
}

Connection::Need Connection::begin(Reply reply, bool head_only, base::SteadyTime now) {
    m_deadline = now + k_send_time;
    if (reply.kind == Reply::Kind::password) {
        m_deadline = now + k_check_time;
        m_event = reply.event;
        if (m_world->check(m_number, reply.event, std::move(reply.password)))
            return set(Need::password);
        detach();
        reply = plain_reply(503, "busy", "Retry-After: 5\r\n");
    }
    if (reply.kind == Reply::Kind::wait) {
        if (reply.event->block()) {
            m_event = reply.event;
            m_awaited = reply.awaited;
            m_deadline = now + reply.patience;
            return set(Need::media);
        }
        reply = plain_reply(503, "too many wait", "Retry-After: 1\r\n");
    }
    if (reply.kind == Reply::Kind::live && !head_only) {
        if (reply.event->enter(reply.viewer)) {
            m_event = reply.event;
            m_live.emplace(reply.event);
            m_transport.hold_little();
            m_close_after = true; // its end is the end of the connection
            m_deadline = now + k_for_ever;
        } else {
            reply = full_reply();
        }
    }
    m_head = head_text(reply, m_close_after);
    m_reply = std::move(reply);
    if (head_only) {
        m_reply.text.clear();
        m_reply.body.reset();
        m_reply.media.clear();
    }
    const std::string_view text = m_reply.words();
    if (text.size() <= k_one_piece) {
        m_head += text;
        m_reply.text.clear();
        m_reply.body.reset();
    }
    m_head_at = m_text_at = m_media_at = 0;
    m_sending = true;
    return proceed(now);
}

Connection::Flow Connection::send_text(std::string_view text, std::size_t &at, bool more) {
    while (at < text.size()) {
        const ssize_t n = m_transport.send(text.substr(at), more);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? Flow::blocked : Flow::failed;
        at += static_cast<std::size_t>(n);
    }
    return Flow::done;
}

Connection::Flow Connection::send_media() {
    while (m_media_at < m_reply.media.size()) {
        Slice &slice = m_reply.media[m_media_at];
        const auto bytes = static_cast<std::size_t>(slice.end - slice.begin);
        // All of it at once: what ends in the middle wakes the viewer once more.
        const ssize_t n =
            m_transport.send_media(*m_world->fanout, *slice.extent, slice.offset, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN ? Flow::blocked : Flow::failed;
        slice.offset += n;
        slice.begin += n;
        m_reply.event->bytes_out.fetch_add(n, std::memory_order_relaxed);
        m_world->bytes_out->fetch_add(n, std::memory_order_relaxed);
        if (slice.begin == slice.end) {
            slice.extent.reset(); // no longer needed by this viewer
            ++m_media_at;
        }
    }
    return Flow::done;
}

Connection::Need Connection::proceed(base::SteadyTime now) {
    const std::string_view text = m_reply.words();
    const bool more = !text.empty() || !m_reply.media.empty();
    Flow flow = send_text(m_head, m_head_at, more);
    if (flow == Flow::done)
        flow = send_text(text, m_text_at, false);
    if (flow == Flow::done)
        flow = send_media();
    if (flow == Flow::done && !m_transport.flush())
        flow = errno == EAGAIN ? Flow::blocked : Flow::failed;
    if (flow == Flow::done)
        return finished(now);
    return set(flow == Flow::blocked ? Need::write : Need::close);
}

Connection::Need Connection::finished(base::SteadyTime now) {
    m_sending = false;
    if (m_live)
        return pump_live(now);
    m_reply = {};
    if (m_close_after || m_world->closing)
        return end(now);
    m_deadline = now + k_idle_time;
    if (m_in.empty())
        return set(Need::read);
    m_deadline = now + k_head_time;
    return process(now); // pipelined
}

// The viewer is told that this was all, so that he knows it from a cut.
Connection::Need Connection::end(base::SteadyTime now) {
    using Ending = Transport::Ending;
    if (!m_ending)
        m_deadline = now + k_send_time;
    const Ending ending = m_transport.end();
    m_ending = ending == Ending::read || ending == Ending::write;
    return set(!m_ending ? Need::close : ending == Ending::read ? Need::read : Need::write);
}

Connection::Need Connection::pump_live(base::SteadyTime now) {
    return pump_live(now, *m_event->snapshot());
}

Connection::Need Connection::pump_live(base::SteadyTime now, const Snapshot &snapshot) {
    m_deadline = now + k_for_ever;
    auto outcome = m_live->pump(m_transport, *m_world->fanout, snapshot, now, *m_world->latency);
    const bool sent_all =
        outcome == LiveCursor::Outcome::idle || outcome == LiveCursor::Outcome::ended;
    if (sent_all && !m_transport.flush())
        outcome = errno == EAGAIN ? LiveCursor::Outcome::blocked : LiveCursor::Outcome::gone;
    switch (outcome) {
    case LiveCursor::Outcome::idle:
        // withdrawn: cancelled or revoked, what was sent was all
        return m_event->withdrawn || m_world->closing ? end(now) : set(Need::media);
    case LiveCursor::Outcome::blocked:
        m_deadline = now + k_stuck_time;
        return set(Need::write);
    case LiveCursor::Outcome::more:
        return set(Need::turn);
    case LiveCursor::Outcome::slow:
        ++m_event->viewers_dropped;
        return set(Need::close);
    case LiveCursor::Outcome::ended:
        return end(now);
    case LiveCursor::Outcome::gone:
        break;
    }
    return set(Need::close);
}

Connection::Need Connection::writable(base::SteadyTime now) {
    if (m_greeting)
        return greet(now);
    if (m_ending)
        return end(now);
    if (m_sending)
        return proceed(now);
    return m_live ? pump_live(now) : m_need;
}

Connection::Need Connection::media(base::SteadyTime now, const Snapshot &newest) {
    if (m_live)
        return m_sending || m_ending ? m_need : pump_live(now, newest);
    if (!m_event || m_need != Need::media)
        return m_need;
    if (!m_event->withdrawn && m_awaited && !m_awaited->is_there(*m_event))
        return m_need;
    detach();
    return begin(m_world->router->answer(m_request, m_origin), m_request.method == "HEAD", now);
}

Connection::Need Connection::password_checked(bool right, base::SteadyTime now) {
    if (m_need != Need::password)
        return m_need;
    Reply reply = m_world->router->password_reply(m_event, right);
    detach();
    return begin(std::move(reply), false, now);
}

Connection::Need Connection::wind_up(base::SteadyTime now) {
    if (m_greeting)
        return set(Need::close);
    if (m_need == Need::media && m_live)
        return pump_live(now);
    if (m_need == Need::media) {
        detach();
        m_close_after = true;
        return begin(plain_reply(503, "this server is going away", "Retry-After: 1\r\n"), false,
                     now);
    }
    if (m_need == Need::read && !m_ending && m_in.empty())
        return end(now);
    return m_need;
}

Connection::Need Connection::check_deadline(base::SteadyTime now) {
    if (now < m_deadline)
        return m_need;
    if (m_need == Need::media && !m_live) {
        detach();
        return begin(plain_reply(503, "no media yet", "Retry-After: 2\r\n"), false, now);
    }
    return set(Need::close);
}

} // namespace relay
