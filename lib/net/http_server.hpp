// An HTTPS server for APIs: whole requests in, whole answers out, long polls without a thread each.
// Boost.Beast, asio and OpenSSL stay in the .cpp.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "net/http_limits.hpp"
#include "net/http_stream.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace net {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// One request, read whole. Field values are trimmed; nothing is percent-decoded.
struct Request {
    std::string method; ///< as sent (methods are case-sensitive)
    std::string target; ///< as sent, in origin form: starts with '/'
    std::string path;   ///< the target up to '?'
    std::string query;  ///< the target after '?', without it
    Headers headers;    ///< in the order in which they came
    std::string body;
    std::string peer; ///< the client's "IP:port"

    /// The field's value, name in any case; the values joined by ", " when it was repeated.
    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

/// The parameters of a query (`a=1&b=2`), percent-decoded, in order. bad_data when an escape is
/// malformed or a name is repeated that is not in @p repeatable.
[[nodiscard]] base::Result<Headers> parse_query(std::string_view query,
                                                const std::vector<std::string> &repeatable = {});
/// @p text with everything but RFC 3986's unreserved characters percent-encoded.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// An answer. Content-Length, Date and Connection are the server's to write.
struct Response {
    int status = 200;
    Headers headers;
    std::string body;
    std::shared_ptr<Stream> stream = nullptr; ///< what follows the body, see Stream
};

/// Answers one request, once, now or later, from any thread; further calls are ignored. When the
/// last copy dies unused the client gets 500. Outlives the server safely.
class Reply {
  public:
    struct Impl;
    explicit Reply(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}
    void operator()(Response response) const;

  private:
    std::shared_ptr<Impl> m_impl;
};

/// Runs on one of the server's worker threads, several at a time; may block for a short while.
/// A long poll keeps the Reply and returns. An exception is logged and answered by 500.
using Handler = std::function<void(Request, Reply)>;

struct ServerOptions {
    std::string listen;                ///< "IP:port" or "[IPv6]:port"; port 0: any free one
    std::filesystem::path certificate; ///< PEM chain
    std::filesystem::path key;         ///< PEM, not encrypted
    HttpLimits limits{};
    unsigned workers = 32; ///< threads that run the handler
};

/// TLS 1.2 and 1.3, HTTP/1.1, kept-alive connections. Malformed requests are answered by 400, slow
/// ones by 408, too large ones by 413 or 431, in RFC 9457 form, without reaching the handler.
class HttpServer {
  public:
    /// Listens and serves from own threads. config: the certificate or key cannot be used;
    /// unavailable: the address cannot be bound.
    [[nodiscard]] static base::Result<std::unique_ptr<HttpServer>> start(ServerOptions options,
                                                                         Handler handler);
    /// stop() with no grace.
    ~HttpServer();
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    /// The bound address, "IP:port".
    [[nodiscard]] std::string address() const;

    struct Counters {
        std::uint64_t open = 0; ///< connections, now
        std::uint64_t accepted = 0;
        std::uint64_t over_total = 0;   ///< closed at once: too many in all
        std::uint64_t over_address = 0; ///< too many of one address
        std::uint64_t refused = 0;      ///< requests that did not reach the handler
    };
    /// Since the start. Thread-safe.
    [[nodiscard]] Counters counters() const;

    /// Serves new connections with @p certificate and @p key, and all with @p limits, from now on.
    /// config: they cannot be used; then all stays as it is. Not while it stops.
    [[nodiscard]] base::Result<void> reload(const std::filesystem::path &certificate,
                                            const std::filesystem::path &key,
                                            const HttpLimits &limits);

    /// Stops listening. What was accepted before is answered: requests that are being handled or
    /// read, and the first of each new connection; then the connection ends. After @p grace, closes
    /// what is left and joins the threads. Whether nothing was cut off. Not from a handler.
    bool stop(base::Millis grace);

  private:
    struct Impl;
    explicit HttpServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace net
