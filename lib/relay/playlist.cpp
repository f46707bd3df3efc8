#include "relay/playlist.hpp"

#include "base/time.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>

namespace relay {

namespace {
constexpr int k_low_latency_version = 6;
// Of an event that is over: nothing of it will change any more.
constexpr std::string_view k_on_demand = "#EXT-X-PLAYLIST-TYPE:VOD\n";
constexpr int k_gap_version = 8;           // readers want it for EXT-X-GAP
constexpr int k_skip_version = 9;          // RFC 8216bis: EXT-X-SKIP needs it
constexpr std::int64_t k_skip_targets = 6; // CAN-SKIP-UNTIL is at least that
// Whole segments of which parts are listed. RFC 8216bis lets them go after three target durations
// at the latest, and readers take that for three segments with the open one.
constexpr std::ptrdiff_t k_segments_in_parts = 2;
constexpr std::int64_t k_hold_back_parts = 3; // PART-HOLD-BACK should be
} // namespace

std::string segment_name(std::int64_t sequence, std::string_view tag) {
    return fmt::format("{}-{}.ts", sequence, tag);
}

std::optional<std::int64_t> parse_segment_name(std::string_view name, std::string_view tag) {
    std::int64_t sequence = -1;
    const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), sequence);
    if (ec != std::errc{} || sequence < 0 || name != segment_name(sequence, tag))
        return std::nullopt;
    return sequence;
}

std::string part_name(std::int64_t sequence, std::int64_t index, std::string_view tag) {
    return fmt::format("{}.{}-{}.ts", sequence, index, tag);
}

std::optional<std::pair<std::int64_t, std::int64_t>> parse_part_name(std::string_view name,
                                                                     std::string_view tag) {
    std::int64_t sequence = -1;
    std::int64_t index = -1;
    const char *const last = name.data() + name.size();
    const auto [dot, ec] = std::from_chars(name.data(), name.data() + name.size(), sequence);
    if (ec != std::errc{} || dot == last)
        return std::nullopt;
    const auto [end, ec2] = std::from_chars(dot + 1, last, index);
    if (ec2 != std::errc{} || sequence < 0 || index < 0 || name != part_name(sequence, index, tag))
        return std::nullopt;
    return std::pair{sequence, index};
}

namespace {

// Seconds with three digits, rounded.
std::string seconds(std::int64_t ticks) {
    const std::int64_t ms = (ticks + 45) / 90;
    return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

std::string head(const Listing &listing, int version) {
    if (std::ranges::any_of(listing.segments, &Segment::gap))
        version = std::max(version, k_gap_version);
    return fmt::format("#EXTM3U\n#EXT-X-VERSION:{}\n#EXT-X-TARGETDURATION:{}\n", version,
                       listing.target_s);
}

void add_sequences(std::string &out, const Segment &first) {
    fmt::format_to(std::back_inserter(out), "#EXT-X-MEDIA-SEQUENCE:{}\n", first.sequence);
    if (first.discontinuities_before > 0)
        fmt::format_to(std::back_inserter(out), "#EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
                       first.discontinuities_before);
}

// With the date on each segment, no line of it changes when it becomes the first.
void add_begin(std::string &out, bool discontinuity, std::optional<std::int64_t> utc_ms) {
    if (discontinuity)
        out += "#EXT-X-DISCONTINUITY\n";
    if (!utc_ms)
        return;
    const auto date = base::format_rfc3339(base::from_unix_ms(*utc_ms / 1000 * 1000));
    fmt::format_to(std::back_inserter(out), "#EXT-X-PROGRAM-DATE-TIME:{}.{:03}Z\n",
                   date.substr(0, sizeof "2026-11-22T18:00:00" - 1), *utc_ms % 1000);
}

// RFC 8216bis, 4.4.4.7: who does not know EXT-X-GAP finds nothing under the name, and goes on.
void add_end(std::string &out, const Segment &segment, std::string_view tag) {
    fmt::format_to(std::back_inserter(out), "{}#EXTINF:{},\n{}\n",
                   segment.gap ? "#EXT-X-GAP\n" : "", seconds(segment.ticks),
                   segment_name(segment.sequence, segment.tag.empty() ? tag : segment.tag));
}

auto parts_of(const std::deque<Part> &parts, std::int64_t sequence) {
    return std::ranges::equal_range(parts, sequence, {}, &Part::sequence);
}

void add_parts(std::string &out, const std::deque<Part> &parts, std::int64_t sequence,
               std::string_view tag) {
    for (const Part &part : parts_of(parts, sequence))
        fmt::format_to(std::back_inserter(out), "#EXT-X-PART:DURATION={},URI=\"{}\"{}\n",
                       seconds(part.ticks), part_name(sequence, part.index, tag),
                       part.independent ? ",INDEPENDENT=YES" : "");
}

} // namespace

std::string make_playlist(const Listing &listing) {
    if (listing.segments.empty())
        return {};
    std::string out = head(listing, 3);
    if (listing.on_demand)
        out += k_on_demand;
    add_sequences(out, listing.segments.front());
    for (const Segment &s : listing.segments) {
        add_begin(out, s.discontinuity, s.utc_ms);
        add_end(out, s, listing.tag);
    }
    if (listing.ended)
        out += "#EXT-X-ENDLIST\n";
    return out;
}

// There is one rendition, so that there is none to report of (EXT-X-RENDITION-REPORT).
std::string make_low_latency_playlist(const Listing &listing, const Segmenter &segmenter,
                                      bool skip) {
    const auto segments = listing.segments;
    if (segments.empty())
        return {};
    auto first = segments.begin();
    const Parts &parts = segmenter.parts();
    const std::string_view tag = listing.tag;
    const std::int64_t target = listing.target_s * k_ticks_per_second;
    std::int64_t to_end = 0; // from the present segment's begin to the end of what is listed
    for (const Part &part : parts_of(parts.all(), segmenter.next_sequence()))
        to_end += part.ticks;
    for (auto it = first; it != segments.end(); ++it)
        to_end += it->ticks;
    std::string out = head(listing, skip ? k_skip_version : k_low_latency_version);
    fmt::format_to(
        std::back_inserter(out),
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={},PART-HOLD-BACK={}\n"
        "#EXT-X-PART-INF:PART-TARGET={}\n",
        seconds(k_skip_targets * target), seconds(k_hold_back_parts * parts.target_ticks()),
        seconds(parts.target_ticks()));
    if (listing.on_demand)
        out += k_on_demand;
    add_sequences(out, *first);
    if (skip) {
        std::int64_t skipped = 0;
        for (; first != segments.end() && to_end - first->ticks > k_skip_targets * target;
             ++first) {
            to_end -= first->ticks;
            ++skipped;
        }
        if (skipped == 0)
            return {};
        fmt::format_to(std::back_inserter(out), "#EXT-X-SKIP:SKIPPED-SEGMENTS={}\n", skipped);
    }
    for (auto it = first; it != segments.end(); ++it) {
        add_begin(out, it->discontinuity, it->utc_ms);
        if (segments.end() - it <= k_segments_in_parts)
            add_parts(out, parts.all(), it->sequence, tag);
        add_end(out, *it, tag);
    }
    if (listing.ended)
        return out += "#EXT-X-ENDLIST\n";
    const std::int64_t next = segmenter.next_sequence();
    if (parts.open_count() > 0) {
        add_begin(out, segmenter.open_discontinuity(), segmenter.open_utc_ms());
        add_parts(out, parts.all(), next, tag);
    }
    fmt::format_to(std::back_inserter(out), "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"\n",
                   part_name(next, parts.open_count(), tag));
    return out;
}

} // namespace relay
