#include "control/answer.hpp"

#include <algorithm>

namespace control {

net::Headers json_headers() {
    return {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
}

std::string entity_tag(std::int64_t revision) {
    return fmt::format("\"{}\"", revision);
}

net::Response response_of(const Answer &answer) {
    net::Headers headers = answer.headers;
    if (answer.revision != 0)
        headers.emplace_back("ETag", entity_tag(answer.revision));
    for (auto &field : json_headers())
        if ((field.first != "Content-Type" || !answer.body.empty()) &&
            std::ranges::find(headers, field.first, &net::Headers::value_type::first) ==
                headers.end())
            headers.push_back(std::move(field));
    return {.status = answer.status,
            .headers = std::move(headers),
            .body = answer.body,
            .stream = answer.stream};
}

net::Response response_of(const Refusal &refusal) {
    net::Headers headers{{"Content-Type", "application/problem+json"},
                         {"Cache-Control", "no-store"}};
    if (refusal.retry_after.count() > 0)
        headers.emplace_back("Retry-After", fmt::format("{}", refusal.retry_after.count()));
    else if (refusal.problem.status == 503)
        headers.emplace_back("Retry-After", "5");
    return {.status = refusal.problem.status,
            .headers = std::move(headers),
            .body = wire::compact_json(wire::to_json(refusal.problem))};
}

} // namespace control
