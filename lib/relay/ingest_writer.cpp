#include "relay/ingest_writer.hpp"

#include "media/srt_socket.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

namespace relay {

using base::Errc;
using base::fail;
using base::fail_errno;
using base::Result;
using media::k_ts_packet_bytes;

namespace {
// A message, and a packet that earlier messages left unfinished on either side of it.
constexpr std::size_t k_most_at_once = media::k_srt_max_message + 2 * k_ts_packet_bytes;
constexpr std::size_t k_max_cuts = 512;   // of a part; more wait for the next
constexpr std::size_t k_max_units = 1024; // that wait; what comes then has no place to be told
constexpr std::size_t k_max_ahead = 4;    // extents that the parent may give early
constexpr std::int64_t k_most_of_run =
    16'384; // payloads: half of what 16 bits tell apart, and less
} // namespace

Result<MappedExtent> MappedExtent::map(base::Fd fd, std::int64_t bytes) {
    const int seals = ::fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (static_cast<unsigned>(seals) & F_SEAL_SHRINK) == 0)
        return fail(Errc::protocol, "extent: not a memfd that is sealed against shrinking");
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0)
        return fail_errno("stat", "extent");
    if (info.st_size < bytes || bytes < static_cast<std::int64_t>(k_most_at_once))
        return fail(Errc::protocol, "extent: {} bytes of {} cannot be used", bytes, info.st_size);
    const auto size = static_cast<std::size_t>(bytes);
    void *at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED)
        return fail_errno("map", "extent");
    return MappedExtent{static_cast<std::uint8_t *>(at), size};
}

MappedExtent::MappedExtent(MappedExtent &&other) noexcept
    : m_at(std::exchange(other.m_at, nullptr)), m_size(std::exchange(other.m_size, 0)) {}

MappedExtent &MappedExtent::operator=(MappedExtent &&other) noexcept {
    std::swap(m_at, other.m_at);
    std::swap(m_size, other.m_size);
    return *this;
}

MappedExtent::~MappedExtent() {
    if (m_at != nullptr)
        ::munmap(m_at, m_size);
}

Result<void> ExtentWriter::give(const wire::IngestExtent &what, base::Fd fd) {
    const std::int64_t expected = m_extent + static_cast<std::int64_t>(m_extents.size());
    if (what.extent != expected || m_extents.size() >= k_max_ahead)
        return fail(Errc::protocol, "extent {} of stream {}: {} was expected", what.extent,
                    m_stream, expected);
    m_extents.push_back(TRY(MappedExtent::map(std::move(fd), what.bytes)));
    return {};
}

std::optional<std::int64_t> ExtentWriter::take_need() {
    if (m_extents.empty() || m_extents.size() > 1 || m_asked > m_extent ||
        m_used < m_extents.front().bytes().size() / 2)
        return std::nullopt;
    m_asked = m_extent + 1;
    return m_asked;
}

std::size_t ExtentWriter::room() const {
    std::size_t sum = 0;
    std::size_t used = m_used;
    for (const MappedExtent &extent : m_extents) {
        sum += (extent.bytes().size() - used) / k_ts_packet_bytes * k_ts_packet_bytes;
        used = 0;
    }
    return sum;
}

bool ExtentWriter::has_room() const {
    return room() >= k_most_at_once;
}

void ExtentWriter::append(std::span<const std::uint8_t> bytes, base::SteadyTime now) {
    m_aligner.feed(bytes, [&](std::span<const std::uint8_t> packets) { put(packets, now); });
}

// The part that is being filled; another begins with each extent.
wire::IngestPart &ExtentWriter::open_part(base::SteadyTime now) {
    if (m_pending_bytes == 0)
        m_pending_since = now;
    if (m_parts.empty() || m_parts.back().extent != m_extent)
        return begin_part(now);
    return m_parts.back();
}

wire::IngestPart &ExtentWriter::begin_part(base::SteadyTime now) {
    const auto since = std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch());
    return m_parts.emplace_back(wire::IngestPart{.stream = m_stream,
                                                 .extent = m_extent,
                                                 .offset = static_cast<std::int64_t>(m_used),
                                                 .bytes = 0,
                                                 .received_us = since.count(),
                                                 .cuts = {}});
}

void ExtentWriter::copy(std::span<const std::uint8_t> packets, wire::IngestPart &part) {
    std::ranges::copy(packets, m_extents.front().bytes().subspan(m_used).begin());
    m_used += packets.size();
    part.bytes += static_cast<std::int64_t>(packets.size());
    m_pending_bytes += static_cast<std::int64_t>(packets.size());
}

// has_room() saw that there is one.
void ExtentWriter::next_extent() {
    m_extents.pop_front();
    ++m_extent;
    m_used = 0;
}

void ExtentWriter::put(std::span<const std::uint8_t> packets, base::SteadyTime now) {
    m_scanner.feed(packets);
    while (!packets.empty()) {
        const std::size_t fits = (m_extents.front().bytes().size() - m_used) / k_ts_packet_bytes;
        if (fits == 0) {
            next_extent();
            continue;
        }
        const std::size_t n = std::min(fits * k_ts_packet_bytes, packets.size());
        copy(packets.first(n), open_part(now));
        packets = packets.subspan(n);
    }
}

void ExtentWriter::append_numbered(std::uint16_t sequence, std::span<const std::uint8_t> packets,
                                   base::SteadyTime now) {
    m_scanner.feed(packets);
    if (m_extents.front().bytes().size() - m_used < packets.size())
        next_extent();
    const auto each = static_cast<std::int64_t>(packets.size() / k_ts_packet_bytes);
    wire::IngestPart &part = open_part(now);
    const bool follows =
        !part.runs.empty() && part.runs.back().packets == each &&
        part.runs.back().count < k_most_of_run &&
        sequence == static_cast<std::uint16_t>(part.runs.back().sequence + part.runs.back().count);
    if (follows) {
        ++part.runs.back().count;
        return copy(packets, part);
    }
    wire::IngestPart &with_room =
        part.runs.size() < wire::k_max_ingest_runs ? part : begin_part(now);
    with_room.runs.push_back({.sequence = sequence, .count = 1, .packets = each});
    copy(packets, with_room);
}

void ExtentWriter::on_cut(const media::TsCut &cut) {
    if (cut.pts_90k)
        m_last_pts = static_cast<std::int64_t>(*cut.pts_90k);
    const auto position = static_cast<std::int64_t>(cut.position);
    // More of them in 20 ms is an attack; viewers need no more.
    if (position <= m_last_cut || m_cuts.size() >= k_max_cuts)
        return;
    m_last_cut = position;
    m_cuts.push_back({.position = position, .pts_90k = m_last_pts});
}

void ExtentWriter::on_unit(const media::TsUnit &unit) {
    const auto position = static_cast<std::int64_t>(unit.position);
    if (position <= m_last_unit || m_units.size() >= k_max_units)
        return;
    m_last_unit = position;
    m_units.push_back({.position = position, .dts_90k = static_cast<std::int64_t>(unit.dts_90k)});
}

std::optional<wire::IngestPart> ExtentWriter::take_part() {
    if (m_parts.empty())
        return std::nullopt;
    wire::IngestPart part = std::move(m_parts.front());
    m_parts.pop_front();
    if (m_parts.empty()) { // positions at or before this part's end
        part.cuts = std::exchange(m_cuts, {});
        const auto count = std::min(m_units.size(), wire::k_max_ingest_units);
        const auto end = m_units.begin() + static_cast<std::ptrdiff_t>(count);
        part.units.assign(m_units.begin(), end);
        m_units.erase(m_units.begin(), end);
    }
    m_pending_bytes -= part.bytes;
    return part;
}

} // namespace relay
