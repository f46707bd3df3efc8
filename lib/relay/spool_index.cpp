#include "relay/spool_index.hpp"

#include "wire/json.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <zlib.h>

namespace relay {

using base::Errc;
using base::Result;

namespace {

constexpr std::string_view k_check = ",\"check\":\"";
constexpr std::size_t k_check_bytes = k_check.size() + 8 + 2; // eight digits, and "}
constexpr std::int64_t k_most_bytes = std::int64_t{1} << 50;
constexpr std::int64_t k_longest_ticks = 86'400 * k_ticks_per_second;
constexpr std::int64_t k_longest_hole = 10'000; // segments: a number further on is damage

std::string hex(std::uint32_t value) {
    return fmt::format("{:08x}", value);
}

std::string line_of(const wire::JsonObject &record) {
    std::string out = wire::compact_json(record);
    out.pop_back();
    const std::uint32_t check = crc32_of(out);
    return fmt::format("{}{}{}\"}}\n", out, k_check, hex(check));
}

bool is_whole(std::string_view line) {
    if (line.size() <= k_check_bytes)
        return false;
    const std::string_view record = line.substr(0, line.size() - k_check_bytes);
    return line.substr(record.size()) == fmt::format("{}{}\"}}", k_check, hex(crc32_of(record)));
}

bool is_tag(std::string_view text) {
    return !text.empty() && text.size() <= 16 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    });
}

Result<std::uint32_t> read_hex(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (ec != std::errc{} || text != hex(value))
        return base::fail(Errc::bad_data, "not a CRC-32");
    return value;
}

Result<RecordedSegment> read_segment(wire::ObjectReader &in) {
    RecordedSegment out;
    out.segment.sequence = TRY(in.integer("sequence"));
    out.segment.tag = TRY(in.string("tag"));
    const auto file = parse_recording_file_name(TRY(in.string("file")));
    out.offset = TRY(in.integer("offset", 0, k_most_bytes));
    const std::int64_t bytes = TRY(in.integer("bytes", k_packet, k_most_bytes));
    out.segment.end = bytes;
    out.segment.ticks = TRY(in.integer("duration_ticks", 1, k_longest_ticks));
    out.segment.discontinuity = TRY(in.boolean_or("discontinuity", false));
    out.segment.discontinuities_before = TRY(in.integer("discontinuities_before"));
    if (const auto at = TRY(in.optional_time("at")))
        out.segment.utc_ms = base::unix_ms(*at);
    out.crc32 = TRY(read_hex(TRY(in.string("crc32"))));
    if (!is_tag(out.segment.tag) || !file || *file > out.segment.sequence ||
        out.offset % k_packet != 0 || bytes % k_packet != 0)
        return base::fail(Errc::bad_data, "numbers that cannot be");
    out.file = *file;
    return out;
}

Result<void> add_line(RecordingIndex &out, std::string_view line, const base::Id &reservation) {
    const wire::Json json = TRY(wire::parse_json(line, "the index"));
    wire::ObjectReader in = TRY(wire::ObjectReader::of(json, "the index"));
    const std::string type = TRY(in.string("type"));
    TRY(in.integer("v", 1, 1));
    if (type == "recording") {
        if (TRY(in.string("reservation")) != reservation.text())
            return base::fail(Errc::bad_data, "of another reservation");
        out.keep_until = TRY(in.time("keep_until"));
        return {};
    }
    if (type == "closed") {
        out.next_sequence = TRY(in.integer("next_sequence"));
        out.ended = TRY(in.boolean_or("ended", false));
        out.closed = true;
        return {};
    }
    RecordedSegment segment = TRY(read_segment(in));
    if (!out.segments.empty()) {
        const Segment &last = out.segments.back().segment;
        const std::int64_t step = segment.segment.sequence - last.sequence;
        if (step <= 0 || step > k_longest_hole)
            return base::fail(Errc::bad_data, "a number that does not follow");
        segment.segment.begin = last.end;
        segment.segment.end += last.end;
    }
    out.segments.push_back(std::move(segment));
    out.closed = out.ended = false;
    return {};
}

} // namespace

std::string recording_file_name(std::int64_t first_sequence) {
    return fmt::format("{:012}.ts", first_sequence);
}

std::optional<std::int64_t> parse_recording_file_name(std::string_view name) {
    std::int64_t first = -1;
    const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), first);
    if (ec != std::errc{} || first < 0 || name != recording_file_name(first))
        return std::nullopt;
    return first;
}

std::string index_line(const base::Id &reservation, base::UtcTime keep_until) {
    return line_of({{"type", "recording"},
                    {"v", 1},
                    {"reservation", reservation.text()},
                    {"keep_until", base::format_rfc3339(keep_until)}});
}

std::string index_line(const RecordedSegment &recorded) {
    const Segment &s = recorded.segment;
    wire::JsonObject out{{"type", "segment"},
                         {"v", 1},
                         {"sequence", s.sequence},
                         {"tag", s.tag},
                         {"file", recording_file_name(recorded.file)},
                         {"offset", recorded.offset},
                         {"bytes", s.end - s.begin},
                         {"duration_ticks", s.ticks},
                         {"discontinuity", s.discontinuity},
                         {"discontinuities_before", s.discontinuities_before}};
    if (s.utc_ms)
        out["at"] = base::format_rfc3339(base::from_unix_ms(*s.utc_ms));
    out["crc32"] = hex(recorded.crc32);
    return line_of(out);
}

std::string index_line(std::int64_t next_sequence, bool ended) {
    return line_of(
        {{"type", "closed"}, {"v", 1}, {"next_sequence", next_sequence}, {"ended", ended}});
}

RecordingIndex read_index(std::string_view text, const base::Id &reservation) {
    RecordingIndex out;
    for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;) {
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        out.whole_bytes += static_cast<std::int64_t>(end + 1);
        if (!is_whole(line) || !add_line(out, line, reservation))
            ++out.damaged;
    }
    return out;
}

std::uint32_t crc32_of(std::span<const char> bytes, std::uint32_t so_far) {
    return static_cast<std::uint32_t>(::crc32(so_far, reinterpret_cast<const Bytef *>(bytes.data()),
                                              static_cast<uInt>(bytes.size())));
}

} // namespace relay
