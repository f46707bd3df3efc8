// Messages between our own processes on one machine: a SOCK_SEQPACKET pair, with descriptors.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace base {

/// One end of a unix(7) seqpacket pair: every send is one message, kept whole. Not thread-safe.
class MessageSocket {
  public:
    static constexpr std::size_t k_max_message = 65536;
    static constexpr std::size_t k_max_fds = 16;

    struct Message {
        std::string text;
        std::vector<Fd> fds;
    };

    MessageSocket() = default;
    /// Takes an inherited descriptor.
    explicit MessageSocket(Fd fd) : m_fd(std::move(fd)) {}

    /// Two connected ends, close-on-exec, non-blocking.
    [[nodiscard]] static Result<std::pair<MessageSocket, MessageSocket>> make_pair();

    /// Sends one message with duplicates of @p fds. try_again when the peer's buffer is full,
    /// unavailable when the peer is gone (no SIGPIPE).
    [[nodiscard]] Result<void> send(std::string_view text, const std::vector<int> &fds = {});

    /// The next message; nothing when none waits (or @p wait_ms ran out; -1 waits for ever).
    /// unavailable when the peer is gone. Received descriptors are close-on-exec.
    [[nodiscard]] Result<std::optional<Message>> receive(int wait_ms = 0);

    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] int release() { return m_fd.release(); }
    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(m_fd); }
    void close() { m_fd.reset(); }

  private:
    Fd m_fd;
};

} // namespace base
