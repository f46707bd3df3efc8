// A viewer's TLS at one side and plain bytes at the other: what goes on with a connection whose
// keys no other program can have.
#pragma once

#include "relay/transport.hpp"

#include <array>

namespace relay {

/// Never blocks. Not thread-safe.
///
/// It holds at most one record of TLS and a chunk of the viewer's; more waits in the sockets. An
/// end that the inner side tells is told to the viewer, and a cut is passed on as a cut; a viewer
/// who tells his end is gone, whatever is still to come.
class TlsTunnel {
  public:
    /// @p outer is the viewer's, at any step of its handshake when @p greeting; @p inner one end of
    /// a pair of stream sockets, of which the other end serves him.
    TlsTunnel(Transport &outer, bool greeting, base::Fd inner)
        : m_outer(&outer), m_inner(std::move(inner)), m_greeting(greeting) {}
    TlsTunnel(const TlsTunnel &) = delete;
    TlsTunnel &operator=(const TlsTunnel &) = delete;
    ~TlsTunnel() = default;

    /// Which readiness it waits for, as epoll(7) names it.
    struct Interest {
        std::uint32_t outer = 0;
        std::uint32_t inner = 0;
    };
    /// Moves what can be moved now. Nothing: it is over, and both sockets are to be closed.
    [[nodiscard]] std::optional<Interest> pump();

    [[nodiscard]] int outer_fd() const { return m_outer->fd(); }
    [[nodiscard]] int inner_fd() const { return m_inner.get(); }

  private:
    enum class Step { moved, wait, over };
    [[nodiscard]] Step greet(Interest &interest);
    [[nodiscard]] Step to_viewer(Interest &interest);
    [[nodiscard]] Step from_viewer(Interest &interest);
    [[nodiscard]] bool is_cut() const;

    Transport *m_outer;
    base::Fd m_inner;
    bool m_greeting;
    bool m_ending = false; ///< the viewer is being told that it was all
    std::array<char, 4096> m_chunk{};
    std::string_view m_asked; ///< of the chunk: what the inner end has not taken
};

} // namespace relay
