// Inside of net::HttpServer: what a client is told of a request that could not be read.
#pragma once

#include "net/http_server.hpp"

#include <boost/beast/core/error.hpp>

namespace net {

/// An RFC 9457 answer of the server itself; @p code is stable.
[[nodiscard]] Response problem(int status, std::string_view code, std::string_view title,
                               std::string_view detail);

/// For a body in chunks. It is refused, since Boost.Beast 1.81 ends the process when the last of
/// them comes in small pieces (an assertion in parse_chunk_header): it is never given to it a
/// second time.
[[nodiscard]] boost::beast::error_code no_length();

/// What a client did wrong, as an answer; nullopt when it is to get none (it is gone or too slow).
[[nodiscard]] std::optional<Response> answer_to(const boost::beast::error_code &ec);

} // namespace net
