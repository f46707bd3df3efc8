// Whether a carrier leads to the relay: the keyed UDP echo, sent through that carrier and no other.
#pragma once

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

} // namespace carrier
