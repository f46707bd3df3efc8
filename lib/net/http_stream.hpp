// An answer that goes on for as long as there is something to tell, such as server-sent events.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace net {

/// What follows the body of an answer, until it is closed: then the connection ends, which is how
/// the client knows. Thread-safe; may outlive the server.
class Stream {
  public:
    /// At most @p limit bytes wait for a client that is slow to take them, or one longer text.
    explicit Stream(std::size_t limit) : m_limit(limit) {}

    /// Sends @p text after all before it. False, and for good, when the client is gone, the stream
    /// is closed or more would wait than may: such a client is dropped.
    bool push(std::string_view text);
    /// Ends the answer once what waits is sent.
    void close();
    /// Whether a push may still reach the client.
    [[nodiscard]] bool open() const;

    /// For the session that sends it: what waits, and whether something may still come.
    struct Part {
        std::string text;
        bool more = true;
    };
    [[nodiscard]] Part take();
    /// For the session: @p wake is called from any thread when there is something to take.
    void attach(std::function<void()> wake);
    /// For the session: the client is gone.
    void detach();

  private:
    const std::size_t m_limit;
    mutable std::mutex m_mutex;
    std::string m_waiting;
    std::function<void()> m_wake;
    bool m_open = true;
};

} // namespace net
