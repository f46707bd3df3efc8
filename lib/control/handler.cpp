#include "control/handler.hpp"

namespace control {

Answer json(const wire::Json &value, int status) {
    return {.status = status, .body = wire::compact_json(value)};
}

Outcome<wire::Json> body_of(const net::Request &request) {
    auto parsed = wire::parse_json(request.body, "body");
    if (!parsed)
        return refuse(400, "bad_json", parsed.error().message);
    return *std::move(parsed);
}

Outcome<void> check_unread(const net::Request &request) {
    if (request.body.empty())
        return {};
    const wire::Json body = TRY(body_of(request));
    const auto in = wire::ObjectReader::of(body, "body");
    const auto empty = in ? in->finish() : std::unexpected(in.error());
    if (!empty)
        return refuse(422, "invalid_request", empty.error().message, "send {} or nothing");
    return {};
}

std::unexpected<Refusal> invalid(const base::Error &error) {
    return refuse(422, "invalid_request", error.message, error.hint);
}

} // namespace control
