#include "control/service_metrics.hpp"

#include "base/version.hpp"

namespace control {

void watch_service(Metrics &metrics, Engines &engines, const Remembered &remembered,
                   const net::HttpServer &server) {
    metrics.add(
        "gauge", "slotcast_build_info", "1, with what was built", [] { return 1; },
        fmt::format(R"(version="{}",ledger="{}")", base::k_version,
                    engines.current()->config().on_postgres() ? "postgresql" : "sqlite"));
    metrics.add("gauge", "slotcast_control_feed_pollers", "Relays that wait for news now",
                [&engines] { return static_cast<double>(engines.current()->pollers()); });
    metrics.add("gauge", "slotcast_control_certificate_not_after_seconds",
                "The certificate's end, since 1970", [&engines] {
                    return static_cast<double>(
                               base::unix_ms(engines.current()->certificate().not_after())) /
                           1000;
                });
    for (const bool well : {true, false})
        metrics.add(
            "counter", "slotcast_control_reloads_total", "Reloads of the configuration",
            [&engines, well] { return static_cast<double>(engines.reloads(well)); },
            well ? R"(outcome="done")" : R"(outcome="refused")");
    const auto count = [&](std::string_view type, std::string name, std::string help,
                           std::uint64_t net::HttpServer::Counters::*member,
                           std::string labels = {}) {
        metrics.add(
            type, std::move(name), std::move(help),
            [&server, member] { return static_cast<double>(server.counters().*member); },
            std::move(labels));
    };
    using C = net::HttpServer::Counters;
    count("gauge", "slotcast_control_connections", "Open connections", &C::open);
    count("counter", "slotcast_control_connections_total", "Connections that were accepted",
          &C::accepted);
    count("counter", "slotcast_control_connections_turned_away_total",
          "Connections beyond a limit, closed at once", &C::over_total, R"(limit="total")");
    count("counter", "slotcast_control_connections_turned_away_total", "", &C::over_address,
          R"(limit="address")");
    count("counter", "slotcast_control_unread_requests_total",
          "Requests too large, too slow or malformed to be handled", &C::refused);
    const auto limited = [&](const Limiter &limiter, std::string labels) {
        metrics.add(
            "counter", "slotcast_control_rate_limited_total", "Requests refused by 429",
            [&limiter] { return static_cast<double>(limiter.refused()); }, std::move(labels));
    };
    limited(remembered.by_key, R"(by="key")");
    limited(remembered.by_address, R"(by="address")");
}

} // namespace control
