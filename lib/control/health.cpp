#include "control/health.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace control {

using base::Errc;
using base::Result;

namespace {

constexpr std::chrono::seconds k_fresh{1};
constexpr std::chrono::seconds k_patience{2};

// Takes a serial of no relay: full disks, read-only ones and servers that are away show. (SQLite
// would not write what is there already.)
Result<void> probe(ledger::Ledger &ledger) {
    return ledger.write([](ledger::Transaction &t) -> Result<void> {
        TRY(t.next_feed_serial(""));
        return {};
    });
}

std::string_view text_of(Errc fault) {
    switch (fault) {
    case Errc::io:
        return "cannot be written; control's log has the cause";
    case Errc::try_again:
    case Errc::unavailable:
        return "is away or busy; control's log has the cause";
    default:
        return "is damaged; control's log has the cause";
    }
}

} // namespace

Health::Health(ledger::Ledger &ledger, const base::Clock &clock)
    : m_ledger(ledger), m_clock(clock), m_thread([this] { loop(); }) {}

Health::~Health() {
    {
        const std::scoped_lock lock{m_mutex};
        m_end = true;
    }
    m_changed.notify_all();
    m_thread.join();
}

void Health::certificate(base::UtcTime not_before, base::UtcTime not_after) {
    const std::scoped_lock lock{m_mutex};
    m_certificate = {not_before, not_after};
}

void Health::stopping() {
    const std::scoped_lock lock{m_mutex};
    m_stopping = true;
}

bool Health::Report::ready() const {
    return std::ranges::all_of(checks, &Check::ok);
}

Health::Report Health::report() {
    std::unique_lock lock{m_mutex};
    Report out;
    if (m_stopping) {
        out.checks.push_back({"running", false, "control is about to end"});
        return out;
    }
    const auto now = Steady::now();
    if (m_probe == Probe::none && (!m_ended || now - *m_ended > k_fresh)) {
        m_probe = Probe::wanted;
        m_asked = now;
        m_changed.notify_all();
    }
    m_changed.wait_until(lock, m_asked + k_patience,
                         [this] { return m_probe == Probe::none || m_end; });
    out.checks.push_back(ledger_check(Steady::now()));
    const auto wall = m_clock.now();
    const bool valid =
        m_certificate && wall >= m_certificate->first && wall < m_certificate->second;
    out.checks.push_back(
        {"certificate", valid,
         !m_certificate ? "is not loaded"
                        : fmt::format("{} until {}", valid ? "is valid" : "is not valid now, but",
                                      base::format_rfc3339(m_certificate->second))});
    return out;
}

Health::Check Health::ledger_check(Steady::time_point now) const {
    if (m_probe != Probe::none)
        return {"ledger", false,
                fmt::format("has not answered for {} s",
                            std::chrono::duration_cast<base::Seconds>(now - m_asked).count())};
    if (m_fault)
        return {"ledger", false, std::string(text_of(*m_fault))};
    return {"ledger", true, "can be written"};
}

void Health::loop() {
    std::unique_lock lock{m_mutex};
    for (;;) {
        m_changed.wait(lock, [this] { return m_probe == Probe::wanted || m_end; });
        if (m_end)
            return;
        m_probe = Probe::running;
        lock.unlock();
        const auto done = probe(m_ledger);
        lock.lock();
        const auto fault = done ? std::nullopt : std::optional(done.error().code);
        if (fault != m_fault && fault)
            base::log::error("not ready: {}", done.error().message);
        else if (fault != m_fault)
            base::log::info("ready again");
        m_fault = fault;
        m_ended = Steady::now();
        m_probe = Probe::none;
        m_changed.notify_all();
    }
}

wire::Json to_json(const Health::Report &report) {
    wire::JsonArray checks;
    for (const Health::Check &check : report.checks)
        checks.push_back(
            wire::JsonObject{{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
    return wire::JsonObject{{"status", report.ready() ? "ready" : "not_ready"},
                            {"checks", std::move(checks)}};
}

} // namespace control
