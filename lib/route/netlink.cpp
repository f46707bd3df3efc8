#include "route/netlink.hpp"

#include <cstring>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <new>
#include <sys/socket.h>

namespace route {

using base::Errc;
using base::Result;

void Message::Free::operator()(nl_msg *msg) const {
    ::nlmsg_free(msg);
}

Message::Message(int type, int flags) : m_msg(::nlmsg_alloc_simple(type, NLM_F_REQUEST | flags)) {
    if (!m_msg)
        throw std::bad_alloc();
}

void Message::header(const void *data, std::size_t size) {
    if (::nlmsg_append(m_msg.get(), const_cast<void *>(data), size, NLMSG_ALIGNTO) < 0)
        throw std::bad_alloc();
}

void Message::put(int attribute, const void *data, std::size_t size) {
    if (::nla_put(m_msg.get(), attribute, static_cast<int>(size), data) < 0)
        throw std::bad_alloc();
}

nlattr *Message::open(int attribute) {
    nlattr *out = ::nla_nest_start(m_msg.get(), attribute | NLA_F_NESTED);
    if (out == nullptr)
        throw std::bad_alloc();
    return out;
}

void Message::close(nlattr *opened) {
    ::nla_nest_end(m_msg.get(), opened);
}

void Netlink::Free::operator()(nl_sock *sock) const {
    ::nl_socket_free(sock);
}

Result<Netlink> Netlink::open(int protocol) {
    nl_sock *sock = ::nl_socket_alloc();
    if (sock == nullptr)
        throw std::bad_alloc();
    Netlink out{sock};
    if (const int err = ::nl_connect(sock, protocol); err < 0)
        return base::fail(Errc::io, "open netlink socket: {}", ::nl_geterror(err));
    ::nl_socket_disable_auto_ack(sock); // an answer and an acknowledgement would be one too many
    // Dumps then return what was asked for, not everything; old kernels do not know it.
    const int on = 1;
    ::setsockopt(out.fd(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    return out;
}

int Netlink::fd() const {
    return ::nl_socket_get_fd(m_sock.get());
}

namespace {

struct Sink {
    const Netlink::OnMessage *each = nullptr;
    int error = 0; // the kernel's errno
};

int on_valid(nl_msg *msg, void *arg) {
    const auto *sink = static_cast<const Sink *>(arg);
    if (*sink->each)
        (*sink->each)(*::nlmsg_hdr(msg));
    return NL_OK;
}

int on_error(sockaddr_nl * /*from*/, nlmsgerr *err, void *arg) {
    static_cast<Sink *>(arg)->error = -err->error;
    return NL_STOP;
}

struct FreeCallbacks {
    void operator()(nl_cb *cb) const { ::nl_cb_put(cb); }
};

} // namespace

Result<int> Netlink::receive(const OnMessage &each) {
    Sink sink{&each};
    const std::unique_ptr<nl_cb, FreeCallbacks> callbacks{::nl_cb_alloc(NL_CB_DEFAULT)};
    if (!callbacks)
        throw std::bad_alloc();
    ::nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, on_valid, &sink);
    ::nl_cb_set(
        callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, [](nl_msg *, void *) -> int { return NL_STOP; },
        nullptr);
    ::nl_cb_err(callbacks.get(), NL_CB_CUSTOM, on_error, &sink);
    const int err = ::nl_recvmsgs(m_sock.get(), callbacks.get());
    if (err < 0 && sink.error == 0)
        return base::fail(Errc::io, "receive from the kernel: {}", ::nl_geterror(err));
    return sink.error;
}

Result<int> Netlink::request(const Message &message) {
    ::nlmsg_hdr(message.get())->nlmsg_flags |= NLM_F_ACK;
    if (const int err = ::nl_send_auto(m_sock.get(), message.get()); err < 0)
        return base::fail(Errc::io, "send to the kernel: {}", ::nl_geterror(err));
    return receive({});
}

Result<void> Netlink::dump(const Message &message, const OnMessage &each) {
    if (const int err = ::nl_send_auto(m_sock.get(), message.get()); err < 0)
        return base::fail(Errc::io, "send to the kernel: {}", ::nl_geterror(err));
    if (const int err = TRY(receive(each)); err != 0)
        return base::fail_errno("read", "the kernel's routing", err);
    return {};
}

Result<void> Netlink::subscribe(std::span<const int> groups) {
    ::nl_socket_disable_seq_check(m_sock.get());
    for (const int group : groups)
        if (const int err = ::nl_socket_add_memberships(m_sock.get(), group, 0); err < 0)
            return base::fail(Errc::io, "watch the kernel's routing: {}", ::nl_geterror(err));
    if (::nl_socket_set_nonblocking(m_sock.get()) < 0)
        return base::fail_errno("watch", "the kernel's routing");
    return {};
}

bool Netlink::drain(const OnMessage &each) {
    alignas(nlmsghdr) std::array<char, 65536> buffer; // NOLINT(*-member-init): filled by recv
    bool dropped = false;
    for (;;) {
        ssize_t n = ::recv(fd(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0 && errno == ENOBUFS) {
            dropped = true;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return dropped;
        int left = static_cast<int>(n);
        const auto *header = reinterpret_cast<const nlmsghdr *>(buffer.data()); // NOLINT
        for (; ::nlmsg_ok(header, left) != 0;
             header = ::nlmsg_next(const_cast<nlmsghdr *>(header), &left)) // NOLINT
            each(*header);
    }
}

std::span<const std::uint8_t> attribute(const nlmsghdr &message, std::size_t header_size,
                                        int type) {
    const nlattr *found = ::nlmsg_find_attr(const_cast<nlmsghdr *>(&message), // NOLINT: reads only
                                            static_cast<int>(header_size), type);
    if (found == nullptr)
        return {};
    return {static_cast<const std::uint8_t *>(::nla_data(found)),
            static_cast<std::size_t>(::nla_len(found))};
}

std::uint32_t attribute_u32(const nlmsghdr &message, std::size_t header_size, int type,
                            std::uint32_t fallback) {
    const auto bytes = attribute(message, header_size, type);
    if (bytes.size() != sizeof fallback)
        return fallback;
    std::memcpy(&fallback, bytes.data(), sizeof fallback);
    return fallback;
}

std::string attribute_string(const nlmsghdr &message, std::size_t header_size, int type) {
    const auto bytes = attribute(message, header_size, type);
    std::string out(bytes.begin(), bytes.end());
    return out.substr(0, out.find('\0')); // up to the terminator, if there is one
}

} // namespace route
