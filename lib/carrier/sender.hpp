// The sender process of one exec: started as the media user, told what to do, listened to.
#pragma once

#include "base/message_socket.hpp"
#include "carrier/users.hpp"
#include "wire/sender.hpp"

#include <functional>

namespace carrier {

/// Ends its process when it dies. Not thread-safe.
class Sender {
  public:
    /// How it is started.
    struct How {
        const Identity &media; ///< as whom
        int network_fd = -1;   ///< in this network namespace; -1: in ours
        const std::function<void()> &restore_signals;
    };
    /// Starts push-sender. @p reader receives the end of the reader's socket.
    [[nodiscard]] static base::Result<Sender> start(const How &how, base::MessageSocket &reader);
    Sender(Sender &&other) noexcept;
    Sender &operator=(Sender &&) = delete;
    ~Sender();

    /// Sends @p plan unless the sender has it already. try_again: its buffer is full, repeat later.
    [[nodiscard]] base::Result<void> tell(const wire::SenderPlan &plan);
    /// Reads what it reports; false when it is gone.
    [[nodiscard]] bool hear();
    /// True once it does what the last plan says, or is gone: nothing leaves over other paths.
    [[nodiscard]] bool follows() const;
    /// Collects it when it has ended: its exit code.
    [[nodiscard]] std::optional<int> ended();
    /// Lets a sender that is live send what is queued, at most @p patience, then ends it.
    void finish(base::Millis patience);

    /// To poll for reading; -1 when it is gone.
    [[nodiscard]] int fd() const { return m_socket.fd(); }
    /// The state it reported last, empty before the first.
    [[nodiscard]] const wire::SenderStatus &status() const { return m_status; }

  private:
    Sender(base::MessageSocket socket, pid_t pid) : m_socket(std::move(socket)), m_pid(pid) {}
    [[nodiscard]] bool wait_end(base::Millis patience, bool while_live);

    base::MessageSocket m_socket;
    pid_t m_pid;
    std::optional<wire::SenderPlan> m_told; // its number is m_number
    std::int64_t m_number = 0;
    wire::SenderStatus m_status;
};

} // namespace carrier
