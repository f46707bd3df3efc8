#include "carrier/probe.hpp"

#include "base/fd.hpp"
#include "carrier/socket_address.hpp"
#include "seal/echo.hpp"
#include "seal/hash.hpp"
#include "seal/keys.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace carrier {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int k_questions = 10;
constexpr base::Millis k_pause = 100ms;

Result<base::Fd> open_socket(const route::Address &relay, const ProbeWay &way) {
    const int family = relay.family == route::Family::v4 ? AF_INET : AF_INET6;
    base::Fd fd{::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return base::fail_errno("open", "UDP socket");
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, way.interface.data(),
                     static_cast<socklen_t>(way.interface.size())) != 0)
        return base::fail_errno("bind the probe to", way.interface);
    if (way.source.empty())
        return fd;
    const SocketAddress source{TRY(route::Address::parse(way.source)), 0};
    if (::bind(fd.get(), source.get(), source.size) != 0)
        return base::fail_errno("bind the probe to", way.source);
    return fd;
}

/// Whether an answer to @p cookie is among what came in; what else came in is dropped.
bool answered(const base::Fd &fd, seal::ByteView key, const seal::EchoCookie &cookie) {
    std::array<std::uint8_t, 64> in{}; // a longer datagram is no answer
    for (;;) {
        const ssize_t n = ::recv(fd.get(), in.data(), in.size(), MSG_TRUNC);
        if (n < 0)
            return false;
        if (static_cast<std::size_t>(n) <= in.size() &&
            seal::read_echo_answer(key, {in.data(), static_cast<std::size_t>(n)}) == cookie)
            return true;
    }
}

Result<seal::Bytes> read_key(const wire::Probe &probe) {
    auto key = TRY(seal::from_base64url(probe.key));
    if (key.size() != std::tuple_size_v<seal::Hash256>)
        return base::fail(Errc::bad_data, "the probe's key has {} bytes, not {}", key.size(),
                          std::tuple_size_v<seal::Hash256>);
    return key;
}

enum class Heard { answer, nothing, stop };

Heard listen(const base::Fd &fd, int stop_fd, seal::ByteView key, const seal::EchoCookie &cookie,
             Clock::time_point until) {
    for (;;) {
        const auto left = std::chrono::ceil<base::Millis>(until - Clock::now());
        if (left <= 0ms)
            return Heard::nothing;
        std::array<pollfd, 2> waiting{{{fd.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}}};
        ::poll(waiting.data(), waiting.size(), static_cast<int>(left.count()));
        if (waiting[1].revents != 0)
            return Heard::stop;
        if (waiting[0].revents != 0 && answered(fd, key, cookie))
            return Heard::answer;
    }
}

} // namespace

Result<std::chrono::microseconds> probe(const wire::Probe &probe, const ProbeWay &way,
                                        int stop_fd) {
    const auto key = TRY(read_key(probe));
    const auto relay = TRY(route::Address::parse(probe.at.host));
    const SocketAddress to{relay, probe.at.port};
    const base::Fd fd = TRY(open_socket(relay, way));
    seal::EchoCookie cookie{};
    std::ranges::copy(seal::random_bytes(cookie.size()), cookie.begin());
    const auto question = seal::echo_question(key, cookie);
    const auto start = Clock::now();
    int failure = 0;
    for (int asked = 1; asked <= k_questions; ++asked) {
        // That one cannot be sent (a neighbour that is not known yet, say) is no end: the next may.
        failure = ::sendto(fd.get(), question.data(), question.size(), 0, to.get(), to.size) < 0
                      ? errno
                      : 0;
        switch (listen(fd, stop_fd, key, cookie, start + asked * k_pause)) {
        case Heard::answer:
            return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start);
        case Heard::stop:
            return base::fail(Errc::try_again, "carrier {}: stopped by a signal", way.carrier);
        case Heard::nothing:
            break;
        }
    }
    return base::fail_hint(
        Errc::unavailable,
        "look at the line and at the relay; --no-probe connects a line that drops this echo only",
        "carrier {}: the relay does not answer through interface {} (UDP echo at {} port {}{}{})",
        way.carrier, way.interface, probe.at.host, probe.at.port, failure == 0 ? "" : ": ",
        failure == 0 ? "" : base::errno_text(failure));
}

Result<Prober> Prober::make(const wire::Probe &probe) {
    return Prober{probe.at, TRY(read_key(probe))};
}

Result<void> Prober::bind(const ProbeWay &way) {
    m_fd = TRY(open_socket(TRY(route::Address::parse(m_at.host)), way));
    const auto random = seal::random_bytes(sizeof m_first);
    std::memcpy(&m_first, random.data(), sizeof m_first);
    m_asked = 0;
    return {};
}

void Prober::ask() {
    const auto relay = route::Address::parse(m_at.host);
    if (!m_fd || !relay)
        return;
    const SocketAddress to{*relay, m_at.port};
    const auto question =
        seal::echo_question(m_key, std::bit_cast<seal::EchoCookie>(m_first + m_asked++));
    (void)::sendto(m_fd.get(), question.data(), question.size(), 0, to.get(), to.size);
}

bool Prober::heard() {
    constexpr std::uint64_t k_last = 64;
    std::array<std::uint8_t, 64> in{};
    bool out = false;
    for (;;) {
        const ssize_t n = m_fd ? ::recv(m_fd.get(), in.data(), in.size(), MSG_TRUNC) : -1;
        if (n < 0)
            return out;
        if (static_cast<std::size_t>(n) > in.size())
            continue;
        const auto cookie = seal::read_echo_answer(m_key, {in.data(), static_cast<std::size_t>(n)});
        const auto age = cookie ? m_first + m_asked - std::bit_cast<std::uint64_t>(*cookie) : 0;
        out = out || (age >= 1 && age <= std::min(k_last, m_asked));
    }
}

} // namespace carrier
