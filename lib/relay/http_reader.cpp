#include "relay/http_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace relay {

namespace http = boost::beast::http;

struct HttpReader::Impl {
    std::optional<http::request_parser<http::string_body>> parser;
    std::string raw;

    void fresh() {
        raw.clear();
        parser.emplace();
        parser->header_limit(k_max_head);
        parser->body_limit(k_max_body);
        parser->eager(true);
    }
};

HttpReader::HttpReader() : m_impl(std::make_unique<Impl>()) {
    m_impl->fresh();
}
HttpReader::~HttpReader() = default;
HttpReader::HttpReader(HttpReader &&) noexcept = default;
HttpReader &HttpReader::operator=(HttpReader &&) noexcept = default;

HttpReader::Status HttpReader::feed(std::string &buffer) {
    auto &parser = *m_impl->parser;
    boost::system::error_code ec;
    const std::size_t used = parser.put(boost::asio::buffer(buffer), ec);
    m_impl->raw.append(buffer, 0, used);
    buffer.erase(0, used);
    // What asks this server for something has no body, or a form. And Boost.Beast 1.81 ends the
    // process when a last chunk comes in small pieces: one is never given to it twice.
    if (parser.is_header_done() && parser.chunked())
        return Status::no_length;
    if (ec == http::error::need_more) {
        // The parser looks at whole lines: a line without end would gather here.
        return buffer.size() > k_max_head ? Status::too_large : Status::more;
    }
    if (ec == http::error::header_limit || ec == http::error::body_limit ||
        ec == http::error::buffer_overflow)
        return Status::too_large;
    if (ec)
        return Status::malformed;
    return parser.is_done() ? Status::done : Status::more;
}

const std::string &HttpReader::begun() const {
    return m_impl->raw;
}

HttpRequest HttpReader::take() {
    auto message = m_impl->parser->release();
    HttpRequest out;
    out.raw = std::move(m_impl->raw);
    m_impl->fresh();
    out.method = std::string(message.method_string());
    const std::string_view target{message.target().data(), message.target().size()};
    out.path = std::string(target.substr(0, target.find('?')));
    if (const std::size_t mark = target.find('?'); mark != std::string_view::npos)
        out.query = std::string(target.substr(mark + 1));
    const auto once = [&message](http::field name) {
        const auto value = message.count(name) == 1 ? message[name] : boost::beast::string_view{};
        return std::string{value.data(), value.size()};
    };
    out.range = once(http::field::range);
    out.if_range = once(http::field::if_range);
    out.if_none_match = once(http::field::if_none_match);
    out.accept_encoding = once(http::field::accept_encoding);
    out.user_agent = once(http::field::user_agent);
    out.by_proxy = message.count(http::field::via) > 0;
    out.keep_alive = message.keep_alive();
    out.body = std::move(message.body());
    return out;
}

} // namespace relay
