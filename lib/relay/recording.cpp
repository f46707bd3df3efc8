#include "relay/recording.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "relay/playlist.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <utility>

namespace relay {

using base::Errc;
using base::Result;

namespace {

constexpr std::size_t k_most_index = std::size_t{256} << 20;
// A life that was cut off may have used two numbers more than it wrote down: those of the segment
// that it was filling and of the one before, which was on its way to the disk.
constexpr std::int64_t k_unwritten = 2;
// After a crash the bytes of so many segments are read again, for the disk may not have got them.
constexpr std::size_t k_proved = 8;

Result<base::Fd> open_media(const std::filesystem::path &path) {
    base::Fd fd{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    struct stat found{};
    if (!fd || ::fstat(fd.get(), &found) != 0)
        return base::fail_errno("open", path.native());
    if (!S_ISREG(found.st_mode))
        return base::fail(Errc::bad_data, "{}: not a regular file", path.native());
    return fd;
}

std::int64_t size_of(int fd) {
    struct stat found{};
    return ::fstat(fd, &found) == 0 ? found.st_size : 0;
}

std::optional<std::uint32_t> crc32_of_file(int fd, std::int64_t offset, std::int64_t bytes) {
    std::vector<char> space(std::size_t{256} << 10);
    std::uint32_t sum = 0;
    while (bytes > 0) {
        const auto most = std::min(static_cast<std::size_t>(bytes), space.size());
        const ssize_t n = ::pread(fd, space.data(), most, offset);
        if (n <= 0)
            return std::nullopt;
        sum = crc32_of({space.data(), static_cast<std::size_t>(n)}, sum);
        offset += n;
        bytes -= n;
    }
    return sum;
}

// Drops segments whose files are gone or short, and after a crash those that were not all written.
std::size_t drop_missing(RecordingIndex &index, const std::filesystem::path &folder, bool whole) {
    std::map<std::int64_t, base::Fd> files;
    const std::size_t before = index.segments.size();
    whole = whole || index.closed;
    const std::int64_t proved_from = whole || before <= k_proved
                                         ? (whole ? INT64_MAX : 0)
                                         : index.segments[before - k_proved].segment.sequence;
    std::erase_if(index.segments, [&](const RecordedSegment &s) {
        const std::int64_t bytes = s.segment.end - s.segment.begin;
        const auto [file, fresh] = files.try_emplace(s.file);
        if (fresh) {
            while (files.size() > 2) // in order: the former ones are not wanted again
                files.erase(files.begin());
            if (auto fd = open_media(folder / recording_file_name(s.file)))
                file->second = std::move(*fd);
        }
        const int fd = file->second.get();
        if (fd < 0 || size_of(fd) < s.offset + bytes)
            return true;
        return s.segment.sequence >= proved_from && crc32_of_file(fd, s.offset, bytes) != s.crc32;
    });
    return before - index.segments.size();
}

// Between two lives nobody knows how long it was; dates never go back for it.
constexpr std::int64_t k_gap_ticks = k_ticks_per_second / 10;

// Of each of @p count segments between @p before and @p after.
std::int64_t ticks_between(const Segment &before, const Segment &after, std::int64_t count) {
    if (after.discontinuity || !before.utc_ms || !after.utc_ms)
        return k_gap_ticks;
    const std::int64_t ticks = (*after.utc_ms - *before.utc_ms) * 90 - before.ticks;
    return std::clamp<std::int64_t>(ticks / count, 1, std::max(before.ticks, after.ticks));
}

Segment gap_after(const Segment &last, std::int64_t ticks) {
    return {.sequence = last.sequence + 1,
            .begin = last.end,
            .end = last.end,
            .ticks = ticks,
            .discontinuities_before = last.discontinuities_before + (last.discontinuity ? 1 : 0),
            .utc_ms = last.utc_ms ? std::optional{*last.utc_ms + last.ticks / 90} : std::nullopt,
            .tag = last.tag,
            .gap = true};
}

} // namespace

Result<RecordingPtr> Recording::load(std::filesystem::path folder, const base::Id &reservation,
                                     bool whole) {
    struct stat found{};
    if (::lstat(folder.c_str(), &found) != 0) {
        if (errno != ENOENT)
            return base::fail_errno("look at", folder.native());
        return std::make_shared<Recording>(std::move(folder), reservation, RecordingState{});
    }
    if (!S_ISDIR(found.st_mode))
        return base::fail_hint(Errc::bad_data, "remove it", "{}: not a folder", folder.native());
    const auto path = folder / "index";
    auto text = base::read_regular_file(path, k_most_index);
    if (!text && text.error().code != Errc::no_input)
        return std::unexpected(std::move(text).error());
    RecordingState state{.index = read_index(text.value_or(""), reservation)};
    RecordingIndex &index = state.index;
    if (!index.segments.empty())
        state.next_sequence =
            index.segments.back().segment.sequence + 1 + (index.closed ? 0 : k_unwritten);
    if (index.closed)
        state.next_sequence = std::max(state.next_sequence, index.next_sequence);
    if (index.damaged > 0 || (text && std::cmp_less(index.whole_bytes, text->size())))
        base::log::warning("{}: {} damaged line{}, {} bytes torn at its end: passed over",
                           path.native(), index.damaged, index.damaged == 1 ? "" : "s",
                           text->size() - static_cast<std::size_t>(index.whole_bytes));
    if (const std::size_t gone = drop_missing(index, folder, whole); gone > 0)
        base::log::warning("{}: the media of {} segment{} is not in its files", folder.native(),
                           gone, gone == 1 ? "" : "s");
    return std::make_shared<Recording>(std::move(folder), reservation, std::move(state));
}

Recording::Recording(std::filesystem::path folder, const base::Id &reservation,
                     RecordingState state)
    : m_folder(std::move(folder)), m_reservation(reservation),
      m_was_ended(state.index.closed && state.index.ended), m_index_bytes(state.index.whole_bytes),
      m_next(state.next_sequence), m_segments(std::move(state.index.segments)) {
    if (state.index.keep_until)
        keep_until(*state.index.keep_until);
    for (const RecordedSegment &s : m_segments)
        m_bytes += s.segment.end - s.segment.begin;
}

bool Recording::empty() const {
    const std::lock_guard lock(m_mutex);
    return m_segments.empty();
}

std::optional<RecordedSegment> Recording::last() const {
    const std::lock_guard lock(m_mutex);
    return m_segments.empty() ? std::nullopt : std::optional{m_segments.back()};
}

void Recording::use(std::int64_t sequence) {
    m_next = std::max(m_next.load(), sequence + 1); // the hub alone writes it
}

std::deque<Segment> Recording::segments() const {
    std::deque<Segment> out;
    const std::lock_guard lock(m_mutex);
    const auto fill_to = [&out](std::int64_t sequence, std::int64_t ticks) {
        while (!out.empty() && out.back().sequence + 1 < sequence)
            out.push_back(gap_after(out.back(), ticks));
    };
    for (const auto &[s, file, offset, crc32] : m_segments) {
        if (!out.empty() && out.back().sequence + 1 < s.sequence)
            fill_to(s.sequence, ticks_between(out.back(), s, s.sequence - out.back().sequence - 1));
        out.push_back(s);
    }
    fill_to(m_next, k_gap_ticks);
    std::int64_t at = 0; // positions anew: segments that are dropped have none
    for (Segment &s : out) {
        const std::int64_t bytes = s.end - s.begin;
        s.begin = std::exchange(at, at + bytes);
        s.end = at;
    }
    return out;
}

std::optional<RecordedSegment> Recording::find(std::string_view name) const {
    const auto tag_at = name.find('-');
    const std::string_view tag =
        tag_at == std::string_view::npos || !name.ends_with(".ts")
            ? ""
            : name.substr(tag_at + 1, name.size() - tag_at - 1 - std::string_view{".ts"}.size());
    const auto sequence = parse_segment_name(name, tag);
    if (!sequence)
        return std::nullopt;
    const std::lock_guard lock(m_mutex);
    const auto found = std::ranges::lower_bound(
        m_segments, *sequence, {}, [](const RecordedSegment &s) { return s.segment.sequence; });
    if (found == m_segments.end() || found->segment.sequence != *sequence ||
        found->segment.tag != tag)
        return std::nullopt;
    return *found;
}

bool Recording::has(std::int64_t sequence) const {
    const std::lock_guard lock(m_mutex);
    return std::ranges::binary_search(m_segments, sequence, {},
                                      [](const RecordedSegment &s) { return s.segment.sequence; });
}

bool Recording::is_lost(std::int64_t sequence) const {
    const std::lock_guard lock(m_mutex);
    return m_lost.contains(sequence);
}

void Recording::add(RecordedSegment segment) {
    m_bytes += segment.segment.end - segment.segment.begin;
    const std::lock_guard lock(m_mutex);
    m_segments.push_back(std::move(segment));
}

void Recording::lose(std::int64_t sequence) {
    const std::lock_guard lock(m_mutex);
    m_lost.insert(sequence);
    m_lost_count = std::ssize(m_lost);
}

ExtentPtr Recording::open(std::int64_t file) const {
    const std::lock_guard lock(m_files_mutex);
    std::erase_if(m_files, [](const auto &known) { return known.second.expired(); });
    if (const auto known = m_files.find(file); known != m_files.end())
        if (ExtentPtr extent = known->second.lock())
            return extent;
    auto fd = open_media(m_folder / recording_file_name(file));
    if (!fd) {
        base::log::warning("{}", fd.error().message);
        return nullptr;
    }
    const std::int64_t bytes = size_of(fd->get());
    auto extent = std::make_shared<const Extent>(std::move(*fd), bytes);
    m_files[file] = extent;
    return extent;
}

std::vector<Slice> Recording::media(const RecordedSegment &segment, std::int64_t from,
                                    std::int64_t to) const {
    const ExtentPtr extent = open(segment.file);
    if (!extent)
        return {};
    // The disk begins to read while the answer's head is sent.
    ::posix_fadvise(extent->fd(), segment.offset + from, to - from, POSIX_FADV_WILLNEED);
    return {{.extent = extent, .offset = segment.offset + from, .begin = from, .end = to}};
}

} // namespace relay
