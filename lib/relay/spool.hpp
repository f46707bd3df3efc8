// The spool: recordings of events as files, written by a thread of its own. Whatever the disk does,
// neither the hub nor a viewer of the live stream waits for it.
#pragma once

#include "base/file.hpp"
#include "relay/recording_files.hpp"

#include <condition_variable>
#include <set>
#include <thread>

namespace relay {

/// Whether @p folder can be a spool: a folder of this user's that others cannot write to.
[[nodiscard]] base::Result<void> check_spool(const std::filesystem::path &folder);

/// Thread-safe. Below its folder there is one for each reservation, with plain TS in numbered files
/// and `index`, see spool_index.hpp. What is not of that form is left alone.
class Spool {
  public:
    struct Options {
        std::int64_t file_bytes = std::int64_t{256} << 20; ///< then the next file is begun
        std::int64_t queue_bytes = std::int64_t{64} << 20; ///< of media that wait for the disk
    };
    /// Makes the folder when it is absent (its parent is there), checks and locks it. try_again:
    /// another relay has it. @p lock: of lock_fd(), from the program that this one replaces.
    [[nodiscard]] static base::Result<std::unique_ptr<Spool>>
    open(const std::filesystem::path &folder, Options options, base::Fd lock = {});
    [[nodiscard]] static base::Result<std::unique_ptr<Spool>>
    open(const std::filesystem::path &folder) {
        return open(folder, Options{});
    }
    ~Spool(); ///< what waits is dropped; see drain()
    Spool(const Spool &) = delete;
    Spool &operator=(const Spool &) = delete;

    /// What there is of @p reservation. An index that must not be used is said in the log, and the
    /// event goes on without a recording: null. @p whole: see Recording::load().
    [[nodiscard]] RecordingPtr recording(const base::Id &reservation, bool whole = false) const;

    /// Writes @p segment, whose bytes are @p media, later. When too much waits it is lost.
    void write(const RecordingPtr &recording, const Segment &segment, std::vector<Slice> media);
    /// Writes down when the files may go, and that no number from the next on was used.
    void close(const RecordingPtr &recording, bool ended);
    void keep(const RecordingPtr &recording);
    void remove(const RecordingPtr &recording);
    /// Removes recordings that were to be kept until some time before @p now, of reservations that
    /// are not among @p known.
    void sweep(std::set<base::Id> known, base::UtcTime now);

    /// A recording that begins to have gaps (error is not empty), or is whole again.
    struct News {
        base::Id reservation;
        std::string error;
    };
    [[nodiscard]] std::vector<News> take_news();
    /// Recordings that have gaps now, because the last segment could not be written.
    [[nodiscard]] std::int64_t failing() const;
    /// Media that waits for the disk, bytes.
    [[nodiscard]] std::int64_t waiting_bytes() const;

    /// Waits until all that was asked for is done, at most @p patience. False: it is not.
    bool drain(base::Millis patience);
    /// Of the lock that is held, to be handed over.
    [[nodiscard]] int lock_fd() const { return m_lock.fd(); }

  private:
    struct Job {
        enum class What { write, close, keep, remove, sweep };
        What what = What::write;
        RecordingPtr recording;
        Segment segment{};
        std::vector<Slice> media{};
        bool ended = false;
        std::int64_t next_sequence = 0;
        std::set<base::Id> known{};
        base::UtcTime now{};
    };
    Spool(std::filesystem::path folder, base::FileLock lock, Options options);
    void push(Job job);
    void run();
    void work(const Job &job);
    [[nodiscard]] base::Result<void> write(RecordingFiles &files, const Job &job);
    void sweep(const Job &job) const;
    void tell(const base::Id &reservation, const base::Result<void> &done);

    const std::filesystem::path m_folder;
    base::FileLock m_lock;
    const Options m_options;
    std::map<base::Id, RecordingFiles> m_files; ///< the thread's own
    mutable std::mutex m_mutex;                 ///< for what follows
    std::condition_variable m_changed;
    std::deque<Job> m_jobs;
    std::int64_t m_waiting = 0; ///< bytes of media in jobs
    bool m_busy = false;
    bool m_stop = false;
    std::vector<News> m_news;
    std::set<base::Id> m_failing;
    std::thread m_thread;
};

} // namespace relay
