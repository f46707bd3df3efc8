// A small HTTP server without TLS, for what monitors ask on a machine's own or its management
// address.
#pragma once

#include "base/fd.hpp"
#include "conf/address.hpp"
#include "net/http_server.hpp"

#include <thread>

namespace net {

/// GET and HEAD, one request per connection, from few threads: a client that sends no
/// request within 1 s, or takes more than 5 s in all, is dropped.
class PlainServer {
  public:
    /// Thread-safe; answers the path of a request.
    using Pages = std::function<Response(const std::string &path)>;

    /// Serves until it dies. unavailable: the address cannot be bound.
    [[nodiscard]] static base::Result<std::unique_ptr<PlainServer>>
    start(const conf::Address &listen, Pages pages);
    ~PlainServer();
    PlainServer(const PlainServer &) = delete;
    PlainServer &operator=(const PlainServer &) = delete;

  private:
    PlainServer(base::Fd listener, base::Fd end, Pages pages);
    void loop();
    void serve(int client) const;

    base::Fd m_listener;
    base::Fd m_end; // readable when the threads are to end
    Pages m_pages;
    std::vector<std::thread> m_threads;
};

} // namespace net
