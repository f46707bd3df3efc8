// What handlers share: JSON in, JSON out.
#pragma once

#include "control/answer.hpp"
#include "wire/json.hpp"

namespace control {

[[nodiscard]] Answer json(const wire::Json &value, int status = 200);

/// The body as one JSON object.
[[nodiscard]] Outcome<wire::Json> body_of(const net::Request &request);

/// Where nothing is read of the body: it is empty or an object.
[[nodiscard]] Outcome<void> check_unread(const net::Request &request);

/// A member that is malformed is the asker's mistake in content, not in form.
[[nodiscard]] std::unexpected<Refusal> invalid(const base::Error &error);

} // namespace control
