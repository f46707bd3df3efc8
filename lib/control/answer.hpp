// Answers of the API as HTTP responses.
#pragma once

#include "control/problem.hpp"
#include "net/http_server.hpp"

namespace control {

/// A success.
struct Answer {
    int status = 200;
    std::string body;                              ///< JSON
    net::Headers headers{};                        ///< beside, or in place of, those that all have
    std::shared_ptr<net::Stream> stream = nullptr; ///< what follows the body
};

[[nodiscard]] net::Headers json_headers();
[[nodiscard]] net::Response response_of(const Answer &answer);
[[nodiscard]] net::Response response_of(const Refusal &refusal);

} // namespace control
