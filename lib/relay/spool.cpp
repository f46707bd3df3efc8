#include "relay/spool.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

namespace relay {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;

namespace {

constexpr mode_t k_folder_mode = 0750;
constexpr std::size_t k_most_news = 1024;

} // namespace

Result<void> check_spool(const fs::path &folder) {
    struct stat found{};
    if (::stat(folder.c_str(), &found) != 0)
        return base::fail_errno("look at the spool", folder.native());
    if (!S_ISDIR(found.st_mode))
        return base::fail_hint(Errc::config, "name a folder in spool or --spool",
                               "the spool {} is not a folder", folder.native());
    if (found.st_uid != ::geteuid())
        return base::fail_hint(Errc::not_permitted, "chown it to the user that relay-serve runs as",
                               "the spool {} belongs to uid {}, not to uid {}", folder.native(),
                               found.st_uid, ::geteuid());
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return base::fail_hint(Errc::not_permitted, fmt::format("chmod 750 {}", folder.native()),
                               "the spool {} can be written to by others (mode {:04o})",
                               folder.native(), found.st_mode & 07777U);
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        return base::fail_errno("write to the spool", folder.native());
    return {};
}

Result<std::unique_ptr<Spool>> Spool::open(const fs::path &folder, Options options, base::Fd held) {
    if (::mkdir(folder.c_str(), k_folder_mode) != 0 && errno != EEXIST)
        return base::fail_errno("make the spool", folder.native());
    TRY(check_spool(folder));
    auto lock = held ? TRY(base::FileLock::lock(std::move(held), (folder / "lock").native(), 0))
                     : TRY(base::FileLock::acquire(folder / "lock", 0));
    return std::unique_ptr<Spool>(new Spool(folder, std::move(lock), options));
}

Spool::Spool(fs::path folder, base::FileLock lock, Options options)
    : m_folder(std::move(folder)), m_lock(std::move(lock)), m_options(options),
      m_thread([this] { run(); }) {}

Spool::~Spool() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
        m_jobs.clear();
    }
    m_changed.notify_all();
    m_thread.join();
}

RecordingPtr Spool::recording(const base::Id &reservation, bool whole) const {
    auto loaded = Recording::load(m_folder / reservation.text(), reservation, whole);
    if (loaded)
        return std::move(*loaded);
    base::log::error("{}: the event is not recorded", loaded.error().message);
    return nullptr;
}

void Spool::push(Job job) {
    {
        const std::lock_guard lock(m_mutex);
        m_jobs.push_back(std::move(job));
    }
    m_changed.notify_all();
}

void Spool::write(const RecordingPtr &recording, const Segment &segment, std::vector<Slice> media) {
    recording->use(segment.sequence);
    const std::int64_t bytes = segment.end - segment.begin;
    {
        const std::lock_guard lock(m_mutex);
        // One may wait whatever its size.
        if (m_waiting == 0 || m_waiting + bytes <= m_options.queue_bytes) {
            m_waiting += bytes;
            m_jobs.push_back({.what = Job::What::write,
                              .recording = recording,
                              .segment = segment,
                              .media = std::move(media)});
            m_changed.notify_all();
            return;
        }
    }
    recording->lose(segment.sequence);
    tell(recording->reservation(),
         base::fail(Errc::io, "the disk is too slow: {} bytes wait for it", waiting_bytes()));
}

void Spool::close(const RecordingPtr &recording, bool ended) {
    push({.what = Job::What::close,
          .recording = recording,
          .ended = ended,
          .next_sequence = recording->next_sequence()});
}

void Spool::keep(const RecordingPtr &recording) {
    push({.what = Job::What::keep, .recording = recording});
}

void Spool::remove(const RecordingPtr &recording) {
    push({.what = Job::What::remove, .recording = recording});
}

void Spool::sweep(std::set<base::Id> known, base::UtcTime now) {
    push({.what = Job::What::sweep, .recording = {}, .known = std::move(known), .now = now});
}

std::vector<Spool::News> Spool::take_news() {
    const std::lock_guard lock(m_mutex);
    return std::exchange(m_news, {});
}

std::int64_t Spool::failing() const {
    const std::lock_guard lock(m_mutex);
    return std::ssize(m_failing);
}

std::int64_t Spool::waiting_bytes() const {
    const std::lock_guard lock(m_mutex);
    return m_waiting;
}

bool Spool::drain(base::Millis patience) {
    std::unique_lock lock(m_mutex);
    return m_changed.wait_for(lock, patience, [this] { return m_jobs.empty() && !m_busy; });
}

void Spool::run() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::unique_lock lock(m_mutex);
    for (;;) {
        m_changed.wait(lock, [this] { return m_stop || !m_jobs.empty(); });
        if (m_stop)
            return;
        Job job = std::move(m_jobs.front());
        m_jobs.pop_front();
        m_busy = true;
        lock.unlock();
        const std::int64_t bytes = job.media.empty() ? 0 : job.segment.end - job.segment.begin;
        work(job);
        job = {};
        lock.lock();
        m_waiting -= bytes;
        m_busy = false;
        m_changed.notify_all();
    }
}

Result<void> Spool::write(RecordingFiles &files, const Job &job) {
    auto written = files.write(job.segment, job.media, m_options.file_bytes);
    if (!written) {
        job.recording->lose(job.segment.sequence);
        return std::unexpected(std::move(written).error());
    }
    job.recording->add(*written);
    return files.sync_index();
}

void Spool::work(const Job &job) {
    if (job.what == Job::What::sweep)
        return sweep(job);
    const base::Id &id = job.recording->reservation();
    RecordingFiles &files = m_files.try_emplace(id, job.recording).first->second;
    Result<void> done;
    switch (job.what) {
    case Job::What::write:
        return tell(id, write(files, job));
    case Job::What::keep:
        done = files.keep();
        break;
    case Job::What::close:
        done = files.close(job.next_sequence, job.ended);
        m_files.erase(id);
        break;
    case Job::What::remove:
        done = remove_recording(job.recording->folder());
        m_files.erase(id);
        tell(id, {}); // there is no longer anything to have gaps
        break;
    case Job::What::sweep:
        break;
    }
    if (!done)
        base::log::error("spool: {}", done.error().message);
}

// What the feed no longer knows: the relay was down when its retention ended.
void Spool::sweep(const Job &job) const {
    std::error_code failed;
    for (const auto &entry : fs::directory_iterator(m_folder, failed)) {
        const std::string name = entry.path().filename().native();
        const auto id = base::Id::parse(name);
        if (!id || id->text() != name || job.known.contains(*id))
            continue;
        const auto found = Recording::load(entry.path(), *id);
        if (!found || base::unix_ms((*found)->keep_until()) == 0 ||
            (*found)->keep_until() > job.now)
            continue;
        if (const auto done = remove_recording(entry.path()); !done)
            base::log::error("spool: {}", done.error().message);
    }
    if (failed)
        base::log::error("spool: read {}: {}", m_folder.native(), failed.message());
}

void Spool::tell(const base::Id &reservation, const Result<void> &done) {
    std::string error = done ? "" : done.error().message;
    {
        const std::lock_guard lock(m_mutex);
        const bool changed =
            done ? m_failing.erase(reservation) > 0 : m_failing.insert(reservation).second;
        if (!changed)
            return;
        if (m_news.size() < k_most_news)
            m_news.push_back({.reservation = reservation, .error = error});
    }
    if (done)
        base::log::info("spool: {} is recorded again", reservation.text());
    else
        base::log::error("spool: {}; the recording of {} has a gap, the live stream goes on", error,
                         reservation.text());
}

} // namespace relay
