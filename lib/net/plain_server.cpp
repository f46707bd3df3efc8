#include "net/plain_server.hpp"

#include "base/file.hpp"
#include "base/log.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace net {

using base::Errc;
using base::fail_hint;
using base::Fd;
using base::Result;
using Steady = std::chrono::steady_clock;

namespace {

constexpr std::size_t k_threads = 4;
constexpr std::size_t k_max_head = 8 * 1024;
constexpr std::chrono::seconds k_head_patience{1};
constexpr std::chrono::seconds k_patience{5}; // in all

Result<Fd> listen_on(const conf::Address &at) {
    sockaddr_storage address{};
    socklen_t size = 0;
    if (at.is_v6()) {
        auto &v6 = reinterpret_cast<sockaddr_in6 &>(address);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(at.port);
        ::inet_pton(AF_INET6, at.host.c_str(), &v6.sin6_addr);
        size = sizeof v6;
    } else {
        auto &v4 = reinterpret_cast<sockaddr_in &>(address);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(at.port);
        ::inet_pton(AF_INET, at.host.c_str(), &v4.sin_addr);
        size = sizeof v4;
    }
    Fd fd{::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int on = 1;
    if (fd)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr *>(&address), size) != 0 ||
        ::listen(fd.get(), 16) != 0)
        return fail_hint(Errc::unavailable, "is the address this machine's, and the port free?",
                         "listen on {}: {}", at.text(),
                         std::strerror(errno)); // NOLINT(*-mt-unsafe)
    return fd;
}

// Waits until @p fd can do what @p events say; false when the time is over.
bool wait(int fd, short events, Steady::time_point until) {
    const auto left = std::chrono::duration_cast<base::Millis>(until - Steady::now()).count();
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    return left > 0 && ::poll(&waiting, 1, static_cast<int>(left)) > 0;
}

// The head of a request, or less when the client does not send it whole in time.
std::string read_head(int client, Steady::time_point until) {
    std::string head;
    std::array<char, 1024> part{};
    while (!head.contains("\r\n\r\n") && head.size() < k_max_head && wait(client, POLLIN, until)) {
        const ssize_t n = ::recv(client, part.data(), part.size(), MSG_DONTWAIT);
        if (n <= 0)
            break;
        head.append(part.data(), static_cast<std::size_t>(n));
    }
    return head;
}

void write_all(int client, std::string_view text, Steady::time_point until) {
    while (!text.empty() && wait(client, POLLOUT, until)) {
        const ssize_t n = ::send(client, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

Response plain(int status, std::string text) {
    return {.status = status,
            .headers = {{"Content-Type", "text/plain"}},
            .body = std::move(text) + "\n"};
}

Response answer(std::string_view head, const PlainServer::Pages &pages) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (!head.contains("\r\n\r\n") || first == last || !line.substr(last).starts_with(" HTTP/1."))
        return plain(400, "not an HTTP request");
    if (const auto method = line.substr(0, first); method != "GET" && method != "HEAD") {
        Response refused = plain(405, "only GET");
        refused.headers.emplace_back("Allow", "GET, HEAD");
        return refused;
    }
    const std::string_view target = line.substr(first + 1, last - first - 1);
    return pages(std::string(target.substr(0, target.find('?'))));
}

} // namespace

Result<std::unique_ptr<PlainServer>> PlainServer::start(const conf::Address &listen, Pages pages) {
    Fd listener = TRY(listen_on(listen));
    Fd end{::eventfd(0, EFD_CLOEXEC)};
    if (!end)
        return base::fail_errno("open", "eventfd");
    return std::unique_ptr<PlainServer>{
        new PlainServer{std::move(listener), std::move(end), std::move(pages)}};
}

PlainServer::PlainServer(Fd listener, Fd end, Pages pages)
    : m_listener(std::move(listener)), m_end(std::move(end)), m_pages(std::move(pages)) {
    for (std::size_t i = 0; i < k_threads; ++i)
        m_threads.emplace_back([this] { loop(); });
}

PlainServer::~PlainServer() {
    const std::uint64_t one = 1;
    if (::write(m_end.get(), &one, sizeof one) < 0)
        base::log::error("end the monitor's pages: {}",
                         std::strerror(errno)); // NOLINT(*-mt-unsafe)
    for (std::thread &thread : m_threads)
        thread.join();
}

void PlainServer::loop() {
    for (;;) {
        std::array<pollfd, 2> waiting{{{.fd = m_listener.get(), .events = POLLIN, .revents = 0},
                                       {.fd = m_end.get(), .events = POLLIN, .revents = 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return;
        if (waiting[1].revents != 0)
            return;
        const Fd client{::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (client)
            serve(client.get());
    }
}

void PlainServer::serve(int client) const {
    const auto until = Steady::now() + k_patience;
    const std::string head = read_head(client, Steady::now() + k_head_patience);
    if (head.empty())
        return;
    const Response response = answer(head, m_pages);
    std::string text =
        fmt::format("HTTP/1.1 {} {}\r\nContent-Length: {}\r\nConnection: close\r\n",
                    response.status, response.status < 300 ? "OK" : "Not OK", response.body.size());
    for (const auto &[name, value] : response.headers)
        text += fmt::format("{}: {}\r\n", name, value);
    text += "\r\n";
    if (!head.starts_with("HEAD "))
        text += response.body;
    write_all(client, text, until);
    // What it still sends is read, or the end of the connection would take our answer with it.
    ::shutdown(client, SHUT_WR);
    std::array<char, 1024> sink{};
    for (int i = 0; i < 64 && wait(client, POLLIN, until); ++i)
        if (::recv(client, sink.data(), sink.size(), MSG_DONTWAIT) <= 0)
            return;
}

} // namespace net
