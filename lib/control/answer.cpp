#include "control/answer.hpp"

#include <algorithm>

namespace control {

net::Headers json_headers() {
    return {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
}

std::string entity_tag(std::int64_t revision) {
    return fmt::format("\"{}\"", revision);
}

net::Response response_of(Answer answer) {
    if (answer.revision != 0)
        answer.headers.emplace_back("ETag", entity_tag(answer.revision));
    for (auto &field : json_headers())
        if ((field.first != "Content-Type" || !answer.body.empty()) &&
            std::ranges::find(answer.headers, field.first, &net::Headers::value_type::first) ==
                answer.headers.end())
            answer.headers.push_back(std::move(field));
    return {.status = answer.status,
            .headers = std::move(answer.headers),
            .body = std::move(answer.body),
            .stream = std::move(answer.stream)};
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
