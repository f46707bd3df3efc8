#include "net/http_session.hpp"

#include "base/log.hpp"
#include "conf/address.hpp"
#include "net/http_deadline.hpp"
#include "net/http_refusal.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <ctime>

namespace net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;
using Parser = http::request_parser<http::string_body>;

struct Reply::Impl {
    std::shared_ptr<Mailbox> mailbox;
    std::uint64_t question;
    std::atomic<bool> used{false};

    Impl(std::shared_ptr<Mailbox> m, std::uint64_t q) : mailbox(std::move(m)), question(q) {}
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;
    void answer(Response response) {
        if (!used.exchange(true))
            mailbox->deliver(question, std::move(response));
    }
    ~Impl() {
        try {
            answer(problem(500, "internal", "Internal error", "The request was not answered."));
        } catch (const std::exception &e) { // out of memory: the client meets its deadline
            base::log::error("answer a request: {}", e.what());
        }
    }
};

void Reply::operator()(Response response) const {
    m_impl->answer(std::move(response));
}

namespace {

constexpr std::size_t k_body_chunk = 65'536;
constexpr std::chrono::seconds k_linger{2};
constexpr std::size_t k_linger_bytes = 4'000'000;

std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 64> text{};
    const std::size_t n =
        std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return {text.data(), n};
}

Request to_request(Parser::value_type &&message, std::string peer) {
    Request out;
    out.method = std::string(message.method_string());
    out.target = std::string(message.target());
    const std::size_t mark = std::min(out.target.find('?'), out.target.size());
    out.path = out.target.substr(0, mark);
    out.query = out.target.substr(std::min(mark + 1, out.target.size()));
    for (const auto &field : message)
        out.headers.emplace_back(field.name_string(), field.value());
    out.body = std::move(message.body());
    out.peer = std::move(peer);
    return out;
}

// See no_length().
bool has_no_length(const Parser &parser) {
    return parser.is_header_done() && parser.chunked();
}

} // namespace

/// One connection. Lives in the frame of serve(); used on the server's thread only.
class Session {
  public:
    Session(ServerState &server, asio::ip::tcp::socket socket)
        : m_server(server), m_stream(std::move(socket), *server.tls),
          m_buffer(server.options.limits.max_header_bytes + k_body_chunk), m_answered(server.io) {
        error_code ignored;
        (void)tcp().socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
        const auto peer = tcp().socket().remote_endpoint(ignored);
        m_peer = conf::Address{peer.address().to_string(), peer.port()}.text();
        m_server.sessions.insert(this);
    }
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    ~Session() {
        m_server.sessions.erase(this);
        m_server.waiting.erase(m_question);
    }

    asio::awaitable<void> run();

    void take_answer(Response response) {
        m_answer = std::move(response);
        m_answered.cancel();
    }
    void look_again() { m_answered.cancel(); }
    void close_if_idle(bool also_new) {
        error_code ec;
        const bool asked = tcp().socket().available(ec) > 0; // its request is on the way to us
        if (m_idle && (also_new || (m_served && !asked)))
            tcp().close();
    }

  private:
    beast::tcp_stream &tcp() { return m_stream.next_layer(); }
    asio::awaitable<bool> await_first_byte();
    asio::awaitable<error_code> read_request(Parser &parser);
    asio::awaitable<Response> ask_handler(Request request);
    asio::awaitable<bool> write(Response answer, bool head, bool keep_alive);
    asio::awaitable<bool> write_stream(Response answer);
    asio::awaitable<bool> write_text(std::string_view text);
    asio::awaitable<void> watch_peer();
    asio::awaitable<void> linger();

    ServerState &m_server;
    beast::ssl_stream<beast::tcp_stream> m_stream;
    beast::flat_buffer m_buffer;
    asio::steady_timer m_answered; // cancelled by the answer, expires without one
    std::optional<Response> m_answer;
    std::uint64_t m_question = 0;
    std::string m_peer;
    bool m_idle = true;
    bool m_served = false;   // a request, at least
    bool m_watching = false; // watch_peer() runs
};

// Waits for a request as long as a kept-alive connection may stay silent.
asio::awaitable<bool> Session::await_first_byte() {
    if (m_buffer.size() > 0)
        co_return true;
    error_code ec;
    tcp().expires_after(m_server.options.limits.idle_timeout);
    m_idle = true;
    const std::size_t n = co_await m_stream.async_read_some(
        m_buffer.prepare(4096), asio::redirect_error(asio::use_awaitable, ec));
    m_idle = false;
    m_buffer.commit(n);
    co_return !ec;
}

asio::awaitable<error_code> Session::read_request(Parser &parser) {
    error_code ec;
    const HttpLimits &limits = m_server.options.limits;
    parser.header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    parser.body_limit(limits.max_body_bytes);
    // Most requests are whole with their first bytes: nothing is to be waited for.
    parser.eager(true);
    m_buffer.consume(parser.put(m_buffer.data(), ec));
    if (has_no_length(parser))
        co_return no_length();
    if (ec == http::error::need_more)
        ec = {};
    if (ec || parser.is_done())
        co_return ec;
    {
        const Deadline deadline{tcp(), limits.header_timeout};
        co_await http::async_read_header(m_stream, m_buffer, parser,
                                         asio::redirect_error(asio::use_awaitable, ec));
        if (ec)
            co_return deadline.over() ? beast::error::timeout : ec;
    }
    if (has_no_length(parser))
        co_return no_length();
    const Deadline deadline{tcp(), limits.body_timeout};
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        http::response<http::empty_body> go_on{http::status::continue_, 11};
        co_await http::async_write(m_stream, go_on, asio::redirect_error(asio::use_awaitable, ec));
    }
    if (!ec)
        co_await http::async_read(m_stream, m_buffer, parser,
                                  asio::redirect_error(asio::use_awaitable, ec));
    co_return ec &&deadline.over() ? beast::error::timeout : ec;
}

asio::awaitable<Response> Session::ask_handler(Request request) {
    m_question = ++m_server.last_question;
    m_server.waiting[m_question] = this;
    m_answer.reset();
    m_answered.expires_after(m_server.options.limits.answer_timeout);
    Reply reply{std::make_shared<Reply::Impl>(m_server.mailbox, m_question)};
    asio::post(m_server.workers, [&handler = m_server.handler, request = std::move(request),
                                  reply = std::move(reply)]() mutable {
        try {
            handler(std::move(request), reply);
        } catch (const std::exception &e) {
            base::log::error("handle a request: {}", e.what());
            reply(problem(500, "internal", "Internal error", ""));
        }
    });
    // The answer is delivered on this thread, so it cannot come before we wait for it.
    error_code ec;
    co_await m_answered.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    m_server.waiting.erase(m_question);
    if (m_answer)
        co_return std::move(*m_answer);
    co_return problem(503, "timeout", "Not answered in time", "");
}

asio::awaitable<bool> Session::write(Response answer, bool head, bool keep_alive) {
    http::response<http::string_body> out{static_cast<http::status>(answer.status), 11};
    out.set(http::field::date, http_date());
    for (const auto &[name, value] : answer.headers)
        out.insert(name, value);
    out.keep_alive(keep_alive);
    out.content_length(answer.body.size());
    if (!head)
        out.body() = std::move(answer.body);
    error_code ec;
    tcp().expires_after(m_server.options.limits.write_timeout);
    co_await http::async_write(m_stream, out, asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
}

// In parts, each with a deadline of its own: a long text takes a slow line longer.
asio::awaitable<bool> Session::write_text(std::string_view text) {
    error_code ec;
    while (!ec && !text.empty()) {
        const std::string_view part = text.substr(0, k_body_chunk);
        text.remove_prefix(part.size());
        tcp().expires_after(m_server.options.limits.write_timeout);
        co_await asio::async_write(m_stream, asio::buffer(part),
                                   asio::redirect_error(asio::use_awaitable, ec));
    }
    co_return !ec;
}

// Nothing is asked on a connection that ends with its answer: whatever comes means that it is over.
asio::awaitable<void> Session::watch_peer() {
    error_code ec;
    std::array<char, 64> sink; // NOLINT(*-member-init): never read
    co_await m_stream.async_read_some(asio::buffer(sink),
                                      asio::redirect_error(asio::use_awaitable, ec));
    m_watching = false;
    m_answered.cancel();
}

// The body, then the stream until either side ends it. The end of the connection is the end of the
// answer (RFC 9112 section 6.3).
asio::awaitable<bool> Session::write_stream(Response answer) {
    const std::shared_ptr<Stream> stream = std::move(answer.stream);
    http::response<http::empty_body> out{static_cast<http::status>(answer.status), 11};
    out.set(http::field::date, http_date());
    for (const auto &[name, value] : answer.headers)
        out.insert(name, value);
    out.keep_alive(false);
    error_code ec;
    tcp().expires_never(); // reading: watch_peer() is to wait as long as we send
    m_watching = true;
    asio::co_spawn(m_server.io, watch_peer(), asio::detached);
    m_server.waiting[m_question] = this;
    stream->attach(
        [mailbox = m_server.mailbox, question = m_question] { mailbox->wake(question); });
    co_await asio::post(m_server.io, asio::use_awaitable); // watch_peer() reads by now
    tcp().expires_after(m_server.options.limits.write_timeout);
    co_await http::async_write(m_stream, out, asio::redirect_error(asio::use_awaitable, ec));
    bool good = !ec && co_await write_text(answer.body);
    for (bool more = true; good && more && m_watching;) {
        const Stream::Part part = stream->take();
        good = co_await write_text(part.text);
        more = part.more;
        m_answered.expires_at(std::chrono::steady_clock::time_point::max());
        if (good && more && part.text.empty() && m_watching)
            co_await m_answered.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    stream->detach();
    m_server.waiting.erase(m_question);
    for (tcp().cancel(); m_watching;) {
        m_answered.expires_at(std::chrono::steady_clock::time_point::max());
        co_await m_answered.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    co_return good;
}

// Closing with unread bytes would reset the connection, and the client would never see our answer
// to what it is still sending (RFC 9112 section 9.6). So: end our half, then drop what comes.
asio::awaitable<void> Session::linger() {
    error_code ec;
    tcp().expires_after(k_linger);
    (void)tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ec);
    std::array<char, 16'384> sink; // NOLINT(*-member-init): never read
    for (std::size_t left = k_linger_bytes; !ec && left > 0;) {
        const std::size_t n = co_await tcp().async_read_some(
            asio::buffer(sink), asio::redirect_error(asio::use_awaitable, ec));
        left -= std::min(n, left);
    }
}

asio::awaitable<void> Session::run() {
    error_code ec;
    tcp().expires_after(m_server.options.limits.handshake_timeout);
    co_await m_stream.async_handshake(asio::ssl::stream_base::server,
                                      asio::redirect_error(asio::use_awaitable, ec));
    if (ec)
        co_return; // strangers knock all day: no log line each
    bool keep_alive = true;
    while (keep_alive && (!m_server.stopping || !m_served || m_buffer.size() > 0)) {
        if (!co_await await_first_byte())
            break;
        m_served = true;
        Parser parser;
        if (const error_code bad = co_await read_request(parser)) {
            ++m_server.refused;
            if (auto answer = answer_to(bad)) {
                co_await write(std::move(*answer), false, false);
                co_await linger();
            }
            co_return;
        }
        const bool head = parser.get().method() == http::verb::head;
        keep_alive = parser.keep_alive();
        Request request = to_request(parser.release(), m_peer);
        Response answer;
        if (!request.target.starts_with('/') || request.header("Host").value_or("").empty())
            answer = problem(400, "bad_request", "Bad request",
                             "A request has a Host field and a path as its target.");
        else
            answer = co_await ask_handler(std::move(request));
        keep_alive = keep_alive && !m_server.stopping && !answer.stream;
        bool written = false;
        if (answer.stream)
            written = co_await write_stream(std::move(answer));
        else
            written = co_await write(std::move(answer), head, keep_alive);
        if (!written)
            co_return;
    }
    // A client that has said goodbye closes at once. An answer to that would meet a closed socket,
    // which resets the connection; and the kernel sends what follows that reset without a socket,
    // so by the default route, which on a terminal may be a carrier's.
    if ((::SSL_get_shutdown(m_stream.native_handle()) & SSL_RECEIVED_SHUTDOWN) != 0)
        co_return;
    tcp().expires_after(k_linger);
    co_await m_stream.async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
}

asio::awaitable<void> serve(ServerState &server, asio::ip::tcp::socket socket) {
    Session session{server, std::move(socket)};
    co_await session.run();
}

void hand_over(ServerState &server, std::uint64_t question, Response response) {
    const auto found = server.waiting.find(question);
    if (found != server.waiting.end())
        found->second->take_answer(std::move(response));
}

void look_again(ServerState &server, std::uint64_t question) {
    const auto found = server.waiting.find(question);
    if (found != server.waiting.end())
        found->second->look_again();
}

void close_if_idle(Session &session, bool also_new) {
    session.close_if_idle(also_new);
}

} // namespace net
