#include "relay/tls_tunnel.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace relay {

namespace {
constexpr int k_at_once = 16; // records of one viewer, before the others have their turn
bool is_early() {
    return errno == EAGAIN || errno == EINTR;
}
bool has(int fd, short events) {
    pollfd at{.fd = fd, .events = events, .revents = 0};
    return ::poll(&at, 1, 0) > 0 && at.revents != 0;
}
} // namespace

std::optional<TlsTunnel::Interest> TlsTunnel::pump() {
    Interest interest;
    if (m_greeting) {
        const Step step = greet(interest);
        if (step == Step::over || is_cut())
            return std::nullopt;
        if (step == Step::wait)
            return interest;
    }
    for (int i = 0; i < k_at_once; ++i) {
        interest = {};
        const Step down = to_viewer(interest);
        const Step up = down == Step::over ? Step::over : from_viewer(interest);
        if (up == Step::over)
            return std::nullopt;
        if (down == Step::wait && up == Step::wait)
            return interest;
    }
    return Interest{.outer = EPOLLIN | EPOLLOUT, .inner = EPOLLIN | EPOLLOUT};
}

TlsTunnel::Step TlsTunnel::greet(Interest &interest) {
    switch (m_outer->greet()) {
    case Transport::Greeting::read:
        interest.outer = EPOLLIN;
        return Step::wait;
    case Transport::Greeting::write:
        interest.outer = EPOLLOUT;
        return Step::wait;
    case Transport::Greeting::failed:
        return Step::over;
    case Transport::Greeting::done:
        break;
    }
    m_greeting = false;
    return Step::moved;
}

// Who serves closes after an end only when that was told to the viewer: see Transport::end().
bool TlsTunnel::is_cut() const {
    return has(m_inner.get(), 0); // hung up, or an error
}

TlsTunnel::Step TlsTunnel::to_viewer(Interest &interest) {
    const auto blocked = [&] {
        const bool early = is_early() && !is_cut();
        interest.outer |= EPOLLOUT;
        return early ? Step::wait : Step::over;
    };
    if (!m_outer->flush())
        return blocked();
    if (!m_ending) {
        std::array<char, 16384> record; // NOLINT(*-member-init): filled by recv
        const ssize_t n = ::recv(m_inner.get(), record.data(), record.size(), 0);
        if (n > 0) // it takes all of a record, and gives it when it can
            return m_outer->send({record.data(), static_cast<std::size_t>(n)}, false) == n
                       ? Step::moved
                       : Step::over;
        if (n < 0) {
            interest.inner |= EPOLLIN;
            return is_early() ? Step::wait : Step::over;
        }
        m_ending = true;
    }
    if (is_cut() || m_outer->end() != Transport::Ending::write)
        return Step::over;
    interest.outer |= EPOLLOUT;
    return Step::wait;
}

// A viewer who says that he is done is no longer there: he does not wait for the rest.
TlsTunnel::Step TlsTunnel::from_viewer(Interest &interest) {
    if (m_asked.empty()) {
        const ssize_t n = m_outer->receive(m_chunk);
        if (n == 0)
            return Step::over;
        if (n < 0) {
            interest.outer |= EPOLLIN;
            return is_early() ? Step::wait : Step::over;
        }
        m_asked = {m_chunk.data(), static_cast<std::size_t>(n)};
    }
    const ssize_t n = ::send(m_inner.get(), m_asked.data(), m_asked.size(), MSG_NOSIGNAL);
    if (n < 0) {
        const bool early = is_early() && !has(m_outer->fd(), POLLRDHUP);
        interest.inner |= EPOLLOUT;
        interest.outer |= EPOLLRDHUP; // nothing of him is read meanwhile
        return early ? Step::wait : Step::over;
    }
    m_asked.remove_prefix(static_cast<std::size_t>(n));
    return Step::moved;
}

} // namespace relay
