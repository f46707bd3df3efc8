// What control remembers of requests while it runs, whichever configuration is in force.
#pragma once

#include "control/auth.hpp"
#include "control/limiter.hpp"

namespace control {

/// Its parts are thread-safe.
struct Remembered {
    NonceCache nonces;
    Limiter by_key;
    Limiter by_address;
};

} // namespace control
