#include "control/service.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "control/engine.hpp"
#include "control/ledgers.hpp"
#include "control/service_metrics.hpp"
#include "net/plain_server.hpp"

#include <malloc.h>

namespace control {

using base::Errc;
using base::Result;

namespace {

constexpr int k_kept_free = 16 << 20; // bytes, in each arena

void warn_of_certificate(const net::Certificate &certificate, const Config &config,
                         base::UtcTime now) {
    if (now >= certificate.not_after() || now < certificate.not_before())
        base::log::warning("{} is valid from {} to {} only", config.tls_certificate.native(),
                           base::format_rfc3339(certificate.not_before()),
                           base::format_rfc3339(certificate.not_after()));
    if (const auto key = net::check_key_mode(config.tls_key); !key)
        base::log::warning("{}; {}", key.error().message, key.error().hint);
}

// What a running control cannot take up anew.
Result<void> check_same(const Config &now, const Config &next) {
    const auto differs = [&](std::string_view key) {
        return base::fail_hint(Errc::config, "to change it, restart control",
                               "{}: {} cannot change while control runs", next.file.native(), key);
    };
    if (next.listen != now.listen)
        return differs("listen");
    if (next.admin != now.admin)
        return differs("admin");
    if (next.data != now.data)
        return differs("data");
    if (next.ledger != now.ledger)
        return differs("ledger");
    return {};
}

Result<void> reload(Engines &engines, const Ground &ground, net::HttpServer &server,
                    const ServiceCalls &calls) {
    Config next = TRY(calls.load());
    TRY(check_same(engines.current()->config(), next));
    auto certificate = TRY(net::Certificate::load(next.tls_certificate, next.tls_key));
    TRY(server.reload(next.tls_certificate, next.tls_key, next.limits.http));
    warn_of_certificate(certificate, next, ground.clock.now());
    const auto former =
        engines.replace(std::make_shared<Engine>(std::move(next), std::move(certificate), ground));
    former->stop();
    return {};
}

} // namespace

Result<bool> serve(const Config &config, const ServiceCalls &calls) {
    // Else the allocator gives memory back, and asks for the same again, with each request.
    ::mallopt(M_TRIM_THRESHOLD, k_kept_free);
    const Keys keys = TRY(load_keys(config));
    std::optional<base::FileLock> lock; // PostgreSQL is for any number of processes
    if (!config.on_postgres())
        lock.emplace(TRY(base::FileLock::acquire(config.data / "serve.lock", 0)));
    const auto ledger = TRY(open_ledger(config, ledger::Verify::beside));
    auto certificate = TRY(net::Certificate::load(config.tls_certificate, config.tls_key));
    const base::SystemClock clock;
    warn_of_certificate(certificate, config, clock.now());
    // Nothing yet: what is taken is then on its way into memory when somebody asks what is free.
    (void)ledger->read([&](ledger::Transaction &t) -> Result<void> {
        TRY(t.taken({}, {}, clock.now(), {}));
        return {};
    });
    Monitor monitor{*ledger, clock};
    const Ground ground{keys, monitor, clock, std::make_shared<Remembered>()};

    Engines engines{std::make_shared<Engine>(config, std::move(certificate), ground)};
    const auto server = TRY(
        net::HttpServer::start({.listen = config.listen.text(),
                                .certificate = config.tls_certificate,
                                .key = config.tls_key,
                                .limits = config.limits.http},
                               [&engines](const net::Request &request, const net::Reply &reply) {
                                   engines.current()->handle(request, reply);
                               }));
    watch_service(monitor.metrics, engines, *ground.remembered, *server);
    std::unique_ptr<net::PlainServer> pages; // dies first: it tells of all the others
    if (config.admin)
        pages = TRY(net::PlainServer::start(
            *config.admin, [&monitor](const std::string &path) { return monitor.page(path); }));
    calls.ready("https://" + server->address());
    while (calls.next() == Wish::reload) {
        const auto done = reload(engines, ground, *server, calls);
        if (done)
            base::log::info("reloaded {}", config.file.native());
        else
            base::log::error("reload: {}; the former configuration stays in force{}{}",
                             done.error().message, done.error().hint.empty() ? "" : " - ",
                             done.error().hint);
        engines.reloaded(done.has_value());
    }
    monitor.health.stopping();
    engines.current()->stop(); // else the long polls would hold up the end
    const bool whole = server->stop(engines.current()->config().limits.stop);
    if (!whole)
        base::log::warning("what was not answered after {} was cut off",
                           base::format_duration(engines.current()->config().limits.stop));
    return whole;
}

} // namespace control
