#include "base/log.hpp"
#include "conf/address.hpp"
#include "net/http_session.hpp"
#include "net/tls_rules.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <thread>

namespace net {

namespace asio = boost::asio;
using base::Errc;
using base::fail_hint;
using base::Result;
using boost::system::error_code;
using tcp = asio::ip::tcp;

void Mailbox::deliver(std::uint64_t question, Response response) {
    const std::lock_guard lock{m_mutex};
    if (m_server != nullptr)
        asio::post(m_server->io,
                   [server = m_server, question, answer = std::move(response)]() mutable {
                       hand_over(*server, question, std::move(answer));
                   });
}

void Mailbox::wake(std::uint64_t question) {
    const std::lock_guard lock{m_mutex};
    if (m_server != nullptr)
        asio::post(m_server->io, [server = m_server, question] { look_again(*server, question); });
}

void Mailbox::close() {
    const std::lock_guard lock{m_mutex};
    m_server = nullptr;
}

struct HttpServer::Impl {
    ServerState state;
    tcp::acceptor acceptor{state.io};
    std::string address;
    std::thread thread;

    Impl(ServerOptions options, Handler handler) : state(std::move(options), std::move(handler)) {
        state.mailbox = std::make_shared<Mailbox>(state);
    }
};

namespace {

// For the first request of a connection that was made just before the end.
constexpr std::chrono::milliseconds k_first_request{1000};

std::string text_of(const tcp::endpoint &at) {
    return conf::Address{at.address().to_string(), at.port()}.text();
}

using Tls = std::shared_ptr<asio::ssl::context>;

Result<Tls> load_tls(const std::filesystem::path &certificate, const std::filesystem::path &key) {
    auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    TRY(apply_tls_rules(tls->native_handle(), certificate, key));
    return tls;
}

// `IP:port`, or port 0, which a configuration may not have but a test needs.
Result<tcp::endpoint> endpoint_of(const std::string &listen) {
    const bool any_port = listen.ends_with(":0");
    const conf::Address at =
        TRY(conf::parse_address(any_port ? listen.substr(0, listen.size() - 1) + "1" : listen));
    return tcp::endpoint{asio::ip::make_address(at.host), any_port ? std::uint16_t{0} : at.port};
}

Result<void> bind(tcp::acceptor &acceptor, const ServerOptions &options) {
    const tcp::endpoint at = TRY(endpoint_of(options.listen));
    error_code ec;
    (void)acceptor.open(at.protocol(), ec);
    if (!ec)
        (void)acceptor.set_option(tcp::acceptor::reuse_address{true}, ec);
    if (!ec && at.address().is_v6())
        (void)acceptor.set_option(asio::ip::v6_only{true}, ec);
    if (!ec)
        (void)acceptor.bind(at, ec);
    if (!ec)
        (void)acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec)
        return fail_hint(Errc::unavailable, "is the address this machine's, and the port free?",
                         "listen on {}: {}", options.listen, ec.message());
    return {};
}

// Whose connections count together: an IPv4 address, or the /64 of an IPv6 address, for a host has
// all of one.
std::string neighbourhood(const tcp::socket &socket) {
    error_code ignored;
    const asio::ip::address address = socket.remote_endpoint(ignored).address();
    if (address.is_v4())
        return address.to_string();
    const auto bytes = address.to_v6().to_bytes();
    return {reinterpret_cast<const char *>(bytes.data()), 8};
}

void spawn_session(ServerState &state, tcp::socket socket, std::string from) {
    ++state.connections;
    ++state.accepted;
    asio::co_spawn(state.io, serve(state, std::move(socket)),
                   [&state, from = std::move(from)](const std::exception_ptr &failure) {
                       --state.connections;
                       if (--state.by_address[from] == 0)
                           state.by_address.erase(from);
                       try {
                           if (failure)
                               std::rethrow_exception(failure);
                       } catch (const std::exception &e) {
                           base::log::error("serve a connection: {}", e.what());
                       }
                   });
}

// Serves it, or ends it at once when there are too many.
void admit(ServerState &state, tcp::socket socket) {
    const HttpLimits &limits = state.options.limits;
    std::string from = neighbourhood(socket);
    if (state.connections >= limits.max_connections) {
        ++state.over_total;
    } else if (state.by_address[from] >= limits.max_per_address) {
        ++state.over_address;
    } else {
        ++state.by_address[from];
        spawn_session(state, std::move(socket), std::move(from));
    }
}

// Those who connected before we stop listening are served too.
void accept_rest(ServerState &state, tcp::acceptor &acceptor) {
    error_code ec;
    (void)acceptor.non_blocking(true, ec);
    while (!ec) {
        tcp::socket socket{state.io};
        (void)acceptor.accept(socket, ec);
        if (!ec)
            admit(state, std::move(socket));
    }
    (void)acceptor.close(ec);
}

asio::awaitable<void> accept_loop(ServerState &state, tcp::acceptor &acceptor) {
    while (acceptor.is_open()) {
        error_code ec;
        tcp::socket socket =
            co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted)
            co_return;
        if (ec) { // out of descriptors, most likely: let some connections end
            base::log::warning("accept a connection: {}", ec.message());
            asio::steady_timer pause{state.io, std::chrono::milliseconds{100}};
            co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        } else {
            admit(state, std::move(socket));
        }
    }
}

} // namespace

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}

// Only a lack of memory could make it throw; then there is nothing left to save.
// NOLINTNEXTLINE(bugprone-exception-escape)
HttpServer::~HttpServer() {
    stop(base::Millis{0});
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(ServerOptions options, Handler handler) {
    auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
    const ServerOptions &o = impl->state.options;
    impl->state.tls = TRY(load_tls(o.certificate, o.key));
    TRY(bind(impl->acceptor, impl->state.options));
    impl->address = text_of(impl->acceptor.local_endpoint());
    asio::co_spawn(impl->state.io, accept_loop(impl->state, impl->acceptor),
                   [](const std::exception_ptr &) {});
    impl->thread = std::thread([&io = impl->state.io] { io.run(); });
    return std::unique_ptr<HttpServer>{new HttpServer{std::move(impl)}};
}

std::string HttpServer::address() const {
    return m_impl->address;
}

HttpServer::Counters HttpServer::counters() const {
    const ServerState &state = m_impl->state;
    return {.open = state.connections,
            .accepted = state.accepted,
            .over_total = state.over_total,
            .over_address = state.over_address,
            .refused = state.refused};
}

Result<void> HttpServer::reload(const std::filesystem::path &certificate,
                                const std::filesystem::path &key, const HttpLimits &limits) {
    Tls tls = TRY(load_tls(certificate, key));
    std::promise<void> done;
    asio::post(m_impl->state.io, [&state = m_impl->state, &tls, &limits, &done] {
        state.tls = std::move(tls);
        state.options.limits = limits;
        done.set_value();
    });
    done.get_future().wait();
    return {};
}

bool HttpServer::stop(base::Millis grace) {
    if (!m_impl->thread.joinable())
        return true;
    ServerState &state = m_impl->state;
    const auto begun = std::chrono::steady_clock::now();
    const auto close_idle = [&state](bool also_new) {
        asio::post(state.io, [&state, also_new] {
            for (Session *session : state.sessions)
                close_if_idle(*session, also_new);
        });
    };
    asio::post(state.io, [impl = m_impl.get()] {
        impl->state.stopping = true;
        accept_rest(impl->state, impl->acceptor);
    });
    close_idle(false);
    bool waiting_for_first = true;
    while (state.connections > 0 && std::chrono::steady_clock::now() - begun < grace) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
        if (waiting_for_first && std::chrono::steady_clock::now() - begun > k_first_request) {
            waiting_for_first = false;
            close_idle(true);
        }
    }
    const bool whole = state.connections == 0;
    state.workers.stop();
    state.workers.join();
    state.mailbox->close();
    state.io.stop();
    m_impl->thread.join();
    return whole;
}

} // namespace net
