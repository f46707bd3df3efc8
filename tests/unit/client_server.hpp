// A control for tests: verifies each request as the real one does, then answers as the test says.
#pragma once

#include "base/clock.hpp"
#include "client/api.hpp"
#include "net/http_server.hpp"
#include "seal/http_signature.hpp"

#include <atomic>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <mutex>

namespace test {

/// A folder that goes away with its owner.
class Folder {
  public:
    Folder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "slotcast-client.XXXXXX").native();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    std::filesystem::path path;
};

inline const std::filesystem::path &certificate_folder() {
    static const Folder folder;
    static const int made = std::system( // NOLINT(concurrency-mt-unsafe)
        fmt::format("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                    "-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout {0}/key "
                    "-out {0}/crt 2>/dev/null",
                    folder.path.native())
            .c_str());
    REQUIRE(made == 0);
    return folder.path;
}

/// What control saw of one request.
struct Seen {
    net::Request request;
    bool signature_good = false;
};

class Control {
  public:
    using Answer = std::function<net::Response(const net::Request &)>;

    explicit Control(Answer answer, base::Millis clock_offset = base::Millis{0})
        : m_answer(std::move(answer)), m_offset(clock_offset) {
        net::ServerOptions options;
        options.listen = "127.0.0.1:0";
        options.certificate = certificate_folder() / "crt";
        options.key = certificate_folder() / "key";
        auto started = net::HttpServer::start(
            options, [this](const net::Request &r, const net::Reply &reply) { reply(serve(r)); });
        REQUIRE(started.has_value());
        m_server = std::move(*started);
    }

    [[nodiscard]] client::Target target() const {
        return {.url = "https://" + m_server->address(),
                .cacert = certificate_folder() / "crt",
                .interface = ""};
    }
    /// @p clock is the asker's, and outlives it.
    [[nodiscard]] client::Api api(const base::Clock *clock = nullptr) const {
        auto made = client::Api::open(target(), &key, clock);
        REQUIRE(made.has_value());
        return std::move(*made);
    }
    [[nodiscard]] base::UtcTime now() const { return base::SystemClock{}.now() + m_offset; }
    void stop() { m_server->stop(base::Millis{0}); }

    std::vector<Seen> seen; ///< all but /v1/time; look at it between calls only
    const seal::SigningKey key = seal::SigningKey::generate();
    std::atomic<int> time_status = 200; ///< of /v1/time
    std::atomic<int> time_asked = 0;

  private:
    net::Response serve(const net::Request &r) {
        const std::lock_guard lock{m_mutex};
        if (r.path == "/v1/time") {
            ++time_asked;
            return {.status = time_status,
                    .headers = {},
                    .body = fmt::format(R"({{"time":"{}"}})", base::format_rfc3339(now()))};
        }
        const auto good = verify(r);
        seen.push_back({r, good.has_value()});
        if (!good)
            return {
                .status = 401,
                .headers = {{"Content-Type", "application/problem+json"}},
                .body =
                    R"({"status":401,"code":"signature","title":"T","detail":"bad signature"})"};
        return m_answer(r);
    }

    [[nodiscard]] base::Result<void> verify(const net::Request &r) const {
        const seal::HttpParts parts{.method = r.method,
                                    .authority = r.header("host").value_or(""),
                                    .path = r.path,
                                    .query = "?" + r.query,
                                    .content_digest = r.header("content-digest"),
                                    .idempotency_key = r.header("idempotency-key")};
        if (!r.body.empty() &&
            !seal::content_digest_matches(parts.content_digest.value_or(""), r.body))
            return base::fail(base::Errc::protocol, "digest");
        const auto claim = TRY(seal::read_claim(
            parts, {r.header("signature-input").value_or(""), r.header("signature").value_or("")}));
        return seal::verify_request(parts, claim, key.public_key(), now());
    }

    Answer m_answer;
    base::Millis m_offset;
    std::mutex m_mutex;
    std::unique_ptr<net::HttpServer> m_server;
};

inline net::Response json(int status, std::string body) {
    return {.status = status,
            .headers = {{"Content-Type",
                         status < 400 ? "application/json" : "application/problem+json"}},
            .body = std::move(body)};
}

} // namespace test
