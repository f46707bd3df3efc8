// Small files of the data folder, written by a thread of its own: a disk that is slow or full never
// holds up media.
#pragma once

#include "vault/folder.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace relay {

/// Thread-safe. What cannot be written is said once, and tried again with the next change.
class Keeper {
  public:
    explicit Keeper(vault::Folder folder);
    /// When all is written, or could not be.
    ~Keeper();
    Keeper(const Keeper &) = delete;
    Keeper &operator=(const Keeper &) = delete;

    /// Replaces the file @p name, soon: of several in a row the last counts.
    void write(const std::string &name, std::string text);
    void remove(const std::string &name);
    /// Waits until all is written, at most @p patience. False: it is not.
    [[nodiscard]] bool drain(base::Millis patience);

  private:
    void run();
    [[nodiscard]] bool keep(const std::string &name, const std::optional<std::string> &text);

    vault::Folder m_folder; // the thread's
    bool m_failed = false;  // the thread's
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::map<std::string, std::optional<std::string>> m_waiting; // nothing: to be removed
    bool m_busy = false;
    bool m_stop = false;
    std::thread m_thread;
};

} // namespace relay
