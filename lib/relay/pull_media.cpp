#include "relay/pull_media.hpp"

#include <algorithm>
#include <sys/mman.h>

namespace relay {

using base::Errc;
using base::Result;

namespace {
void unmap(std::span<const std::uint8_t> memory) {
    ::munmap(const_cast<std::uint8_t *>(memory.data()), memory.size());
}
} // namespace

PullMedia::~PullMedia() {
    for (const auto &[number, memory] : m_extents)
        unmap(memory);
}

Result<void> PullMedia::give(const wire::PullExtent &extent, const base::Fd &fd) {
    const auto size = static_cast<std::size_t>(extent.bytes);
    void *const memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED)
        return base::fail_errno("map", "an extent");
    drop(extent.extent);
    m_extents[extent.extent] = {static_cast<const std::uint8_t *>(memory), size};
    return {};
}

void PullMedia::drop(std::int64_t extent) {
    const auto found = m_extents.find(extent);
    if (found == m_extents.end())
        return;
    std::erase_if(m_pieces, [&](const Piece &p) { return p.extent == extent; });
    unmap(found->second);
    m_extents.erase(found);
}

Result<void> PullMedia::add(const wire::PullMedia &media) {
    const auto extent = m_extents.find(media.extent);
    const std::int64_t bytes = media.end - media.begin;
    if (extent == m_extents.end() || bytes <= 0 ||
        media.offset > std::ssize(extent->second) - bytes)
        return base::fail(Errc::protocol, "media that lies in no extent");
    if (media.begin != end_position())
        m_pieces.clear();
    m_newest_cut = media.newest_cut;
    m_window_begin = media.window_begin;
    if (!m_pieces.empty() && m_pieces.back().extent == media.extent &&
        m_pieces.back().offset + (m_pieces.back().end - m_pieces.back().begin) == media.offset)
        m_pieces.back().end = media.end;
    else
        m_pieces.push_back({.extent = media.extent,
                            .offset = media.offset,
                            .begin = media.begin,
                            .end = media.end});
    return {};
}

std::span<const std::uint8_t> PullMedia::at(std::int64_t position) const {
    const auto found = std::ranges::find_if(
        m_pieces, [&](const Piece &p) { return p.begin <= position && position < p.end; });
    if (found == m_pieces.end())
        return {};
    return m_extents.at(found->extent)
        .subspan(static_cast<std::size_t>(found->offset + position - found->begin),
                 static_cast<std::size_t>(found->end - position));
}

std::int64_t PullMedia::end_position() const {
    return m_pieces.empty() ? 0 : m_pieces.back().end;
}

std::int64_t PullMedia::start() const {
    if (m_pieces.empty() || m_newest_cut < 0)
        return -1;
    return std::max({m_newest_cut, m_window_begin, m_pieces.front().begin});
}

} // namespace relay
