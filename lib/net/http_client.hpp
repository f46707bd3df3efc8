// An HTTPS client: one kept-alive connection, blocking calls with a deadline. libcurl stays in the
// .cpp.
#pragma once

#include "net/http_server.hpp"
#include "net/networks.hpp"

#include <atomic>

namespace net {

/// `https://host[:port]`, taken apart.
struct Origin {
    std::string url;       ///< canonical, without a slash at the end
    std::string authority; ///< lower case, the port only when it is not 443: the Host field
};

/// Reads an https:// address that has no user, path, query or fragment.
[[nodiscard]] base::Result<Origin> parse_origin(const std::string &url);

struct ClientOptions {
    std::string cacert;    ///< PEM file of the only authorities to trust; empty: the system's
    std::string interface; ///< SO_BINDTODEVICE to it, or fail; empty: the system's choice
    std::size_t max_body_bytes = 8 * 1024 * 1024;
    base::Millis connect_timeout{10'000};
    /// Once true, a call in progress fails as after cancel(); borrowed; null: none.
    const std::atomic<bool> *cancelled = nullptr;
    /// Asked of each address before it is connected to, whatever name led there; empty: any.
    std::function<bool(const Ip &)> may_connect{};
};

struct ClientRequest {
    std::string method = "GET"; ///< GET, POST or PATCH
    std::string url;            ///< https:// only
    Headers headers;
    std::string body;             ///< for POST
    base::Millis timeout{15'000}; ///< for everything, name look-up included
};

/// TLS 1.2 or later, HTTP/1.1, no redirects, no proxies, no credentials from files. Not
/// thread-safe, but cancel().
class HttpClient {
  public:
    /// config: the cacert file cannot be read; unavailable: there is no such interface.
    [[nodiscard]] static base::Result<HttpClient> open(ClientOptions options);
    HttpClient(HttpClient &&) noexcept;
    HttpClient &operator=(HttpClient &&) noexcept;
    ~HttpClient();

    /// Any answer, whatever its status; 3xx too. unavailable: name, network, TLS, timeout;
    /// not_permitted: may not bind to the interface, or may_connect refused every
    /// address; try_again: cancelled; protocol: not HTTP, or
    /// larger than allowed.
    [[nodiscard]] base::Result<Response> perform(const ClientRequest &request);

    /// Ends a call in progress within about a second, and all later ones at once. From any thread
    /// or signal handler.
    void cancel();

  private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace net
