// The records of --events: whoever reads them, the relay goes on.
#pragma once

#include "wire/json.hpp"

#include <cstdint>

namespace relay {

/// Writes records as JSON lines. One that cannot be written at once is left out, for the hub must
/// neither end nor wait for a full disk or a reader that sleeps: this is said when it begins, and
/// when it is over. Not thread-safe.
class EventOutput {
  public:
    /// @p fd is borrowed.
    explicit EventOutput(int fd) : m_fd(fd) {}
    void write(const wire::Json &record);
    /// Records left out since the last that was written.
    [[nodiscard]] std::int64_t left_out() const { return m_left_out; }

  private:
    int m_fd;
    std::int64_t m_left_out = 0;
};

} // namespace relay
