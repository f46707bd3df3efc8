#include "control/service.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "control/api.hpp"
#include "control/ledgers.hpp"
#include "control/sweeper.hpp"
#include "net/certificate.hpp"

namespace control {

using base::Result;

namespace {

constexpr base::Millis k_grace{5000}; // for requests that are being answered at the end

void warn_of_certificate(const net::Certificate &certificate, const Config &config,
                         base::UtcTime now) {
    if (now >= certificate.not_after() || now < certificate.not_before())
        base::log::warning("{} is valid from {} to {} only", config.tls_certificate.native(),
                           base::format_rfc3339(certificate.not_before()),
                           base::format_rfc3339(certificate.not_after()));
    if (const auto key = net::check_key_mode(config.tls_key); !key)
        base::log::warning("{}; {}", key.error().message, key.error().hint);
}

} // namespace

Result<void> serve(const Config &config, const std::function<void(const std::string &url)> &ready,
                   const std::function<void()> &wait_for_stop) {
    const Keys keys = TRY(load_keys(config));
    std::optional<base::FileLock> lock; // PostgreSQL is for any number of processes
    if (!config.on_postgres())
        lock.emplace(TRY(base::FileLock::acquire(config.data / "serve.lock", 0)));
    const auto ledger = TRY(open_ledger(config, ledger::Verify::yes));
    const net::Certificate certificate =
        TRY(net::Certificate::load(config.tls_certificate, config.tls_key));
    const base::SystemClock clock;
    warn_of_certificate(certificate, config, clock.now());

    Feeds feeds{config, keys, *ledger, clock};
    Api api{config,  keys,
            *ledger, clock,
            feeds,   [&certificate](std::string_view host) { return certificate.covers(host); }};
    const Sweeper sweeper{*ledger, feeds, config, clock};
    const auto server =
        TRY(net::HttpServer::start({.listen = config.listen.text(),
                                    .certificate = config.tls_certificate,
                                    .key = config.tls_key},
                                   [&api](const net::Request &request, const net::Reply &reply) {
                                       api.handle(request, reply);
                                   }));
    ready("https://" + server->address());
    wait_for_stop();
    feeds.stop(); // else the long polls would hold up the end
    server->stop(k_grace);
    return {};
}

} // namespace control
