// Answers SRT callers, and waits for what happens on many SRT sockets and descriptors at once.
#pragma once

#include "media/srt_socket.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace media {

/// What a caller shows in its handshake, before anything is agreed.
struct SrtOffer {
    std::string_view stream_id; ///< from a stranger: any bytes, up to 512
    conf::Address peer;
};

/// Whether to go on with it. `refuse` 0 admits; 2000 and up are the application's codes, which the
/// caller can read.
struct SrtAnswer {
    int refuse = 0;
    std::string passphrase; ///< a secret: a caller that does not have it is refused by libsrt
};

/// Decides on one offer. Runs on libsrt's receiving thread, which serves every other connection of
/// this address too: no I/O, no waiting, no lock that is held for long. Must not throw.
using SrtDecide = std::function<SrtAnswer(const SrtOffer &)>;

/// Whether callers have to be encrypted. With `open` they need not be, and answers have no
/// passphrase.
enum class SrtCipher { enforced, open };

/// A listener bound to one address. With encryption enforced, a caller without it, or with another
/// passphrase than the answer's, is refused.
class SrtListener {
  public:
    /// unavailable when the address is not this machine's, try_again when it is taken.
    [[nodiscard]] static base::Result<SrtListener> open(const conf::Address &at,
                                                        base::Millis latency, SrtDecide decide,
                                                        SrtCipher cipher = SrtCipher::enforced);

    /// The next connection that was admitted and made; an empty socket when there is none.
    [[nodiscard]] SrtSocket accept();
    [[nodiscard]] int handle() const { return m_socket.handle(); }

  private:
    SrtListener(SrtSocket socket, std::unique_ptr<SrtDecide> decide)
        : m_decide(std::move(decide)), m_socket(std::move(socket)) {}
    std::unique_ptr<SrtDecide> m_decide; // outlives the socket, whose thread calls it
    SrtSocket m_socket;
};

/// libsrt's epoll: level-triggered, for sockets (readable or broken) and descriptors (readable). It
/// looks at descriptors every 10 ms only; sockets wake it at once.
class SrtPoll {
  public:
    struct Ready {
        std::vector<int> sockets; ///< handles
        std::vector<int> fds;
    };

    [[nodiscard]] static base::Result<SrtPoll> make();
    SrtPoll(SrtPoll &&other) noexcept;
    SrtPoll &operator=(SrtPoll &&) = delete;
    SrtPoll(const SrtPoll &) = delete;
    SrtPoll &operator=(const SrtPoll &) = delete;
    ~SrtPoll();

    [[nodiscard]] base::Result<void> watch(int handle) const;
    [[nodiscard]] base::Result<void> watch_fd(int fd) const;
    /// Harmless when it was not watched. A closed socket leaves by itself.
    void forget(int handle) const;
    /// At most @p limit; empty when nothing happened.
    [[nodiscard]] const Ready &wait(base::Millis limit);

  private:
    explicit SrtPoll(int id) : m_id(id) {}
    int m_id = -1;
    Ready m_ready;
};

} // namespace media
