// A netlink socket of libnl, and its messages, for the files of this module only.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <sys/socket.h>

struct nl_sock;
struct nl_msg;
struct nlmsghdr;
struct nlattr;

namespace route {

/// One message that is being built. Attributes go through libnl, which keeps the bounds.
class Message {
  public:
    /// @p type is RTM_…, @p flags NLM_F_… besides NLM_F_REQUEST.
    Message(int type, int flags);
    void header(const void *data, std::size_t size);
    void put(int attribute, const void *data, std::size_t size);
    void put_u8(int attribute, std::uint8_t value) { put(attribute, &value, sizeof value); }
    void put_u32(int attribute, std::uint32_t value) { put(attribute, &value, sizeof value); }
    void put_bytes(int attribute, std::span<const std::uint8_t> bytes) {
        put(attribute, bytes.data(), bytes.size());
    }
    void put_string(int attribute, const std::string &text) {
        put(attribute, text.c_str(), text.size() + 1);
    }
    /// What is put between the two calls is put into @p attribute.
    [[nodiscard]] nlattr *open(int attribute);
    void close(nlattr *opened);
    [[nodiscard]] nl_msg *get() const { return m_msg.get(); }

  private:
    struct Free {
        void operator()(nl_msg *msg) const;
    };
    std::unique_ptr<nl_msg, Free> m_msg;
};

/// A connected socket. Not thread-safe.
class Netlink {
  public:
    using OnMessage = std::function<void(const nlmsghdr &)>;

    /// @p protocol is NETLINK_ROUTE or NETLINK_NETFILTER.
    [[nodiscard]] static base::Result<Netlink> open(int protocol);

    /// Sends @p message and waits for its acknowledgement; the kernel's errno, 0 when it agreed.
    [[nodiscard]] base::Result<int> request(const Message &message);

    /// Sends a dump request and calls @p each for every part of the answer.
    [[nodiscard]] base::Result<void> dump(const Message &message, const OnMessage &each);

    /// From now on the socket receives the events of @p groups (RTNLGRP_…), non-blocking.
    [[nodiscard]] base::Result<void> subscribe(std::span<const int> groups);
    /// Calls @p each for every event that waits; true when the kernel dropped some.
    [[nodiscard]] bool drain(const OnMessage &each);

    [[nodiscard]] int fd() const;

  private:
    struct Free {
        void operator()(nl_sock *sock) const;
    };
    explicit Netlink(nl_sock *sock) : m_sock(sock) {}
    [[nodiscard]] base::Result<int> receive(const OnMessage &each);
    std::unique_ptr<nl_sock, Free> m_sock;
};

/// Attribute @p type after the family header of @p header_size bytes; empty when absent.
[[nodiscard]] std::span<const std::uint8_t> attribute(const nlmsghdr &message,
                                                      std::size_t header_size, int type);
[[nodiscard]] std::uint32_t attribute_u32(const nlmsghdr &message, std::size_t header_size,
                                          int type, std::uint32_t fallback);
[[nodiscard]] std::string attribute_string(const nlmsghdr &message, std::size_t header_size,
                                           int type);

} // namespace route
