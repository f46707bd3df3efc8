#include "ledger/mirror.hpp"

#include "base/log.hpp"

namespace ledger {

using base::Result;

const std::string_view k_read_serial = "SELECT value FROM serials WHERE name = 'demands'";

namespace {

constexpr int k_rest = 10; // times as long as it took to fill: others may write all the time

} // namespace

// False when something came between.
bool Mirror::Contents::take(std::int64_t next, const DemandChanges &changes) {
    if (next <= serial)
        return true;
    if (next != serial + 1)
        return false;
    occupancy.apply(changes);
    serial = next;
    return true;
}

Mirror::~Mirror() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_changed.notify_all();
    m_thread.join();
}

void Mirror::committing() {
    const std::scoped_lock lock{m_mutex};
    m_committing = true;
}

void Mirror::committed(std::int64_t serial, DemandChanges changes) {
    {
        const std::scoped_lock lock{m_mutex};
        m_committing = false;
        if (m_filling)
            m_meanwhile.emplace_back(serial, std::move(changes));
        else if (m_contents && !m_contents->take(serial, changes))
            m_contents.reset();
    }
    m_changed.notify_all();
}

void Mirror::not_committed() {
    {
        const std::scoped_lock lock{m_mutex};
        m_committing = false;
    }
    m_changed.notify_all();
}

std::optional<resv::Timetable> Mirror::taken(std::int64_t serial,
                                             const std::vector<std::string> &resources,
                                             resv::Span span, base::UtcTime now) {
    std::unique_lock lock{m_mutex};
    // What was committed this instant is told of in the next.
    m_changed.wait(lock, [&] {
        return !m_contents || m_contents->serial >= serial || !m_committing || m_stop;
    });
    if (m_contents && m_contents->serial >= serial)
        return m_contents->occupancy.taken(resources, span, now);
    m_contents.reset(); // another process wrote
    m_wanted = true;
    lock.unlock();
    m_changed.notify_all();
    return std::nullopt;
}

Result<std::int64_t> read_demands(Sql &sql, const Mirror::Take &take) {
    const std::int64_t serial = TRY(sql.number(k_read_serial)).value_or(0);
    std::string resource;
    std::int64_t opens = 0;
    seal::Bytes reservation;
    for (bool more = true; more;) { // in pages: some connections hold all rows of a query
        const auto rows =
            TRY(sql.query("SELECT resource, opens_ms, closes_ms, units, hold_expires_ms, "
                          "reservation FROM demands WHERE (resource, opens_ms, reservation) > "
                          "(?, ?, ?) ORDER BY resource, opens_ms, reservation LIMIT 5000",
                          {resource, opens, seal::ByteView{reservation}}));
        for (more = false; TRY(rows->next()); more = true) {
            resource = rows->text(0);
            opens = rows->integer(1);
            reservation = rows->blob(5);
            if (!take({{resource, {rows->time(1), rows->time(2)}, rows->integer(3)},
                       rows->optional_time(4)}))
                return serial;
        }
    }
    return serial;
}

Result<Mirror::Contents> Mirror::read_all() const {
    Contents out;
    out.serial = TRY(m_read_all([&](const DemandRow &row) {
        out.occupancy.add(row);
        return !m_stop;
    }));
    return out;
}

void Mirror::loop() {
    std::unique_lock lock{m_mutex};
    for (;;) {
        m_changed.wait(lock, [this] { return m_stop || m_wanted; });
        if (m_stop)
            return;
        m_wanted = false;
        m_filling = true;
        lock.unlock();
        const auto begun = std::chrono::steady_clock::now();
        auto filled = read_all();
        const auto took = std::chrono::steady_clock::now() - begun;
        lock.lock();
        m_filling = false;
        bool whole = filled.has_value();
        for (const auto &[serial, changes] : m_meanwhile)
            whole = whole && filled->take(serial, changes);
        m_meanwhile.clear();
        if (whole)
            m_contents = std::move(*filled);
        else if (!filled)
            base::log::warning("{}", filled.error().message);
        m_changed.wait_for(lock, took * k_rest, [this] { return m_stop.load(); });
    }
}

} // namespace ledger
