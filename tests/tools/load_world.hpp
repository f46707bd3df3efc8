// What load-control is made of: parties whose keys both of its halves know, signed requests, and a
// client that costs next to nothing beside the server that it loads.
#pragma once

#include "conf/address.hpp"
#include "ledger/records.hpp"
#include "seal/hash.hpp"
#include "seal/http_signature.hpp"

#include <array>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace load {

/// Party k@p number, the same in every process: these keys are nobody's secret.
struct Actor {
    std::string name;
    seal::SigningKey key;
    seal::BoxKey box;

    [[nodiscard]] static Actor make(unsigned number) {
        const auto seed = [&](std::string_view what) {
            return seal::hash256(seal::bytes_of(fmt::format("load-control {} {}", what, number)));
        };
        return {.name = fmt::format("k{}", number),
                .key = seal::SigningKey::from_seed(seed("sign")).value(),
                .box = seal::BoxKey::from_secret(seed("box")).value()};
    }
    [[nodiscard]] ledger::Party party(base::UtcTime now) const {
        return {.name = name,
                .role = ledger::Role::distributor,
                .sign_key = key.public_key(),
                .box_key = box.public_key(),
                .enrolled = now,
                .seen = {}};
    }
};

/// The text of a signed request; @p key is its Idempotency-Key, for a POST.
inline std::string request_text(const Actor &who, const std::string &authority,
                                const std::string &method, const std::string &target,
                                const std::string &body, const std::string &key,
                                base::UtcTime now) {
    const std::size_t mark = std::min(target.find('?'), target.size());
    seal::HttpParts parts{.method = method,
                          .authority = authority,
                          .path = target.substr(0, mark),
                          .query = mark < target.size() ? target.substr(mark) : "?",
                          .content_digest = {},
                          .idempotency_key = {}};
    std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, target, authority);
    if (method == "POST") {
        parts.content_digest = seal::content_digest(body);
        parts.idempotency_key = '"' + key + '"';
        text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n"
                            "Content-Digest: {}\r\nIdempotency-Key: {}\r\n",
                            body.size(), *parts.content_digest, *parts.idempotency_key);
    }
    const auto fields = seal::sign_request(parts, who.key, now);
    return text + fmt::format("Signature-Input: {}\r\nSignature: {}\r\n\r\n{}",
                              fields.signature_input, fields.signature, body);
}

struct Got {
    int status = 0;
    std::string body;
};

/// One kept-alive TLS connection, with one request at a time. Reads what resv-control writes:
/// HTTP/1.1 with a Content-Length. It does not check the certificate: the server is the one that
/// the test started.
class Connection {
  public:
    explicit Connection(const conf::Address &at) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(at.port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        m_fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        ::setsockopt(m_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        // NOLINTNEXTLINE(*-reinterpret-cast): how socket addresses are passed
        if (::connect(m_fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
            return;
        m_tls.reset(SSL_new(context()));
        SSL_set_fd(m_tls.get(), m_fd);
        SSL_set_read_ahead(m_tls.get(), 1);
        m_good = SSL_connect(m_tls.get()) == 1 && ::fcntl(m_fd, F_SETFL, O_NONBLOCK) == 0;
    }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;
    ~Connection() { ::close(m_fd); }

    /// False once it broke.
    [[nodiscard]] bool good() const { return m_good; }
    /// Readable when it is worth asking for the answer.
    [[nodiscard]] int fd() const { return m_fd; }

    /// What does not fit into the socket at once counts as broken: requests are short.
    void send(const std::string &request) {
        m_good =
            m_good && SSL_write(m_tls.get(), request.data(), static_cast<int>(request.size())) > 0;
    }

    /// The answer, once it is whole.
    [[nodiscard]] std::optional<Got> take() {
        read();
        const std::size_t head = m_in.find("\r\n\r\n");
        if (head == std::string::npos)
            return std::nullopt;
        const std::size_t length = m_in.find("Content-Length: ");
        const std::size_t whole = head + 4 + std::stoul(m_in.substr(length + 16, 12));
        if (m_in.size() < whole)
            return std::nullopt;
        Got got{.status = std::stoi(m_in.substr(9, 3)),
                .body = m_in.substr(head + 4, whole - head - 4)};
        m_in.erase(0, whole);
        return got;
    }

  private:
    static SSL_CTX *context() {
        static SSL_CTX *const made = SSL_CTX_new(TLS_client_method());
        return made;
    }
    void read() {
        std::array<char, 65'536> buffer; // NOLINT(*-member-init): filled by the next line
        int n = 0;
        while ((n = SSL_read(m_tls.get(), buffer.data(), static_cast<int>(buffer.size()))) > 0)
            m_in.append(buffer.data(), static_cast<std::size_t>(n));
        m_good = m_good && SSL_get_error(m_tls.get(), n) == SSL_ERROR_WANT_READ;
    }

    struct Free {
        void operator()(SSL *tls) const { SSL_free(tls); }
    };
    int m_fd = -1;
    std::unique_ptr<SSL, Free> m_tls;
    bool m_good = false;
    std::string m_in;
};

} // namespace load
