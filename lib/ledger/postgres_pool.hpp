// Connections that wait for work.
#pragma once

#include "ledger/postgres_db.hpp"

#include <condition_variable>
#include <mutex>

namespace ledger {

/// Thread-safe. At most 16 connections, made when they are needed.
class PostgresPool {
  public:
    explicit PostgresPool(std::string uri) : m_uri(std::move(uri)) {}

    /// One that is free, or a new one, or the next that is given back.
    [[nodiscard]] base::Result<std::unique_ptr<PostgresConnection>> take() {
        std::unique_lock lock{m_mutex};
        m_returned.wait(lock, [this] { return !m_free.empty() || m_out < k_most; });
        ++m_out;
        if (!m_free.empty()) {
            auto connection = std::move(m_free.back());
            m_free.pop_back();
            return connection;
        }
        lock.unlock();
        auto made = PostgresConnection::open(m_uri);
        if (!made)
            give_back(nullptr);
        return made;
    }

    /// A lost one is dropped, and with it all that waited beside it: the server went away.
    void give_back(std::unique_ptr<PostgresConnection> connection) {
        std::vector<std::unique_ptr<PostgresConnection>> dropped;
        {
            const std::scoped_lock lock{m_mutex};
            --m_out;
            if (connection && connection->fate() != PostgresConnection::Fate::lost)
                m_free.push_back(std::move(connection));
            else if (connection)
                dropped.swap(m_free);
        }
        m_returned.notify_one();
    }

    [[nodiscard]] const std::string &uri() const { return m_uri; }

  private:
    static constexpr std::size_t k_most = 16;

    const std::string m_uri;
    std::mutex m_mutex;
    std::condition_variable m_returned;
    std::vector<std::unique_ptr<PostgresConnection>> m_free;
    std::size_t m_out = 0;
};

} // namespace ledger
