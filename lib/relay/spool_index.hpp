// The index of a recording: a line of JSON for each segment, only ever appended to. What a crash
// tore is found by the check at the end of each line, and passed over.
#pragma once

#include "base/id.hpp"
#include "relay/segmenter.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// Where a recorded segment lies. The name of a file is the number of its first segment.
struct RecordedSegment {
    Segment segment; ///< with its tag; begin and end count the recording's bytes
    std::int64_t file = 0;
    std::int64_t offset = 0; ///< in that file
    std::uint32_t crc32 = 0; ///< of its bytes
};

/// `000000000123.ts`: sorted by name, the files of a recording are in order.
[[nodiscard]] std::string recording_file_name(std::int64_t first_sequence);
/// The number in a name that recording_file_name() makes.
[[nodiscard]] std::optional<std::int64_t> parse_recording_file_name(std::string_view name);

/// Lines, with their newline. `recording`: whose it is, and when it may be removed.
[[nodiscard]] std::string index_line(const base::Id &reservation, base::UtcTime keep_until);
[[nodiscard]] std::string index_line(const RecordedSegment &segment);
/// `closed`: no number from @p next_sequence on was used; @p ended: the event is over.
[[nodiscard]] std::string index_line(std::int64_t next_sequence, bool ended);

/// What an index says.
struct RecordingIndex {
    std::optional<base::UtcTime> keep_until;
    std::vector<RecordedSegment> segments; ///< numbers rise, with holes where some were lost
    std::int64_t next_sequence = 0;        ///< after `closed`
    bool closed = false;                   ///< nothing was recorded after `closed`
    bool ended = false;
    std::int64_t whole_bytes = 0; ///< of @p text up to its last newline: what follows is torn
    int damaged = 0;              ///< lines that are passed over
};

/// Reads an index of @p reservation. Never fails: what makes no sense is counted as damaged.
[[nodiscard]] RecordingIndex read_index(std::string_view text, const base::Id &reservation);

/// CRC-32 (ISO 3309) of @p bytes after what gave @p so_far.
[[nodiscard]] std::uint32_t crc32_of(std::span<const char> bytes, std::uint32_t so_far = 0);

} // namespace relay
