#include "control/service.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/version.hpp"
#include "control/api.hpp"
#include "control/ledgers.hpp"
#include "control/sweeper.hpp"
#include "net/certificate.hpp"
#include "net/plain_server.hpp"

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

void watch_service(Metrics &metrics, const Config &config, const net::Certificate &certificate,
                   Feeds &feeds, const net::HttpServer &server) {
    metrics.add(
        "gauge", "slotcast_build_info", "1, with what was built", [] { return 1; },
        fmt::format(R"(version="{}",ledger="{}")", base::k_version,
                    config.on_postgres() ? "postgresql" : "sqlite"));
    metrics.add("gauge", "slotcast_control_feed_pollers", "Relays that wait for news now",
                [&feeds] { return static_cast<double>(feeds.waiting()); });
    metrics.add("gauge", "slotcast_control_certificate_not_after_seconds",
                "The certificate's end, since 1970", [&certificate] {
                    return static_cast<double>(base::unix_ms(certificate.not_after())) / 1000;
                });
    const auto count = [&](std::string_view type, std::string name, std::string help,
                           std::uint64_t net::HttpServer::Counters::*member,
                           std::string labels = {}) {
        metrics.add(
            type, std::move(name), std::move(help),
            [&server, member] { return static_cast<double>(server.counters().*member); },
            std::move(labels));
    };
    using C = net::HttpServer::Counters;
    count("gauge", "slotcast_control_connections", "Open connections", &C::open);
    count("counter", "slotcast_control_connections_total", "Connections that were accepted",
          &C::accepted);
    count("counter", "slotcast_control_connections_turned_away_total",
          "Connections beyond a limit, closed at once", &C::over_total, R"(limit="total")");
}

} // namespace

Result<void> serve(const Config &config, const std::function<void(const std::string &url)> &ready,
                   const std::function<void()> &wait_for_stop) {
    const Keys keys = TRY(load_keys(config));
    std::optional<base::FileLock> lock; // PostgreSQL is for any number of processes
    if (!config.on_postgres())
        lock.emplace(TRY(base::FileLock::acquire(config.data / "serve.lock", 0)));
    const auto stored = TRY(open_ledger(config, ledger::Verify::beside));
    const net::Certificate certificate =
        TRY(net::Certificate::load(config.tls_certificate, config.tls_key));
    const base::SystemClock clock;
    warn_of_certificate(certificate, config, clock.now());
    Monitor monitor{*stored, clock};
    monitor.health.certificate(certificate.not_before(), certificate.not_after());
    ledger::Ledger &ledger = monitor.ledger;

    Feeds feeds{config, keys, ledger, clock};
    Api api{config,  keys,
            ledger,  clock,
            feeds,   [&certificate](std::string_view host) { return certificate.covers(host); },
            &monitor};
    const Sweeper sweeper{ledger, feeds, config, clock};
    const auto server =
        TRY(net::HttpServer::start({.listen = config.listen.text(),
                                    .certificate = config.tls_certificate,
                                    .key = config.tls_key},
                                   [&api](const net::Request &request, const net::Reply &reply) {
                                       api.handle(request, reply);
                                   }));
    watch_service(monitor.metrics, config, certificate, feeds, *server);
    std::unique_ptr<net::PlainServer> pages; // dies first: it tells of all the others
    if (config.admin)
        pages = TRY(net::PlainServer::start(
            *config.admin, [&monitor](const std::string &path) { return monitor.page(path); }));
    ready("https://" + server->address());
    wait_for_stop();
    monitor.health.stopping();
    feeds.stop(); // else the long polls would hold up the end
    server->stop(k_grace);
    return {};
}

} // namespace control
