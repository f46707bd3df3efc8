// Answers of the API as HTTP responses.
#pragma once

#include "control/problem.hpp"
#include "net/http_server.hpp"

#include <functional>

namespace control {

/// How long an Idempotency-Key and its answer are remembered.
constexpr std::chrono::hours k_answers_kept{48};

/// A success.
struct Answer {
    int status = 200;
    std::string body;                              ///< JSON
    net::Headers headers{};                        ///< beside, or in place of, those that all have
    std::shared_ptr<net::Stream> stream = nullptr; ///< what follows the body
    std::int64_t revision = 0; ///< of the one reservation that it shows, its ETag; 0: none
    /// Makes the body, where that takes long; empty: it is there. Any thread may call it, once.
    std::function<std::string()> make_body = nullptr;
};

/// The entity tag of a reservation: its revision, quoted.
[[nodiscard]] std::string entity_tag(std::int64_t revision);

[[nodiscard]] net::Headers json_headers();
[[nodiscard]] net::Response response_of(Answer answer);
[[nodiscard]] net::Response response_of(const Refusal &refusal);

} // namespace control
