#include "relay/keeper.hpp"

#include "base/log.hpp"

#include <chrono>

namespace relay {

namespace {
constexpr auto k_retry = std::chrono::seconds{5}; // of what could not be written
}

Keeper::Keeper(vault::Folder folder) : m_folder(std::move(folder)), m_thread([this] { run(); }) {}

Keeper::~Keeper() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_changed.notify_all();
    m_thread.join();
}

void Keeper::write(const std::string &name, std::string text) {
    {
        const std::lock_guard lock(m_mutex);
        m_waiting.insert_or_assign(name, std::move(text));
    }
    m_changed.notify_all();
}

void Keeper::remove(const std::string &name) {
    {
        const std::lock_guard lock(m_mutex);
        m_waiting.insert_or_assign(name, std::nullopt);
    }
    m_changed.notify_all();
}

bool Keeper::drain(base::Millis patience) {
    std::unique_lock lock(m_mutex);
    return m_changed.wait_for(lock, patience, [this] { return m_waiting.empty() && !m_busy; });
}

bool Keeper::keep(const std::string &name, const std::optional<std::string> &text) {
    const auto done = text ? m_folder.write(name, *text) : m_folder.remove(name);
    if (!done && !m_failed)
        base::log::error("{}; a restart now would lose what is to be reported",
                         done.error().message);
    if (done && m_failed)
        base::log::info("{} is on disk again", m_folder.shown(name).native());
    m_failed = !done;
    return done.has_value();
}

void Keeper::run() {
    std::unique_lock lock(m_mutex);
    bool again = false; // something could not be written
    for (;;) {
        const auto due = [this] { return m_stop || !m_waiting.empty(); };
        if (again)
            m_changed.wait_for(lock, k_retry, [this] { return m_stop; });
        else
            m_changed.wait(lock, due);
        auto turn = std::exchange(m_waiting, {});
        const bool last = m_stop;
        m_busy = true;
        lock.unlock();
        std::erase_if(turn, [this](const auto &file) { return keep(file.first, file.second); });
        lock.lock();
        again = !turn.empty();
        m_waiting.merge(turn); // what came meanwhile counts
        m_busy = false;
        m_changed.notify_all();
        if (last && (again || m_waiting.empty()))
            return;
    }
}

} // namespace relay
