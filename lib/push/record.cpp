#include "push/record.hpp"

#include "media/ts_scanner.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace push {

using namespace std::chrono_literals;
using base::Errc;
using base::fail;
using base::fail_errno;
using base::fail_hint;
using base::Result;
using media::k_ts_packet_bytes;

namespace {

constexpr std::size_t k_most_queued = std::size_t{44'000} * k_ts_packet_bytes; // 8 MB
constexpr std::size_t k_batch = 256U << 10U; // worth a look before the next one is due
constexpr auto k_look = 100ms;
constexpr auto k_sync_every = 1s;
constexpr auto k_retry = 1s; // after an error of the disk
constexpr std::size_t k_page = 4096;

constexpr const char *k_existing_hint =
    "give another name; --append goes on behind what is there, --overwrite begins anew";

// How much of @p bytes to write at once at @p offset: a process that is killed within write(2)
// leaves off between two pages of the file, so that a packet on both sides of such a border goes
// alone.
std::size_t portion(std::uint64_t offset, std::size_t bytes) {
    const std::size_t to_border = k_page - static_cast<std::size_t>(offset % k_page);
    const std::size_t whole = to_border / k_ts_packet_bytes * k_ts_packet_bytes;
    return std::min(bytes, std::max(whole, k_ts_packet_bytes));
}

Result<base::Fd> open_file(const std::string &path, bool &made) {
    constexpr int k_flags = O_RDWR | O_CLOEXEC | O_NONBLOCK;
    made = true;
    base::Fd file{::open(path.c_str(), k_flags | O_CREAT | O_EXCL, 0644)};
    if (!file && errno == EEXIST) {
        made = false;
        file = base::Fd{::open(path.c_str(), k_flags)};
    }
    if (!file)
        return fail_errno("record to", path);
    return file;
}

// Where to go on in a file that has @p size bytes.
Result<std::uint64_t> begin_at(int file, const std::string &path, std::uint64_t size,
                               Recorder::Existing existing) {
    using Existing = Recorder::Existing;
    if (size > 0 && existing == Existing::refuse)
        return fail_hint(Errc::refused, k_existing_hint, "record to {}: there is something in it",
                         path);
    if (size == 0 || existing == Existing::replace)
        return std::uint64_t{0};
    std::uint8_t first = 0;
    if (::pread(file, &first, 1, 0) != 1 || first != media::k_ts_sync_byte)
        return fail(Errc::bad_data, "record to {}: what is there is no transport stream", path);
    return size / k_ts_packet_bytes * k_ts_packet_bytes;
}

} // namespace

Result<std::unique_ptr<Recorder>> Recorder::open(const std::string &path, Existing existing) {
    bool made = false;
    base::Fd file = TRY(open_file(path, made));
    struct stat info{};
    if (::fstat(file.get(), &info) != 0)
        return fail_errno("record to", path);
    if (!S_ISREG(info.st_mode))
        return fail(Errc::bad_data, "record to {}: not a file", path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(Errc::try_again, "record to {}: another program does", path);
    const std::uint64_t at =
        TRY(begin_at(file.get(), path, static_cast<std::uint64_t>(info.st_size), existing));
    if (::ftruncate(file.get(), static_cast<off_t>(at)) != 0)
        return fail_errno("record to", path);
    return std::unique_ptr<Recorder>(new Recorder(std::move(file), path, at, made));
}

Recorder::Recorder(base::Fd file, std::string path, std::uint64_t size, bool made)
    : m_file(std::move(file)), m_path(std::move(path)), m_size(size), m_made(made) {
    m_queue.reserve(k_most_queued); // address space: memory comes as it is used
    m_thread = std::thread([this] { run(); });
}

Recorder::~Recorder() {
    (void)finish();
}

void Recorder::write(std::span<const std::uint8_t> packets) {
    bool wake = false;
    {
        const std::lock_guard lock(m_mutex);
        const bool fits = m_queue.size() + packets.size() <= k_most_queued;
        if (fits)
            m_queue.insert(m_queue.end(), packets.begin(), packets.end());
        else
            m_lost += packets.size();
        if (!fits && !std::exchange(m_behind, true)) {
            m_trouble =
                fmt::format("record to {}: the disk is too slow; packets are left out", m_path);
            if (!m_error)
                m_error = base::Error{Errc::io, *m_trouble};
        }
        m_behind = m_behind && !fits;
        wake = m_queue.size() >= k_batch;
    }
    if (wake)
        m_wake.notify_one();
}

std::optional<std::string> Recorder::take_trouble() {
    const std::lock_guard lock(m_mutex);
    return std::exchange(m_trouble, std::nullopt);
}

Result<void> Recorder::finish() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_wake.notify_one();
    if (m_thread.joinable())
        m_thread.join();
    if (m_file && m_size == 0 && std::exchange(m_made, false))
        ::unlink(m_path.c_str());
    m_file.reset();
    if (!m_error)
        return {};
    base::Error error = *m_error;
    if (m_lost > 0)
        error.message += fmt::format(" ({} packets are not in it)", m_lost / k_ts_packet_bytes);
    return std::unexpected(std::move(error));
}

void Recorder::run() {
    Bytes batch;
    batch.reserve(k_most_queued);
    auto next_sync = std::chrono::steady_clock::now() + k_sync_every;
    for (bool stop = false; !stop;) {
        {
            std::unique_lock lock(m_mutex);
            m_wake.wait_for(lock, k_look, [&] { return m_stop || m_queue.size() >= k_batch; });
            batch.swap(m_queue);
            stop = m_stop;
        }
        store(batch);
        batch.clear();
        if (const auto now = std::chrono::steady_clock::now(); stop || now >= next_sync) {
            next_sync = now + k_sync_every;
            sync();
        }
    }
}

void Recorder::store(std::span<const std::uint8_t> packets) {
    if (std::chrono::steady_clock::now() < m_again) {
        const std::lock_guard lock(m_mutex);
        m_lost += packets.size();
        return;
    }
    while (!packets.empty()) {
        const std::size_t n = portion(m_size, packets.size());
        const ssize_t written =
            ::pwrite(m_file.get(), packets.data(), n, static_cast<off_t>(m_size));
        if (written < 0 && errno == EINTR)
            continue;
        const int cause = written < 0 ? errno : ENOSPC; // a disk that takes half of it is full
        const std::size_t whole = static_cast<std::size_t>(std::max<ssize_t>(written, 0)) /
                                  k_ts_packet_bytes * k_ts_packet_bytes;
        m_size += whole;
        m_unsynced = m_unsynced || whole > 0;
        packets = packets.subspan(whole);
        if (whole < n) {
            failed(fail_errno("record to", m_path, cause).error());
            const std::lock_guard lock(m_mutex);
            m_lost += packets.size();
            return;
        }
        m_again = {};
    }
}

void Recorder::failed(base::Error error) {
    [[maybe_unused]] const int cut = ::ftruncate(m_file.get(), static_cast<off_t>(m_size));
    const bool told = m_again != std::chrono::steady_clock::time_point{};
    m_again = std::chrono::steady_clock::now() + k_retry;
    const std::lock_guard lock(m_mutex);
    if (!told)
        m_trouble = error.message + "; the programme goes on without being recorded";
    if (!m_error)
        m_error = std::move(error);
}

void Recorder::sync() {
    if (!std::exchange(m_unsynced, false))
        return;
    if (::fdatasync(m_file.get()) != 0)
        failed(fail_errno("record to", m_path).error());
}

} // namespace push
