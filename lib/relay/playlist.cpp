#include "relay/playlist.hpp"

#include <charconv>
#include <fmt/format.h>
#include <iterator>

namespace relay {

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

std::string make_playlist(const Segmenter &segmenter, std::string_view tag, bool ended) {
    const auto &segments = segmenter.segments();
    const auto first = segments.end() - static_cast<std::ptrdiff_t>(segmenter.listed());
    if (first == segments.end())
        return {};
    std::string out = fmt::format("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{}\n"
                                  "#EXT-X-MEDIA-SEQUENCE:{}\n",
                                  segmenter.target_s(), first->sequence);
    if (first->discontinuities_before > 0)
        out += fmt::format("#EXT-X-DISCONTINUITY-SEQUENCE:{}\n", first->discontinuities_before);
    for (auto it = first; it != segments.end(); ++it) {
        if (it->discontinuity)
            out += "#EXT-X-DISCONTINUITY\n";
        const std::int64_t ms = (it->ticks + 45) / 90;
        fmt::format_to(std::back_inserter(out), "#EXTINF:{}.{:03},\n{}\n", ms / 1000, ms % 1000,
                       segment_name(it->sequence, tag));
    }
    if (ended)
        out += "#EXT-X-ENDLIST\n";
    return out;
}

} // namespace relay
