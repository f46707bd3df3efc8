// What the API tells of itself: health, metrics, description, time.
#include "control/api.hpp"
#include "control/openapi.hpp"

namespace control {

Outcome<Answer> Api::healthz(const Call &) {
    return Answer{.body = R"({"status":"ok"})"};
}

Outcome<Answer> Api::readyz(const Call &) {
    if (m_monitor == nullptr)
        return refuse(404, "not_found", "nobody watches over this control");
    const auto report = m_monitor->health.report();
    return Answer{.status = report.ready() ? 200 : 503,
                  .body = wire::compact_json(to_json(report))};
}

Outcome<Answer> Api::metrics(const Call &) {
    if (m_monitor == nullptr)
        return refuse(404, "not_found", "nobody watches over this control");
    return Answer{.body = m_monitor->metrics.text(),
                  .headers = {{"Content-Type", std::string(k_metrics_type)}}};
}

Outcome<Answer> Api::openapi(const Call &) {
    return Answer{.body = std::string(control::openapi())};
}

Outcome<Answer> Api::time(const Call &call) {
    return Answer{
        .body = wire::compact_json(wire::JsonObject{{"time", base::format_rfc3339(call.now)}})};
}

} // namespace control
