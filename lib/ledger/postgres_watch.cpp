#include "ledger/postgres_watch.hpp"

#include "base/log.hpp"

#include <array>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace ledger {

using base::Result;

namespace {

constexpr int k_look_ms = 1000;

// Rises with each entry of any feed.
Result<std::int64_t> entries(PostgresConnection &c) {
    c.begin(PostgresConnection::Mode::read);
    const auto sum = c.number("SELECT COALESCE(sum(value), 0)::bigint FROM serials");
    c.rollback(); // and not end_read(), whose answer would wake the loop again
    return TRY(sum).value_or(0);
}

} // namespace

Result<void> notify_postgres(PostgresConnection &connection) {
    return connection.execute("NOTIFY slotcast_feed");
}

PostgresWatch::PostgresWatch(std::string uri, std::function<void()> changed)
    : m_uri(std::move(uri)), m_changed(std::move(changed)),
      m_wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), m_thread([this] { loop(); }) {}

PostgresWatch::~PostgresWatch() {
    m_stop = true;
    wake();
    m_thread.join();
}

void PostgresWatch::tell_others() {
    if (!m_tell.exchange(true))
        wake();
}

void PostgresWatch::wake() const {
    const std::uint64_t one = 1;
    (void)!::write(m_wake.get(), &one, sizeof one); // full is as good as one
}

void PostgresWatch::loop() {
    bool told = false;
    while (!m_stop) {
        auto connection = PostgresConnection::open(m_uri);
        if (connection) {
            told = false;
            listen(**connection);
            continue;
        }
        if (!told)
            base::log::warning("{}", connection.error().message);
        told = true;
        pollfd waiting{.fd = m_wake.get(), .events = POLLIN, .revents = 0};
        ::poll(&waiting, 1, k_look_ms / 4);
    }
}

// Until the connection is lost or this ends.
void PostgresWatch::listen(PostgresConnection &c) {
    std::int64_t seen = -1;
    if (!c.execute("LISTEN slotcast_feed"))
        return;
    while (!m_stop) {
        c.take_notifications(); // one is as good as many
        const auto now = entries(c);
        if (!now)
            return;
        if (std::exchange(seen, *now) != *now)
            m_changed();
        std::array<pollfd, 2> waiting{{{.fd = c.socket(), .events = POLLIN, .revents = 0},
                                       {.fd = m_wake.get(), .events = POLLIN, .revents = 0}}};
        ::poll(waiting.data(), waiting.size(), k_look_ms);
        if (waiting[1].revents != 0) {
            std::uint64_t ignored = 0;
            (void)!::read(m_wake.get(), &ignored, sizeof ignored);
        }
        if (m_tell.exchange(false) && !notify_postgres(c)) {
            m_tell = true; // once there is a connection again
            return;
        }
        if (c.fate() == PostgresConnection::Fate::lost)
            return;
    }
}

} // namespace ledger
