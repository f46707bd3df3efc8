// Counts by which way datagrams leave, for the leak test: in a table of its own, which the kernel
// removes with the process that made it.
#pragma once

#include "route/address.hpp"
#include "route/nft.hpp"

#include <set>
#include <vector>

namespace route {

/// What is counted: datagrams of a user, to an address.
struct Watched {
    std::uint32_t uid = 0;
    Address to;
};

/// Datagrams of one Watched.
struct Left {
    std::uint64_t by_carrier = 0; ///< left by a carrier's interface
    std::uint64_t elsewhere = 0;  ///< left by another one, not counting loopback
    std::uint64_t held = 0;       ///< were about to, and a filter (the guard) dropped them
    bool operator==(const Left &) const = default;
};

/// Not thread-safe. One at a time in a network namespace.
class Tally {
  public:
    /// The UDP port that counts.
    static constexpr std::uint16_t k_port = 9; // discard: nobody listens

    /// Counts from now on. @p carriers are interfaces. unavailable: the kernel cannot tie a table
    /// to a process (Linux 5.12).
    [[nodiscard]] static base::Result<Tally> start(const std::vector<Watched> &watched,
                                                   const std::set<std::string> &carriers);

    /// What left since the last call, in the order of what is watched.
    [[nodiscard]] base::Result<std::vector<Left>> take();
    /// From now on what is counted is lost behind @p interface, as in a line that is cut.
    [[nodiscard]] base::Result<void> cut(const std::string &interface);

  private:
    Tally(Nft nft, std::size_t count) : m_nft(std::move(nft)), m_taken(count) {}
    Nft m_nft;
    std::vector<Left> m_taken; // what take() has told, in all
};

} // namespace route
