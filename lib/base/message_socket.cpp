#include "base/message_socket.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <poll.h>
#include <sys/socket.h>

namespace base {

Result<std::pair<MessageSocket, MessageSocket>> MessageSocket::make_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
        return fail_errno("make", "socket pair");
    return std::pair{MessageSocket{Fd{ends[0]}}, MessageSocket{Fd{ends[1]}}};
}

Result<void> MessageSocket::send(std::string_view text, const std::vector<int> &fds) {
    if (text.empty() || text.size() > k_max_message || fds.size() > k_max_fds)
        return fail(Errc::bug, "send message: {} bytes and {} descriptors do not fit", text.size(),
                    fds.size());
    iovec part{const_cast<char *>(text.data()), text.size()}; // NOLINT: sendmsg does not write
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * k_max_fds)> space{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = space.data();
        header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
        cmsghdr *control = CMSG_FIRSTHDR(&header);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(control), fds.data(), sizeof(int) * fds.size());
    }
    for (;;) {
        if (::sendmsg(m_fd.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
            return {};
        if (errno == EINTR)
            continue;
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
            return fail(Errc::unavailable, "send message: the other process is gone");
        return fail_errno("send", "message");
    }
}

Result<std::optional<MessageSocket::Message>> MessageSocket::receive(int wait_ms) {
    Message out;
    // Most are a few hundred bytes; clearing room for the longest took more than reading one.
    thread_local const auto space_for_text =
        std::make_unique_for_overwrite<std::array<char, k_max_message>>();
    iovec part{space_for_text->data(), space_for_text->size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * k_max_fds)> space{};
    for (;;) {
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = space.data();
        header.msg_controllen = space.size();
        const ssize_t n = ::recvmsg(m_fd.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        // A peer that closed with unread messages of ours resets us, once, and before what it sent
        // last is delivered (unix(7) gives ECONNRESET first): that still waits to be read.
        if (n < 0 && (errno == EINTR || errno == ECONNRESET))
            continue;
        if (n < 0 && errno == EAGAIN) {
            pollfd waiting{m_fd.get(), POLLIN, 0};
            if (wait_ms == 0 || ::poll(&waiting, 1, wait_ms) <= 0)
                return std::optional<Message>{};
            wait_ms = 0;
            continue;
        }
        if (n == 0)
            return fail(Errc::unavailable, "receive message: the other process is gone");
        if (n < 0)
            return fail_errno("receive", "message");
        for (cmsghdr *c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                continue;
            const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int fd = -1;
                std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                out.fds.emplace_back(fd);
            }
        }
        out.text.assign(space_for_text->data(), static_cast<std::size_t>(n));
        ::explicit_bzero(space_for_text->data(), out.text.size()); // it may be a secret
        if ((static_cast<unsigned>(header.msg_flags) & (MSG_TRUNC | MSG_CTRUNC)) != 0)
            return fail(Errc::protocol, "receive message: longer than {} bytes", k_max_message);
        return std::optional{std::move(out)};
    }
}

} // namespace base
