#include "media/srt_socket.hpp"

#include "base/fd.hpp"
#include "media/srt_native.hpp"

#include <algorithm>
#include <array>
#include <syslog.h>
#include <utility>

namespace media {

using base::Errc;
using base::fail;
using base::Result;
using srt_native::fail_srt;
using srt_native::set_option;
using namespace std::chrono_literals;

SrtLibrary::SrtLibrary() {
    srt_startup();
    // Its lines go to stderr in a form of their own and tell of every refused stranger.
    srt_setloglevel(LOG_CRIT);
}

SrtLibrary::~SrtLibrary() {
    srt_cleanup();
}

SrtSocket::SrtSocket(SrtSocket &&other) noexcept
    : m_handle(std::exchange(other.m_handle, -1)), m_measured(other.m_measured) {}

SrtSocket &SrtSocket::operator=(SrtSocket &&other) noexcept {
    if (this != &other) {
        close();
        m_handle = std::exchange(other.m_handle, -1);
        m_measured = other.m_measured;
    }
    return *this;
}

SrtSocket::~SrtSocket() {
    close();
}

void SrtSocket::close() {
    if (m_handle >= 0)
        srt_close(std::exchange(m_handle, -1));
}

namespace {

Result<void> configure(SRTSOCKET s, const SrtCall &call) {
    TRY(set_option(s, SRTO_TRANSTYPE, SRTT_LIVE, "transtype"));
    TRY(set_option(s, SRTO_SNDSYN, false, "sndsyn"));
    TRY(set_option(s, SRTO_RCVSYN, false, "rcvsyn"));
    TRY(set_option(s, SRTO_SENDER, true, "sender"));
    TRY(set_option(s, SRTO_CONNTIMEO, static_cast<int>(call.connect_timeout.count()), "conntimeo"));
    TRY(set_option(s, SRTO_PEERIDLETIMEO, static_cast<int>(call.idle_timeout.count()),
                   "peeridletimeo"));
    TRY(set_option(s, SRTO_LATENCY, static_cast<int>(call.latency.count()), "latency"));
    TRY(set_option(s, SRTO_PAYLOADSIZE, call.payload_bytes, "payloadsize"));
    TRY(set_option(s, SRTO_ENFORCEDENCRYPTION, true, "enforcedencryption"));
    if (call.max_bytes_per_second > 0)
        TRY(set_option(s, SRTO_MAXBW, call.max_bytes_per_second, "maxbw"));
    if (!call.passphrase.empty()) {
        TRY(set_option(s, SRTO_PBKEYLEN, call.key_bytes, "pbkeylen"));
        TRY(set_option(s, SRTO_PASSPHRASE, call.passphrase, "passphrase"));
    }
    if (!call.stream_id.empty())
        TRY(set_option(s, SRTO_STREAMID, call.stream_id, "streamid"));
    if (call.to.is_v6())
        TRY(set_option(s, SRTO_IPV6ONLY, 1, "ipv6only"));
    return {};
}

// A UDP socket of our own: libsrt 1.5.1 binds its own to a device for IPv4 only.
Result<void> open_udp(SRTSOCKET s, const SrtCall &call) {
    const bool v6 = call.to.is_v6();
    const std::string any = v6 ? "::" : "0.0.0.0";
    const auto source = TRY(srt_native::system_address(call.source.empty() ? any : call.source, 0));
    base::Fd udp{::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!udp)
        return base::fail_errno("open", "UDP socket");
    const int only = 1;
    if (v6 && ::setsockopt(udp.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)
        return base::fail_errno("keep to IPv6 with", "UDP socket");
    const std::string &device = call.interface;
    if (!device.empty() && ::setsockopt(udp.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                                        static_cast<socklen_t>(device.size())) != 0)
        return base::fail_errno("bind SRT socket to", device);
    if (::bind(udp.get(), source.get(), static_cast<socklen_t>(source.size)) != 0)
        return base::fail_errno("bind SRT socket to", call.source.empty() ? any : call.source);
    const int fd = udp.release(); // libsrt closes it, and where it fails, too
    if (srt_bind_acquire(s, fd) == SRT_ERROR)
        return fail_srt("make", "SRT socket");
    if (!call.idle_look)
        return {};
    const timeval look{0, static_cast<suseconds_t>(*call.idle_look / 1us)};
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) != 0)
        return base::fail_errno("set", "SRT socket's timeout");
    return {};
}

} // namespace

Result<SrtSocket> SrtSocket::call(const SrtCall &call) {
    const auto to = TRY(srt_native::system_address(call.to.host, call.to.port));
    SrtSocket out{srt_create_socket()};
    if (!out)
        return fail_srt("make", "SRT socket");
    TRY(configure(out.m_handle, call));
    TRY(open_udp(out.m_handle, call));
    if (srt_connect(out.m_handle, to.get(), to.size) == SRT_ERROR)
        return fail_srt("connect to", call.to.text());
    return out;
}

SrtState SrtSocket::state() const {
    switch (srt_getsockstate(m_handle)) {
    case SRTS_CONNECTED:
        return SrtState::connected;
    case SRTS_CONNECTING:
        return SrtState::connecting;
    default:
        return SrtState::broken;
    }
}

SrtReject SrtSocket::reject() const {
    const int code = srt_getrejectreason(m_handle);
    return {.code = code, .text = srt_rejectreason_str(code)};
}

// These change the connection, if not this object.
// NOLINTBEGIN(readability-make-member-function-const)
Result<bool> SrtSocket::send(std::span<const std::uint8_t> message, std::chrono::microseconds age) {
    SRT_MSGCTRL how = srt_msgctrl_default;
    if (age.count() > 0)
        how.srctime = srt_time_now() - age.count();
    const int sent = srt_sendmsg2(m_handle, reinterpret_cast<const char *>(message.data()),
                                  static_cast<int>(message.size()), &how);
    if (sent != SRT_ERROR)
        return true;
    int err = 0;
    const int code = srt_getlasterror(&err);
    if (code == SRT_EASYNCSND || code == SRT_ECONGEST || code == SRT_ETIMEOUT)
        return false;
    return fail(Errc::unavailable, "send: {}", srt_strerror(code, 0));
}

Result<std::optional<std::size_t>> SrtSocket::receive(std::span<std::uint8_t> space) {
    const int got =
        srt_recv(m_handle, reinterpret_cast<char *>(space.data()), static_cast<int>(space.size()));
    if (got > 0)
        return std::optional{static_cast<std::size_t>(got)};
    int err = 0;
    const int code = got == 0 ? SRT_ECONNLOST : srt_getlasterror(&err);
    if (code == SRT_EASYNCRCV || code == SRT_ETIMEOUT)
        return std::optional<std::size_t>{};
    return fail(Errc::unavailable, "receive: {}", srt_strerror(code, 0));
}

Result<void> SrtSocket::limit(std::int64_t max_bytes_per_second) {
    return set_option(m_handle, SRTO_MAXBW, max_bytes_per_second > 0 ? max_bytes_per_second : -1,
                      "maxbw");
}
// NOLINTEND(readability-make-member-function-const)

std::size_t SrtSocket::unacknowledged() const {
    std::size_t blocks = 0;
    std::size_t bytes = 0;
    return srt_getsndbuffer(m_handle, &blocks, &bytes) == SRT_ERROR ? 0 : blocks;
}

SrtStats SrtSocket::stats() const {
    SRT_TRACEBSTATS s{};
    constexpr int k_keep = 0; // the counters
    constexpr int k_now = 1;  // buffers as they are, not smoothed
    if (srt_bistats(m_handle, &s, k_keep, k_now) == SRT_ERROR)
        return m_measured;
    m_measured = {.rtt_us = static_cast<std::int64_t>(s.msRTT * 1000),
                  .unacknowledged_ms = s.msSndBuf,
                  .lost_packets = std::int64_t{s.pktSndLossTotal} + s.pktRcvLossTotal,
                  .retransmitted_packets = s.pktRetransTotal,
                  .dropped_packets = std::int64_t{s.pktSndDropTotal} + s.pktRcvDropTotal,
                  .received_packets = s.pktRecvUniqueTotal};
    return m_measured;
}

std::string SrtSocket::stream_id() const {
    std::array<char, 520> text{}; // SRT allows 512 characters
    int size = text.size();
    if (srt_getsockflag(m_handle, SRTO_STREAMID, text.data(), &size) == SRT_ERROR || size < 0)
        return {};
    return {text.data(), std::min(static_cast<std::size_t>(size), text.size())};
}

std::string SrtSocket::peer() const {
    sockaddr_storage address{};
    int size = sizeof address;
    auto *as_any = reinterpret_cast<sockaddr *>(&address);
    if (srt_getpeername(m_handle, as_any, &size) == SRT_ERROR)
        return {};
    return srt_native::from_system(as_any).text();
}

base::Millis SrtSocket::latency() const {
    int value = 0;
    int size = sizeof value;
    if (srt_getsockflag(m_handle, SRTO_RCVLATENCY, &value, &size) == SRT_ERROR)
        return base::Millis{0};
    return base::Millis{value};
}

} // namespace media
