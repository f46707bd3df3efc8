// Viewers of HLS are told apart by where their requests come from and what they are called.
#pragma once

#include "net/networks.hpp"

namespace relay {

/// Whom a request counts as.
struct Viewer {
    std::uint64_t number = 0;
    bool exempt = false; ///< a cache of the site's own: it is never refused
};

/// The same for all requests of a player, another one for most others: of its address (IPv6: the
/// first 64 bits, for a host changes the rest) and its User-Agent. Players behind one NAT that are
/// the same program are one; who counts too few lets in too many, which is the lesser evil. An
/// unseeded hash will do: who finds two with one number wins a place for nobody.
[[nodiscard]] std::uint64_t viewer_number(const net::Ip &address, std::string_view user_agent);

} // namespace relay
