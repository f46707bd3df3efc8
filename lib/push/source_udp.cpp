// TS in datagrams: unicast and multicast, bare and in RTP.
#include "base/fd.hpp"
#include "base/log.hpp"
#include "media/ts_datagram.hpp"
#include "push/source_net.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace push::detail {

using base::Errc;
using base::fail;
using base::fail_errno;
using base::Result;

namespace {

constexpr int k_receive_buffer = 4 << 20; // or what net.core.rmem_max allows
constexpr int k_patience_ms = 100;
constexpr std::size_t k_largest = 65'536;

struct Endpoint {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr *get() const {
        return reinterpret_cast<const sockaddr *>(&storage);
    }
    [[nodiscard]] bool is_v6() const { return storage.ss_family == AF_INET6; }
    [[nodiscard]] bool is_multicast() const {
        if (is_v6())
            return IN6_IS_ADDR_MULTICAST(
                &reinterpret_cast<const sockaddr_in6 *>(&storage)->sin6_addr);
        return IN_MULTICAST(
            ntohl(reinterpret_cast<const sockaddr_in *>(&storage)->sin_addr.s_addr));
    }
};

// @p host: an IP literal; empty: any, IPv4 and IPv6.
Result<Endpoint> endpoint(const std::string &host, std::uint16_t port) {
    Endpoint out;
    auto *v4 = reinterpret_cast<sockaddr_in *>(&out.storage);
    auto *v6 = reinterpret_cast<sockaddr_in6 *>(&out.storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out.size = sizeof *v4;
        return out;
    }
    if (!host.empty() && ::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) != 1)
        return fail(Errc::usage, "{}: not an IP address", host);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.size = sizeof *v6;
    return out;
}

class UdpOrigin final : public Origin {
  public:
    explicit UdpOrigin(NetworkName name) : m_name(std::move(name)), m_space(k_largest) {}

    Result<void> open() override {
        const Endpoint at = TRY(endpoint(m_name.host, m_name.port));
        m_socket =
            base::Fd{::socket(at.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        if (!m_socket)
            return fail_errno("make", "UDP socket");
        const int on = 1;
        const int off = 0;
        if (m_name.host.empty())
            set(IPPROTO_IPV6, IPV6_V6ONLY, off);
        if (at.is_multicast())
            set(SOL_SOCKET, SO_REUSEADDR, on); // others listen to the group as well
        set(SOL_SOCKET, SO_RCVBUF, k_receive_buffer);
        if (::bind(m_socket.get(), at.get(), at.size) != 0)
            return fail_errno("listen at", m_name.text);
        return at.is_multicast() ? join(at) : no_group();
    }

    std::span<const std::uint8_t> receive() override {
        pollfd waiting{m_socket.get(), POLLIN, 0};
        if (::poll(&waiting, 1, k_patience_ms) <= 0)
            return {};
        const ssize_t n = ::recv(m_socket.get(), m_space.data(), m_space.size(), 0);
        if (n <= 0)
            return {};
        const auto packets =
            media::ts_of_datagram(std::span{m_space}.first(static_cast<std::size_t>(n)));
        if (packets.empty() && !std::exchange(m_warned, true))
            base::log::warning("{}: datagrams come that are no transport stream; they are left out",
                               m_name.text);
        return packets;
    }

  private:
    void set(int level, int option, int value) const {
        (void)::setsockopt(m_socket.get(), level, option, &value, sizeof value);
    }

    [[nodiscard]] Result<void> no_group() const {
        if (!m_name.interface.empty() || !m_name.source.empty())
            return fail(Errc::usage, "INPUT '{}': iface and source are for multicast groups",
                        m_name.text);
        return {};
    }

    // RFC 3678: the same calls for both families.
    [[nodiscard]] Result<void> join(const Endpoint &group) const {
        const unsigned interface =
            m_name.interface.empty() ? 0 : ::if_nametoindex(m_name.interface.c_str());
        if (!m_name.interface.empty() && interface == 0)
            return fail(Errc::unavailable, "{}: there is no interface '{}'", m_name.text,
                        m_name.interface);
        const int level = group.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
        int done = 0;
        if (m_name.source.empty()) {
            group_req request{};
            request.gr_interface = interface;
            request.gr_group = group.storage;
            done = ::setsockopt(m_socket.get(), level, MCAST_JOIN_GROUP, &request, sizeof request);
        } else {
            const Endpoint source = TRY(endpoint(m_name.source, 0));
            group_source_req request{};
            request.gsr_interface = interface;
            request.gsr_group = group.storage;
            request.gsr_source = source.storage;
            done = ::setsockopt(m_socket.get(), level, MCAST_JOIN_SOURCE_GROUP, &request,
                                sizeof request);
        }
        if (done != 0)
            return fail_errno("join the group of", m_name.text);
        // Of this interface's groups only what this socket joined.
        if (!group.is_v6())
            set(IPPROTO_IP, IP_MULTICAST_ALL, 0);
        return {};
    }

    NetworkName m_name;
    base::Fd m_socket;
    std::vector<std::uint8_t> m_space;
    bool m_warned = false;
};

} // namespace

std::unique_ptr<Origin> make_udp_origin(const NetworkName &name) {
    return std::make_unique<UdpOrigin>(name);
}

} // namespace push::detail
