#include "relay/recording_files.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace relay {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;

namespace {

constexpr mode_t k_folder_mode = 0750;
constexpr mode_t k_file_mode = 0640;
constexpr std::size_t k_piece = std::size_t{256} << 10;

// Makes the names in a folder durable.
Result<void> sync_folder(const fs::path &folder) {
    const base::Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0)
        return base::fail_errno("sync", folder.native());
    return {};
}

Result<void> write_at(int fd, std::string_view data, std::int64_t offset, const fs::path &shown) {
    while (!data.empty()) {
        const ssize_t n = ::pwrite(fd, data.data(), data.size(), offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return base::fail_errno("write", shown.native());
        data.remove_prefix(static_cast<std::size_t>(n));
        offset += n;
    }
    return {};
}

// From memory into the file, by way of here: the sum of the bytes is wanted as well.
Result<std::uint32_t> copy(const std::vector<Slice> &media, int to, std::int64_t offset,
                           const fs::path &shown) {
    std::vector<char> space(k_piece);
    std::uint32_t sum = 0;
    for (const Slice &slice : media) {
        for (std::int64_t at = slice.begin; at < slice.end;) {
            const auto most = std::min<std::int64_t>(slice.end - at, std::ssize(space));
            const ssize_t n =
                ::pread(slice.extent->fd(), space.data(), static_cast<std::size_t>(most),
                        slice.offset + at - slice.begin);
            if (n <= 0)
                return base::fail_errno("read", "memory for media");
            const std::string_view piece{space.data(), static_cast<std::size_t>(n)};
            TRY(write_at(to, piece, offset, shown));
            sum = crc32_of(piece, sum);
            offset += n;
            at += n;
        }
    }
    return sum;
}

} // namespace

// What the process before this one was writing when it was cut off: bytes that no line tells of.
Result<void> RecordingFiles::remove_torn() {
    const auto last = m_recording->last();
    if (!last)
        return {};
    const fs::path &folder = m_recording->folder();
    const fs::path path = folder / recording_file_name(last->file);
    const std::int64_t end = last->offset + last->segment.end - last->segment.begin;
    if (::truncate(path.c_str(), end) != 0 && errno != ENOENT)
        return base::fail_errno("shorten", path.native());
    for (auto n = last->segment.sequence + 1; n < m_recording->next_sequence(); ++n)
        if (::unlink((folder / recording_file_name(n)).c_str()) != 0 && errno != ENOENT)
            return base::fail_errno("remove", (folder / recording_file_name(n)).native());
    return {};
}

Result<void> RecordingFiles::open_index() {
    struct stat found{};
    if (m_index && ::fstat(m_index.get(), &found) == 0 && found.st_nlink > 0)
        return {};
    m_index.reset(); // or somebody removed it: begin anew
    m_media.reset();
    const fs::path &folder = m_recording->folder();
    if (::mkdir(folder.c_str(), k_folder_mode) == 0)
        TRY(sync_folder(folder.parent_path()));
    else if (errno != EEXIST)
        return base::fail_errno("make", folder.native());
    const fs::path path = folder / "index";
    base::Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                       k_file_mode)};
    if (!fd || ::fstat(fd.get(), &found) != 0)
        return base::fail_errno("open", path.native());
    if (!S_ISREG(found.st_mode))
        return base::fail(Errc::bad_data, "{}: not a regular file", path.native());
    m_recording->set_index_bytes(std::min<std::int64_t>(m_recording->index_bytes(), found.st_size));
    // What a crash tore goes, so that the next line begins where a line does.
    if (found.st_size > m_recording->index_bytes() &&
        ::ftruncate(fd.get(), m_recording->index_bytes()) != 0)
        return base::fail_errno("shorten", path.native());
    if (!m_clean)
        TRY(remove_torn());
    m_clean = true;
    m_index = std::move(fd);
    m_written_until = {};
    return sync_folder(folder);
}

// A line that could not be written whole is taken back.
Result<void> RecordingFiles::append(std::string_view line) {
    const std::int64_t end = m_recording->index_bytes();
    if (auto done = write_at(m_index.get(), line, end, m_recording->folder() / "index"); !done) {
        std::ignore = ::ftruncate(m_index.get(), end);
        return done;
    }
    m_recording->set_index_bytes(end + std::ssize(line));
    return {};
}

Result<void> RecordingFiles::write_until() {
    const base::UtcTime until = m_recording->keep_until();
    if (until == m_written_until)
        return {};
    TRY(append(index_line(m_recording->reservation(), until)));
    m_written_until = until;
    return {};
}

Result<void> RecordingFiles::open_media(std::int64_t sequence, std::int64_t file_bytes) {
    if (m_media && m_offset < file_bytes)
        return {};
    const fs::path path = m_recording->folder() / recording_file_name(sequence);
    base::Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, k_file_mode)};
    if (!fd)
        return base::fail_errno("make", path.native());
    m_media = std::move(fd);
    m_file = sequence;
    m_offset = 0;
    return sync_folder(m_recording->folder());
}

Result<RecordedSegment> RecordingFiles::write(const Segment &segment,
                                              const std::vector<Slice> &media,
                                              std::int64_t file_bytes) {
    TRY(open_index());
    TRY(write_until());
    TRY(open_media(segment.sequence, file_bytes));
    const fs::path path = m_recording->folder() / recording_file_name(m_file);
    const auto sum = copy(media, m_media.get(), m_offset, path);
    auto done = sum ? Result<void>{} : Result<void>{std::unexpected(sum.error())};
    if (done && ::fdatasync(m_media.get()) != 0)
        done = base::fail_errno("sync", path.native());
    RecordedSegment out{
        .segment = segment, .file = m_file, .offset = m_offset, .crc32 = sum.value_or(0)};
    if (done)
        done = append(index_line(out));
    if (!done) {
        // The bytes of a segment that is not there must not stand between two others.
        std::ignore = ::ftruncate(m_media.get(), m_offset);
        return std::unexpected(std::move(done).error());
    }
    m_offset += segment.end - segment.begin;
    return out;
}

Result<void> RecordingFiles::sync_index() const {
    if (::fdatasync(m_index.get()) != 0)
        return base::fail_errno("sync", (m_recording->folder() / "index").native());
    return {};
}

Result<void> RecordingFiles::keep() {
    if (m_recording->empty())
        return {};
    TRY(open_index());
    TRY(write_until());
    return sync_index();
}

Result<void> RecordingFiles::close(std::int64_t next_sequence, bool ended) {
    if (m_recording->empty())
        return {};
    TRY(open_index());
    TRY(write_until());
    TRY(append(index_line(next_sequence, ended)));
    return sync_index();
}

Result<void> remove_recording(const fs::path &folder) {
    std::error_code failed;
    std::vector<fs::path> files;
    for (const auto &entry : fs::directory_iterator(folder, failed))
        if (parse_recording_file_name(entry.path().filename().native()))
            files.push_back(entry.path());
    if (failed == std::errc::no_such_file_or_directory)
        return {};
    if (failed)
        return base::fail(Errc::io, "read {}: {}", folder.native(), failed.message());
    // The index goes last: a relay that is killed in between finds the rest by it.
    files.push_back(folder / "index");
    for (const fs::path &path : files)
        if (::unlink(path.c_str()) != 0 && errno != ENOENT)
            return base::fail_errno("remove", path.native());
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT)
        return {};
    if (errno != ENOTEMPTY && errno != EEXIST)
        return base::fail_errno("remove", folder.native());
    base::log::warning("spool: {} stays: there is something in it that this relay did not write",
                       folder.native());
    return {};
}

} // namespace relay
