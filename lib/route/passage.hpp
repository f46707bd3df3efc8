// What passes between carriers and the namespace of a sender, as nftables text.
#pragma once

#include "route/policy.hpp"

namespace route {

/// One carrier, and the interface here whose other end the sender has for it.
struct Passage {
    Carrier carrier;
    std::string pair;
    bool operator==(const Passage &) const = default;
};

/// Answers go to this neighbour behind a pair: link-local, since nobody's packets bear it.
[[nodiscard]] Address pair_neighbour(Family family);

/// Commands that make table `netdev NAME`, which goes with the connection that made it. UDP from a
/// pair to a member of @p relay_ingest leaves by its carrier, straight from one interface to the
/// other: no rule, route or filter of the machine has a say. Answers to it come back, as long as
/// there was a question within a minute. All else from a pair is dropped.
[[nodiscard]] std::string passage_text(const std::string &name,
                                       const std::vector<Passage> &passages,
                                       const std::set<Address> &relay_ingest);

} // namespace route
