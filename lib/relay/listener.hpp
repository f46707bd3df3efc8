// Where viewers come in: listening sockets.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "conf/address.hpp"
#include "net/networks.hpp"

namespace relay {

/// A listening TCP socket on @p address. unavailable: the address is not there or taken.
[[nodiscard]] base::Result<base::Fd> listen_on(const conf::Address &address);

struct Accepted {
    base::Fd socket; ///< never blocks; empty when nobody waits, or errno says what is short
    bool loopback = false;
    net::Ip address{}; ///< of IPv4 also when the listener is for both families
};
[[nodiscard]] Accepted accept_viewer(int listener);

/// Tells whoever just connected, in HTTP, that his address has too many connections; as far as that
/// goes without waiting.
void turn_away(int socket);

} // namespace relay
