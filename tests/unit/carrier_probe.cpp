#include "carrier/probe.hpp"

#include "base/fd.hpp"
#include "seal/echo.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <doctest/doctest.h>
#include <functional>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

using namespace carrier;
using base::Errc;

namespace {

using Datagrams = std::vector<seal::Bytes>;

seal::Bytes bytes(const seal::EchoDatagram &datagram) {
    return {datagram.begin(), datagram.end()};
}

/// A relay on loopback: `answers` says what goes back for each question.
class Relay {
  public:
    explicit Relay(std::function<Datagrams(const seal::Bytes &)> answers)
        : m_fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        REQUIRE(::bind(m_fd.get(), reinterpret_cast<sockaddr *>(&at), size) == 0);
        ::getsockname(m_fd.get(), reinterpret_cast<sockaddr *>(&at), &size);
        m_port = ntohs(at.sin_port);
        m_thread = std::thread([this, answers = std::move(answers)] { serve(answers); });
    }
    Relay(const Relay &) = delete;
    Relay &operator=(const Relay &) = delete;
    ~Relay() {
        ::shutdown(m_fd.get(), SHUT_RDWR); // wakes recvfrom
        m_thread.join();
    }
    [[nodiscard]] wire::Probe probe(seal::ByteView key) const {
        return {{"127.0.0.1", m_port}, seal::to_base64url(key)};
    }

  private:
    void serve(const std::function<Datagrams(const seal::Bytes &)> &answers) const {
        seal::Bytes in(64);
        sockaddr_in from{};
        socklen_t size = sizeof from;
        auto *peer = reinterpret_cast<sockaddr *>(&from);
        for (;;) {
            const ssize_t n = ::recvfrom(m_fd.get(), in.data(), in.size(), 0, peer, &size);
            if (n <= 0)
                return;
            for (const auto &out : answers({in.begin(), in.begin() + n}))
                ::sendto(m_fd.get(), out.data(), out.size(), 0, peer, size);
        }
    }
    base::Fd m_fd;
    std::uint16_t m_port = 0;
    std::thread m_thread;
};

const ProbeWay k_loopback{"lineA", "lo", "127.0.0.1"};

} // namespace

TEST_CASE("carrier: a probe takes no answer but the relay's to its own question") {
    const seal::Bytes key(32, 7);
    const seal::Bytes other(32, 8);
    const Relay forger([&](const seal::Bytes &question) {
        auto bent = bytes(*seal::echo_answer(key, question));
        bent.back() ^= 1U;
        return Datagrams{question,             // a reflection
                         bent,                 //
                         {},                   // empty
                         seal::Bytes(1400, 1), // too long
                         bytes(*seal::echo_answer(other, seal::echo_question(other, {1}))), //
                         bytes(*seal::echo_answer(key, seal::echo_question(key, {1})))};    // old
    });
    const auto fooled = probe(forger.probe(key), k_loopback);
    REQUIRE_FALSE(fooled);
    CHECK(fooled.error().code == Errc::unavailable);

    std::atomic<int> questions = 0;
    const Relay relay([&](const seal::Bytes &question) {
        ++questions;
        return questions < 3 ? Datagrams{seal::Bytes(32, 0)}
                             : Datagrams{bytes(*seal::echo_answer(key, question))};
    });
    CHECK(probe(relay.probe(key), k_loopback));
    CHECK(questions == 3);
}

TEST_CASE("carrier: a probe that cannot be made says why") {
    const seal::Bytes key(32, 7);
    wire::Probe nobody{{"127.0.0.1", 9}, seal::to_base64url(key)};
    CHECK(probe(nobody, {"lineA", "nosuch0", {}}).error().message.find("nosuch0") !=
          std::string::npos);
    nobody.key = "c2hvcnQ";
    CHECK(probe(nobody, k_loopback).error().code == Errc::bad_data);
    nobody.key = "not base64url!";
    CHECK_FALSE(probe(nobody, k_loopback));
}
