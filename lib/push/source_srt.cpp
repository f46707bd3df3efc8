// SRT that somebody else sends: called, or listened to.
#include "base/log.hpp"
#include "media/srt_listener.hpp"
#include "media/ts_datagram.hpp"
#include "push/source_net.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <netdb.h>
#include <netinet/in.h>

namespace push::detail {

using namespace std::chrono_literals;
using base::Errc;
using base::fail_hint;
using base::Result;
using media::SrtState;

namespace {

constexpr auto k_patience = 100ms;
constexpr auto k_call_again = 1s;
constexpr int k_busy = 2409; // SRT_REJX_CONFLICT: another caller is sending

// The first address of @p host, which may be a name.
Result<std::string> resolve(const std::string &host) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_DGRAM;
    addrinfo *found = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found); code != 0)
        return fail_hint(Errc::unavailable, "give its address", "{}: {}", host,
                         ::gai_strerror(code));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{found, ::freeaddrinfo};
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0)
        return base::fail(Errc::unavailable, "{}: no address", host);
    return conf::canonical_ip(text.data());
}

class SrtOrigin : public Origin {
  public:
    SrtOrigin(NetworkName name, std::string passphrase)
        : m_name(std::move(name)), m_passphrase(std::move(passphrase)) {}

    Result<void> open() override {
        m_poll.emplace(TRY(media::SrtPoll::make()));
        return connect();
    }

    std::span<const std::uint8_t> receive() override {
        if (m_socket && m_socket.state() == SrtState::broken && !m_over)
            return take();
        if (!m_socket || m_socket.state() == SrtState::broken)
            lost();
        const auto &ready = m_poll->wait(k_patience).sockets;
        if (!m_socket)
            reconnect();
        else if (std::ranges::any_of(ready, [&](int s) { return s != m_socket.handle(); }))
            turn_away();
        if (!m_socket || m_socket.state() != SrtState::connected)
            return {};
        if (!std::exchange(m_told, true))
            base::log::info("{}: connected with {}", m_name.text, m_socket.peer());
        return take();
    }

  protected:
    /// For the first time, with the errors that will not pass.
    [[nodiscard]] virtual Result<void> connect() = 0;
    virtual void reconnect() = 0;
    /// Somebody else calls while there is a connection.
    virtual void turn_away() {}

    void use(media::SrtSocket socket) {
        m_socket = std::move(socket);
        m_over = false;
        m_told = false;
        m_busy = true;
        (void)m_poll->watch(m_socket.handle());
    }

    // NOLINTBEGIN(*-non-private-member-variables-in-classes): the two kinds are parts of it
    media::SrtLibrary m_library;
    NetworkName m_name;
    std::string m_passphrase;
    std::optional<media::SrtPoll> m_poll;
    media::SrtSocket m_socket;
    std::atomic<bool> m_busy{false}; // read by libsrt's thread
                                     // NOLINTEND(*-non-private-member-variables-in-classes)

  private:
    std::span<const std::uint8_t> take() {
        const auto got = m_socket.receive(m_space);
        m_over = !got;
        if (!got || !*got)
            return {};
        const auto packets = media::ts_of_datagram(std::span{m_space}.first(**got));
        if (packets.empty() && !std::exchange(m_warned, true))
            base::log::warning("{}: what comes is no transport stream; it is left out",
                               m_name.text);
        return packets;
    }

    void lost() {
        if (!m_socket)
            return;
        if (std::exchange(m_told, false))
            base::log::warning("{}: the connection is over; waiting for another", m_name.text);
        else if (const auto reject = m_socket.reject(); !std::exchange(m_refused, true))
            base::log::warning("{}: no connection: {}; trying again", m_name.text, reject.text);
        m_socket.close();
        m_busy = false;
    }

    std::array<std::uint8_t, media::k_srt_max_message> m_space{};
    bool m_over = false;    // nothing more comes from this socket
    bool m_told = false;    // that it is connected
    bool m_refused = false; // said once
    bool m_warned = false;
};

class SrtCaller final : public SrtOrigin {
  public:
    using SrtOrigin::SrtOrigin;

  private:
    Result<void> connect() override {
        m_call.to.host = TRY(resolve(m_name.host));
        m_call.to.port = m_name.port;
        m_call.stream_id = m_name.stream_id;
        m_call.passphrase = m_passphrase;
        m_call.latency = m_name.latency;
        use(TRY(media::SrtSocket::call(m_call)));
        m_called = std::chrono::steady_clock::now();
        return {};
    }
    void reconnect() override {
        const auto now = std::chrono::steady_clock::now();
        if (now - m_called < k_call_again)
            return;
        m_called = now;
        if (auto socket = media::SrtSocket::call(m_call))
            use(std::move(*socket));
    }

    media::SrtCall m_call;
    std::chrono::steady_clock::time_point m_called;
};

class SrtAnswerer final : public SrtOrigin {
  public:
    using SrtOrigin::SrtOrigin;

  private:
    Result<void> connect() override {
        conf::Address at{"0.0.0.0", m_name.port};
        if (!m_name.host.empty())
            at.host = TRY(resolve(m_name.host));
        m_listener.emplace(
            TRY(media::SrtListener::open(at, m_name.latency, [this](const media::SrtOffer &) {
                return media::SrtAnswer{.refuse = m_busy ? k_busy : 0, .passphrase = m_passphrase};
            })));
        return m_poll->watch(m_listener->handle());
    }
    void reconnect() override {
        if (auto socket = m_listener->accept())
            use(std::move(socket));
    }
    void turn_away() override { (void)m_listener->accept(); }

    std::optional<media::SrtListener> m_listener;
};

} // namespace

std::unique_ptr<Origin> make_srt_origin(const NetworkName &name, std::string passphrase) {
    if (name.kind == NetworkName::Kind::srt_caller)
        return std::make_unique<SrtCaller>(name, std::move(passphrase));
    return std::make_unique<SrtAnswerer>(name, std::move(passphrase));
}

} // namespace push::detail
