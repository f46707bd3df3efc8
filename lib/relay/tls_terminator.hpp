// Processes that go on with viewers' TLS when a relay becomes another program (see
// hub_upgrade.cpp): what was agreed on with a viewer cannot be handed over, his bytes can.
#pragma once

#include "relay/connection.hpp"

namespace relay {

/// A copy of this process. When this one has become another program it goes on with TLS for some
/// viewers, and ends with the last of them.
struct TlsTerminator {
    pid_t pid;                  ///< a child of this process
    base::Fd gate;              ///< it waits until this is closed
    std::vector<base::Fd> ends; ///< what the next program has instead of their sockets

    /// For those of @p connections that have TLS: each one's descriptor is one of `ends` then.
    /// Until this process becomes another one all is as it was, and so it is again when the child
    /// is killed. No other thread may be at work in OpenSSL, nor hold a lock of ours.
    [[nodiscard]] static base::Result<TlsTerminator> start(std::span<ConnectionState> connections);
};

} // namespace relay
