#include "control/answer.hpp"

namespace control {

net::Headers json_headers() {
    return {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
}

net::Response response_of(const Answer &answer) {
    return {.status = answer.status, .headers = json_headers(), .body = answer.body};
}

net::Response response_of(const Refusal &refusal) {
    net::Headers headers{{"Content-Type", "application/problem+json"},
                         {"Cache-Control", "no-store"}};
    if (refusal.problem.status == 503)
        headers.emplace_back("Retry-After", "5");
    return {.status = refusal.problem.status,
            .headers = std::move(headers),
            .body = wire::compact_json(wire::to_json(refusal.problem))};
}

} // namespace control
