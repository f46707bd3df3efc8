// Whether a carrier leads to the relay: the keyed UDP echo, sent through that carrier and no other.
#pragma once

#include "base/fd.hpp"
#include "seal/echo.hpp"
#include "wire/settings.hpp"

namespace carrier {

/// Where to ask, and through what.
struct ProbeWay {
    std::string carrier; ///< for messages
    std::string interface;
    std::string source; ///< IP literal of the probe's family; empty: the kernel chooses
};

/// Asks up to ten times, 100 ms apart, and returns at the first answer, after at most a second: how
/// long it took. The socket is bound to @p way's interface and source. unavailable: no answer;
/// try_again: @p stop_fd (-1: none) became readable; bad_data: the key is not one.
[[nodiscard]] base::Result<std::chrono::microseconds> probe(const wire::Probe &probe,
                                                            const ProbeWay &way, int stop_fd = -1);

/// The same question again and again, one line at a time, without waiting. Not thread-safe.
class Prober {
  public:
    /// bad_data: the key is not one.
    [[nodiscard]] static base::Result<Prober> make(const wire::Probe &probe);

    /// From now on through @p way, by a new socket; fails as probe() does.
    [[nodiscard]] base::Result<void> bind(const ProbeWay &way);
    /// Asks once more; that it cannot be sent is as if it were lost.
    void ask();
    /// Whether the relay answered one of the last 64 questions since the last call.
    [[nodiscard]] bool heard();
    /// To poll for reading; -1 before bind().
    [[nodiscard]] int fd() const { return m_fd.get(); }

  private:
    Prober(wire::Endpoint at, std::vector<std::uint8_t> key)
        : m_at(std::move(at)), m_key(std::move(key)) {}
    wire::Endpoint m_at;
    std::vector<std::uint8_t> m_key;
    base::Fd m_fd;
    std::uint64_t m_first = 0; ///< the first question's cookie: nobody can guess it
    std::uint64_t m_asked = 0;
};

} // namespace carrier
