// What an HttpServer takes of its clients.
#pragma once

#include "base/time.hpp"

#include <cstddef>

namespace net {

struct HttpLimits {
    std::size_t max_header_bytes = 16 * 1024;
    std::size_t max_body_bytes = 256 * 1024;
    std::size_t max_connections = 1024; ///< further ones are closed at once
    std::size_t max_per_address = 128;  ///< connections of one IPv4 address or IPv6 /64
    base::Millis handshake_timeout{10'000};
    base::Millis header_timeout{10'000}; ///< from a request's first byte to its header's last
    base::Millis body_timeout{20'000};   ///< from there to the body's last
    base::Millis idle_timeout{75'000};   ///< a kept-alive connection without a request
    base::Millis answer_timeout{60'000}; ///< the handler's deadline; then 503
    base::Millis write_timeout{30'000};  ///< of an answer, or of each part of a stream
};

} // namespace net
