// From a request to what is to be sent: pure, but for the board that it reads.
#pragma once

#include "base/control_clock.hpp"
#include "net/networks.hpp"
#include "relay/egress.hpp"
#include "relay/http_reader.hpp"
#include "relay/reply.hpp"
#include "relay/viewer_number.hpp"

#include <functional>

namespace relay {

/// Where a request came in.
struct Origin {
    bool loopback = false; ///< may see metrics
    bool admin = false;    ///< by the admin address: metrics and health only
    net::Ip address{};
};

/// Thread-safe.
class Router {
  public:
    struct World {
        const Board *board;
        const base::ControlClock *clock;
        const seal::Secret *viewer_key;
        Egress *egress;
        std::function<std::string()> metrics;
        std::vector<net::Network> proxies{}; ///< caches of the site's own
    };
    explicit Router(World world) : m_world(std::move(world)) {}

    [[nodiscard]] Reply answer(const HttpRequest &request, Origin origin) const;
    /// What follows a check of the password.
    [[nodiscard]] Reply password_reply(const EventPtr &event, bool right) const;

  private:
    [[nodiscard]] Reply route(const HttpRequest &request, Origin origin) const;
    [[nodiscard]] Reply watch(const HttpRequest &request, const std::vector<std::string_view> &path,
                              Viewer viewer) const;
    [[nodiscard]] Viewer viewer_of(const HttpRequest &request, const Origin &origin) const;
    [[nodiscard]] Reply page(const EventPtr &event, bool open) const;
    [[nodiscard]] Reply below(const HttpRequest &request, const EventPtr &event,
                              std::string_view name, Viewer viewer) const;

    World m_world;
};

} // namespace relay
