// Requests that were, or may have been, sent and whose answer was not yet written out. They make
// "kill and run the same command again" safe: the same request goes out with the same idempotency
// key, and control gives its first answer again instead of booking twice.
#pragma once

#include "base/clock.hpp"
#include "vault/vault.hpp"

#include <functional>
#include <memory>
#include <string>

namespace client {

/// What is to be sent.
struct Wanted {
    std::string origin; ///< control's address: the same request to another control is another
    std::string path;
    /// What makes two requests the same: the body, but for what differs from run to run, such as
    /// the salt of a password's hash.
    std::string same;
    std::string body; ///< JSON
    /// Whether the body of an unfinished request will do, where `same` cannot tell; may be empty.
    std::function<bool(const std::string &body)> fits;
};

/// One request on its way.
struct Pending {
    std::string name; ///< of its file: a hash of what makes the request the same
    std::string body; ///< of the first run, to be sent again byte for byte
    std::string key;  ///< the idempotency key
    base::UtcTime created;
    bool resumed = false; ///< an earlier run left it
};

/// The pending requests: files in `pending/` of the vault (0700/0600). Any number of processes may
/// use it at once; the same request from two of them is one request.
class PendingStore {
  public:
    /// Makes the folder in the vault when it is absent.
    [[nodiscard]] static base::Result<PendingStore> open(const vault::Vault &vault);
    PendingStore(PendingStore &&) noexcept;
    PendingStore &operator=(PendingStore &&) noexcept;
    ~PendingStore();

    /// The unfinished request that is the same as @p wanted, or a new one with a fresh key, which
    /// is on the disk when this returns. One that is older than control remembers keys (48 h, less
    /// an hour) is replaced. io: the disk is full; then nothing may be sent.
    /// usage: it could not be read again, being no JSON or too long, and is not kept.
    [[nodiscard]] base::Result<Pending> begin(const Wanted &wanted, base::UtcTime now);

    /// Forgets a request whose answer is final and was written out.
    [[nodiscard]] base::Result<void> done(const Pending &pending);

  private:
    struct Impl;
    explicit PendingStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace client
