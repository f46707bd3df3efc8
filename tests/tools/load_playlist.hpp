// What a viewer of HLS reads in a playlist.
#pragma once

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace load {

// The body in @p text, which is in chunks (RFC 9112, 7.1), once it is whole.
inline std::optional<std::string> joined(std::string_view text) {
    std::string out;
    for (;;) {
        std::size_t size = 0;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), size, 16);
        const std::size_t head = text.find("\r\n");
        if (ec != std::errc{} || head == std::string_view::npos || text.size() < head + size + 4)
            return std::nullopt;
        if (size == 0)
            return out;
        out += text.substr(head + 2, size);
        text.remove_prefix(head + size + 4);
    }
}

// What follows @p name in @p line, up to @p end.
inline std::string value_of(std::string_view line, std::string_view name, char end) {
    const std::size_t at = line.find(name);
    if (at == std::string_view::npos)
        return {};
    const std::string_view rest = line.substr(at + name.size());
    return std::string{rest.substr(0, rest.find(end))};
}

struct Playlist {
    std::vector<std::string> media; // segments, or parts; oldest first
    std::string next;               // query of the one with the next part (RFC 8216bis, 6.2.5.2)
};

// With @p parts, what it says of parts.
inline Playlist read_playlist(const std::string &text, bool parts) {
    Playlist out;
    std::istringstream lines{text};
    std::string line;
    long sequence = 0; // of the segment that comes
    int part = 0;      // of it
    const auto number = [&](std::string_view name) {
        return std::strtol(value_of(line, name, '\n').c_str(), nullptr, 10);
    };
    while (std::getline(lines, line)) {
        if (line.starts_with("#EXT-X-MEDIA-SEQUENCE:")) {
            sequence = number(":");
        } else if (line.starts_with("#EXT-X-SKIP:")) {
            sequence += number("SKIPPED-SEGMENTS=");
        } else if (line.starts_with("#EXT-X-PART:")) {
            ++part;
            if (parts)
                out.media.push_back(value_of(line, "URI=\"", '"'));
        } else if (!line.empty() && !line.starts_with('#')) {
            ++sequence;
            part = 0;
            if (!parts)
                out.media.push_back(line);
        }
    }
    out.next = fmt::format("?_HLS_msn={}&_HLS_part={}&_HLS_skip=YES", sequence, part);
    return out;
}

} // namespace load
