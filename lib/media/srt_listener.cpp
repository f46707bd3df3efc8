#include "media/srt_listener.hpp"

#include "media/srt_native.hpp"

#include <array>
#include <utility>

namespace media {

using base::Result;
using srt_native::fail_srt;
using srt_native::set_option;

namespace {

constexpr int k_backlog = 64; // handshakes that were admitted and not yet accepted

// libsrt's thread calls this for each caller's conclusion handshake. HSv4 peers (before 1.3) have
// no stream id here; the ticket check refuses them.
int on_offer(void *opaque, SRTSOCKET candidate, int /*version*/, const sockaddr *peer,
             const char *stream_id) {
    const auto &decide = *static_cast<const SrtDecide *>(opaque);
    try {
        const SrtOffer offer{.stream_id = stream_id == nullptr ? std::string_view{} : stream_id,
                             .peer = srt_native::from_system(peer)};
        const SrtAnswer answer = decide(offer);
        if (answer.refuse != 0) {
            srt_setrejectreason(candidate, answer.refuse);
            return -1;
        }
        if (answer.passphrase.empty() ||
            set_option(candidate, SRTO_PASSPHRASE, answer.passphrase, "passphrase"))
            return 0;
        srt_setrejectreason(candidate, SRT_REJ_RESOURCE);
    } catch (...) { // it must not unwind through libsrt
        srt_setrejectreason(candidate, SRT_REJ_IPE);
    }
    return -1;
}

Result<void> configure(SRTSOCKET s, const conf::Address &at, base::Millis latency,
                       SrtCipher cipher) {
    TRY(set_option(s, SRTO_TRANSTYPE, SRTT_LIVE, "transtype"));
    TRY(set_option(s, SRTO_RCVSYN, false, "rcvsyn"));
    TRY(set_option(s, SRTO_SNDSYN, false, "sndsyn"));
    TRY(set_option(s, SRTO_LATENCY, static_cast<int>(latency.count()), "latency"));
    TRY(set_option(s, SRTO_ENFORCEDENCRYPTION, cipher == SrtCipher::enforced,
                   "enforcedencryption"));
    TRY(set_option(s, SRTO_MINVERSION, SRT_VERSION_FEAT_HSv5, "minversion"));
    if (at.is_v6())
        TRY(set_option(s, SRTO_IPV6ONLY, 1, "ipv6only"));
    return {};
}

} // namespace

Result<SrtListener> SrtListener::open(const conf::Address &at, base::Millis latency,
                                      SrtDecide decide, SrtCipher cipher) {
    const auto address = TRY(srt_native::system_address(at.host, at.port));
    SrtSocket socket{srt_create_socket()};
    if (!socket)
        return fail_srt("make", "SRT socket");
    TRY(configure(socket.handle(), at, latency, cipher));
    auto kept = std::make_unique<SrtDecide>(std::move(decide));
    if (srt_listen_callback(socket.handle(), on_offer, kept.get()) == SRT_ERROR)
        return fail_srt("set listen callback of", at.text());
    if (srt_bind(socket.handle(), address.get(), address.size) == SRT_ERROR)
        return fail_srt("bind SRT listener to", at.text());
    if (srt_listen(socket.handle(), k_backlog) == SRT_ERROR)
        return fail_srt("listen on", at.text());
    return SrtListener{std::move(socket), std::move(kept)};
}

SrtSocket SrtListener::accept() {
    return SrtSocket{srt_accept(m_socket.handle(), nullptr, nullptr)};
}

Result<SrtPoll> SrtPoll::make() {
    const int id = srt_epoll_create();
    if (id < 0)
        return fail_srt("make", "SRT epoll");
    srt_epoll_set(id, SRT_EPOLL_ENABLE_EMPTY);
    return SrtPoll{id};
}

SrtPoll::SrtPoll(SrtPoll &&other) noexcept
    : m_id(std::exchange(other.m_id, -1)), m_ready(std::move(other.m_ready)) {}

SrtPoll::~SrtPoll() {
    if (m_id >= 0)
        srt_epoll_release(m_id);
}

Result<void> SrtPoll::watch(int handle) const {
    const int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    if (srt_epoll_add_usock(m_id, handle, &events) == SRT_ERROR)
        return fail_srt("watch", "SRT socket");
    return {};
}

Result<void> SrtPoll::watch_fd(int fd) const {
    const int events = SRT_EPOLL_IN | SRT_EPOLL_ERR;
    if (srt_epoll_add_ssock(m_id, fd, &events) == SRT_ERROR)
        return fail_srt("watch", "descriptor");
    return {};
}

void SrtPoll::forget(int handle) const {
    srt_epoll_remove_usock(m_id, handle);
}

const SrtPoll::Ready &SrtPoll::wait(base::Millis limit) {
    constexpr int k_room = 64;
    std::array<SRTSOCKET, k_room> readable{};
    std::array<SYSSOCKET, k_room> fds{};
    int sockets = k_room;
    int descriptors = k_room;
    m_ready.sockets.clear();
    m_ready.fds.clear();
    if (srt_epoll_wait(m_id, readable.data(), &sockets, nullptr, nullptr, limit.count(), fds.data(),
                       &descriptors, nullptr, nullptr) == SRT_ERROR)
        return m_ready;
    m_ready.sockets.assign(readable.begin(), readable.begin() + sockets);
    m_ready.fds.assign(fds.begin(), fds.begin() + descriptors);
    return m_ready;
}

} // namespace media
