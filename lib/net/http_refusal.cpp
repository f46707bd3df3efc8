#include "net/http_refusal.hpp"

#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

namespace net {

namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;

error_code no_length() {
    return http::make_error_code(http::error::unexpected_body); // which is for answers alone
}

std::optional<Response> answer_to(const error_code &ec) {
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
        return problem(431, "header_too_large", "Request header too large", "");
    if (ec == http::error::body_limit)
        return problem(413, "body_too_large", "Request body too large", "");
    if (ec == no_length())
        return problem(411, "no_length", "Length required",
                       "A request's body has a Content-Length here.");
    if (ec == beast::error::timeout)
        return problem(408, "too_slow", "Request Timeout", "The request was not whole in time.");
    if (ec == http::error::end_of_stream || ec == http::error::partial_message ||
        ec.category() != http::make_error_code(http::error::bad_target).category())
        return std::nullopt;
    return problem(400, "bad_request", "Bad request", ec.message());
}

Response problem(int status, std::string_view code, std::string_view title,
                 std::string_view detail) {
    return {.status = status,
            .headers = {{"Content-Type", "application/problem+json"}},
            .body = fmt::format(R"({{"type":"urn:slotcast:problem:{}","title":"{}","status":{},)"
                                R"("detail":"{}","code":"{}"}})",
                                code, title, status, detail, code)};
}

} // namespace net
