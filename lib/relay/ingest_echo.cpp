#include "relay/ingest_echo.hpp"

#include "base/clock.hpp"
#include "media/srt_rate.hpp"
#include "seal/echo.hpp"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace relay {

using base::fail_errno;
using base::Result;

namespace {

Result<base::Fd> bind_udp(const conf::Address &at) {
    base::Fd fd{
        ::socket(at.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return fail_errno("open", "UDP socket");
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (at.is_v6()) {
        auto &v6 = reinterpret_cast<sockaddr_in6 &>(storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(at.port);
        ::inet_pton(AF_INET6, at.host.c_str(), &v6.sin6_addr);
        size = sizeof v6;
    } else {
        auto &v4 = reinterpret_cast<sockaddr_in &>(storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(at.port);
        ::inet_pton(AF_INET, at.host.c_str(), &v4.sin_addr);
        size = sizeof v4;
    }
    if (::bind(fd.get(), reinterpret_cast<const sockaddr *>(&storage), size) != 0)
        return fail_errno("bind echo to", at.text());
    return fd;
}

// One question, if one waits; false when none does.
bool answer_one(int udp, seal::ByteView key, media::Bucket &allowance,
                const base::SystemClock &clock) {
    std::array<std::uint8_t, 64> question{}; // a longer datagram is none of ours
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto *peer = reinterpret_cast<sockaddr *>(&from);
    const ssize_t n = ::recvfrom(udp, question.data(), question.size(), MSG_TRUNC, peer, &size);
    if (n < 0)
        return errno == EINTR || errno == ECONNREFUSED;
    if (n != static_cast<ssize_t>(sizeof(seal::EchoDatagram)) || !allowance.take(clock.steady()))
        return true;
    const auto answer = seal::echo_answer(key, {question.data(), sizeof(seal::EchoDatagram)});
    if (answer)
        ::sendto(udp, answer->data(), answer->size(), MSG_DONTWAIT, peer, size);
    return true;
}

void serve(const base::Fd &udp, int stop, const seal::Secret &key) {
    const base::SystemClock clock;
    media::Bucket allowance{IngestEcho::k_answers_per_second,
                            IngestEcho::k_answers_per_second / 5.0};
    std::array<pollfd, 2> waiting{{{udp.get(), POLLIN, 0}, {stop, POLLIN, 0}}};
    for (;;) {
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return;
        if (waiting[1].revents != 0)
            return;
        while (answer_one(udp.get(), key.view(), allowance, clock)) {
        }
    }
}

} // namespace

Result<IngestEcho> IngestEcho::start(const conf::Address &at, seal::Secret key) {
    base::Fd udp = TRY(bind_udp(at));
    base::Fd stop{::eventfd(0, EFD_CLOEXEC)};
    if (!stop)
        return fail_errno("open", "eventfd");
    std::thread thread{
        [udp = std::move(udp), stop = stop.get(), key = std::move(key)] { serve(udp, stop, key); }};
    return IngestEcho{std::move(stop), std::move(thread)};
}

IngestEcho::~IngestEcho() {
    if (!m_thread.joinable())
        return;
    const std::uint64_t one = 1;
    if (::write(m_stop.get(), &one, sizeof one) == sizeof one)
        m_thread.join();
    else
        m_thread.detach();
}

} // namespace relay
