#include "client/login.hpp"

namespace client {

using base::Result;

Result<wire::Json> login_link(Api &api) {
    const Answer answer = TRY(api.post("/v1/calendar/links", "{}", new_idempotency_key()));
    const wire::Json json = TRY(answer.json());
    const auto record = [&]() -> Result<wire::Json> {
        auto in = TRY(wire::ObjectReader::of(json, "control's answer"));
        const std::string code = TRY(in.string("code"));
        const base::UtcTime expires = TRY(in.time("expires"));
        return wire::Json(
            wire::JsonObject{{"type", "login"},
                             {"v", 1},
                             {"url", fmt::format("{}/calendar#login={}", api.target().url, code)},
                             {"expires", base::format_rfc3339(expires)}});
    }();
    if (!record)
        return std::unexpected(base::Error{base::Errc::protocol, record.error().message});
    return record;
}

} // namespace client
