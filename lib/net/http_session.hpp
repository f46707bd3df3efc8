// Inside of net::HttpServer: what it shares with its sessions. Only http_server.cpp and
// http_session.cpp include this, for Boost.Beast with TLS takes long to compile.
#pragma once

#include "net/http_server.hpp"

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>

namespace net {

class Session;

/// One server. Everything but `connections` and `workers` belongs to the thread that runs `io`.
struct ServerState {
    ServerOptions options;
    Handler handler;
    std::shared_ptr<boost::asio::ssl::context> tls; ///< for new connections
    std::map<std::string, std::size_t> by_address;  ///< connections, see neighbourhood()
    std::set<Session *> sessions;
    std::map<std::uint64_t, Session *> waiting; ///< for an answer, by the number of the question
    std::uint64_t last_question = 0;
    bool stopping = false;
    std::atomic<std::size_t> connections{0};
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> over_total{0};
    std::atomic<std::uint64_t> over_address{0};
    std::atomic<std::uint64_t> refused{0};
    // The rest is destroyed first, in reverse order: it holds sessions, which look at the above.
    boost::asio::io_context io{1};
    std::shared_ptr<class Mailbox> mailbox;
    boost::asio::thread_pool workers;

    ServerState(ServerOptions o, Handler h)
        : options(std::move(o)), handler(std::move(h)), workers(options.workers) {}
};

/// The way of an answer from any thread to the server's. Replies may outlive the server; then the
/// mailbox is closed and takes no more.
class Mailbox {
  public:
    explicit Mailbox(ServerState &server) : m_server(&server) {}
    void deliver(std::uint64_t question, Response response);
    /// The stream that answers @p question has something to take.
    void wake(std::uint64_t question);
    void close();

  private:
    std::mutex m_mutex;
    ServerState *m_server; // null once closed
};

/// Serves one connection until it ends; never throws for what a client does.
[[nodiscard]] boost::asio::awaitable<void> serve(ServerState &server,
                                                 boost::asio::ip::tcp::socket socket);
/// Gives @p response to the session that asked @p question, if it still waits.
void hand_over(ServerState &server, std::uint64_t question, Response response);
/// Lets the session that asked @p question look at its stream again, if it is still there.
void look_again(ServerState &server, std::uint64_t question);
/// Ends @p session if nothing is asked: between two requests, or, with @p also_new, before the
/// first.
void close_if_idle(Session &session, bool also_new);

} // namespace net
