#include "control/monitor.hpp"

#include "control/answer.hpp"

namespace control {

Monitor::Monitor(ledger::Ledger &inner, const base::Clock &clock)
    : ledger(inner, metrics), health(ledger, clock) {
    metrics.add("gauge", "slotcast_control_ready", "1 while /readyz says so",
                [this] { return health.report().ready() ? 1 : 0; });
    metrics.add("gauge", "slotcast_control_holds", "Holds that are not committed yet",
                [this, &clock]() -> std::optional<double> {
                    std::int64_t count = 0;
                    const auto read =
                        ledger.read([&](ledger::Transaction &t) -> base::Result<void> {
                            count = TRY(t.holds(clock.now()));
                            return {};
                        });
                    return read ? std::optional(static_cast<double>(count)) : std::nullopt;
                });
    watch_process(metrics);
}

net::Response Monitor::page(const std::string &path) {
    if (path == "/metrics")
        return response_of(Answer{.body = metrics.text(),
                                  .headers = {{"Content-Type", std::string(k_metrics_type)}}});
    if (path == "/healthz")
        return response_of(Answer{.body = R"({"status":"ok"})"});
    if (path == "/readyz") {
        const auto report = health.report();
        return response_of(Answer{.status = report.ready() ? 200 : 503,
                                  .body = wire::compact_json(to_json(report))});
    }
    return response_of(refuse(404, "not_found", "there is nothing here").error());
}

Monitor::Reply Monitor::counted(std::string_view method, std::string_view route, Reply reply) {
    return [this, method, route, begun = std::chrono::steady_clock::now(),
            reply = std::move(reply)](net::Response response) {
        metrics.answered(method, route, response.status, std::chrono::steady_clock::now() - begun);
        reply(std::move(response));
    };
}

} // namespace control
