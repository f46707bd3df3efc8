// Viewers' requests, read strictly and within limits. Boost.Beast stays in the .cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace relay {

struct HttpRequest {
    std::string method; ///< as sent
    std::string path;   ///< the target up to '?'; not decoded
    std::string query;  ///< what follows the '?'; not decoded
    // Fields as sent; empty when absent, or there more than once where that makes no list.
    std::string range;
    std::string if_range;
    std::string if_none_match;
    std::string accept_encoding;
    std::string user_agent;
    bool by_proxy = false; ///< it has a Via field (RFC 9110, 7.6.3)
    std::string body;
    bool keep_alive = false;
    std::string raw; ///< as it came, to be read again by another program
};

/// Reads one request after the other from bytes as they come. Not thread-safe.
class HttpReader {
  public:
    static constexpr std::size_t k_max_head = 8 * 1024;
    static constexpr std::size_t k_max_body = 4 * 1024;

    enum class Status {
        more,      ///< not whole yet
        done,      ///< take() it
        malformed, ///< answer 400 and close
        no_length, ///< answer 411 and close: its body has no Content-Length
        too_large, ///< answer 431 or 413 and close
    };

    HttpReader();
    ~HttpReader();
    HttpReader(HttpReader &&) noexcept;
    HttpReader &operator=(HttpReader &&) noexcept;

    /// Takes what belongs to the request from the front of @p buffer.
    [[nodiscard]] Status feed(std::string &buffer);
    /// The request, and ready for the next.
    [[nodiscard]] HttpRequest take();
    /// What feed() took of a request that is not whole yet.
    [[nodiscard]] const std::string &begun() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace relay
