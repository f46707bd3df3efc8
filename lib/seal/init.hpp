#pragma once

namespace seal {

/// Prepares libsodium. cli::run_tool and the unit tests call it once, before any other call here;
/// calling it again is harmless. Throws when the kernel gives no random numbers.
void init();

} // namespace seal
