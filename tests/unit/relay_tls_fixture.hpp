// A viewer who comes by TLS.
#pragma once

#include "net_fixture.hpp"
#include "relay_live_fixture.hpp"

#include <csignal>
#include <openssl/ssl.h>

namespace tls_fixture {

// One connection between the relay's side, `out`, and a viewer in the same thread.
class TlsPair {
  public:
    TlsPair() {
        std::signal(SIGPIPE, SIG_IGN); // as all programs do
        const auto &folder = net_fixture::certificate().folder;
        context = net::TlsContext::load(folder / "crt", folder / "key").value();
        live_test::Pair pair;
        m_socket = std::move(pair.viewer);
        out.emplace(std::move(pair.relay), context);
        m_context.reset(SSL_CTX_new(TLS_client_method()));
        m_ssl.reset(SSL_new(m_context.get()));
        SSL_set_fd(m_ssl.get(), m_socket.get());
    }
    // The viewer's next step of the handshake; true when it is through.
    bool connect() { return SSL_connect(m_ssl.get()) == 1; }
    void agree() {
        bool ours = false;
        bool theirs = false;
        for (int i = 0; i < 10 && !(ours && theirs); ++i) {
            theirs = theirs || connect();
            ours = ours || out->greet() == relay::Transport::Greeting::done;
        }
        REQUIRE(ours);
        REQUIRE(theirs);
    }
    // All that is there. `ended` when the relay said that nothing follows.
    std::string read() {
        std::string all;
        std::array<char, 20000> some; // NOLINT(*-member-init): filled by SSL_read
        int n = 0;
        while ((n = SSL_read(m_ssl.get(), some.data(), some.size())) > 0)
            all.append(some.data(), static_cast<std::size_t>(n));
        ended = SSL_get_error(m_ssl.get(), n) == SSL_ERROR_ZERO_RETURN;
        return all;
    }
    [[nodiscard]] bool say(std::string_view text) {
        return SSL_write(m_ssl.get(), text.data(), static_cast<int>(text.size())) ==
               static_cast<int>(text.size());
    }
    [[nodiscard]] int socket() const { return m_socket.get(); }

    void hang_up() { m_socket.reset(); }

    std::shared_ptr<const net::TlsContext> context;
    std::optional<relay::Transport> out;
    bool ended = false;

  private:
    base::Fd m_socket;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> m_context{nullptr, &SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> m_ssl{nullptr, &SSL_free};
};

} // namespace tls_fixture
