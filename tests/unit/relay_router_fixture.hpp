// A router over a board of events, as viewers ask it.
#pragma once

#include "relay/router.hpp"

namespace router_test {

/// 10.1.0.0/16 are caches of the site's own.
struct Front {
    explicit Front(std::int64_t egress_bps = 0) : egress(egress_bps) {}

    relay::Board board;
    base::SystemClock machine;
    base::ControlClock clock{machine};
    seal::Secret viewer_key{seal::Bytes(32, 1)};
    relay::Egress egress;
    relay::Router router{{.board = &board,
                          .clock = &clock,
                          .viewer_key = &viewer_key,
                          .egress = &egress,
                          .metrics = [] { return ""; },
                          .proxies = {*net::Network::parse("10.1.0.0/16")}}};
};

} // namespace router_test
