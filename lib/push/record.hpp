// Keeps a copy of what goes to the sender, on a thread of its own.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace push {

/// A file of whole TS packets that is usable whenever its writer was killed, and lacks at most the
/// last seconds when the machine was. What is recorded waits in a bounded queue for the disk; a
/// disk that is full, broken or too slow costs the recording packets, never the programme.
class Recorder {
  public:
    /// What becomes of media that stands in the file already. An empty file is as good as none.
    enum class Existing {
        refuse,
        replace,
        append ///< after the last whole packet
    };

    /// refused: there is something in the file; bad_data: not a file, or, to append to, no TS;
    /// try_again: another program records into it.
    [[nodiscard]] static base::Result<std::unique_ptr<Recorder>> open(const std::string &path,
                                                                      Existing existing);
    /// As finish(). A file that was made and got nothing is removed.
    ~Recorder();
    Recorder(const Recorder &) = delete;
    Recorder &operator=(const Recorder &) = delete;

    /// Takes whole packets. Never waits for the disk; one thread only.
    void write(std::span<const std::uint8_t> packets);
    /// What has gone wrong since the last call, for people; the thread of write().
    [[nodiscard]] std::optional<std::string> take_trouble();
    /// Waits until everything is on the disk. The first error of the whole recording.
    [[nodiscard]] base::Result<void> finish();

  private:
    using Bytes = std::vector<std::uint8_t>;

    Recorder(base::Fd file, std::string path, std::uint64_t size, bool made);
    void run();
    void store(std::span<const std::uint8_t> packets);
    void failed(base::Error error);
    void sync();

    base::Fd m_file;
    std::string m_path;
    std::uint64_t m_size; // whole packets, and where the next one goes
    bool m_made;          // by us, to be removed when nothing comes
    bool m_unsynced = false;
    std::chrono::steady_clock::time_point m_again{}; // no attempt before; set by a failure

    std::mutex m_mutex; // what follows
    std::condition_variable m_wake;
    Bytes m_queue;
    bool m_stop = false;
    std::uint64_t m_lost = 0; // bytes that the disk did not take
    std::optional<base::Error> m_error;
    std::optional<std::string> m_trouble;
    bool m_behind = false; // the queue was full at the last call

    std::thread m_thread;
};

} // namespace push
