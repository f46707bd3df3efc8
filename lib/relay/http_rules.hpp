// What HTTP's fields mean (RFC 9110): pure functions over text, strict, nothing is ever decoded.
#pragma once

#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relay {

/// The parts of @p path between its slashes, the last one empty when it ends with one. Nothing
/// when it holds anything but plain characters, an empty part, `.` or `..`.
[[nodiscard]] std::optional<std::vector<std::string_view>> split_path(std::string_view path);

/// `bytes=A-B`, `bytes=A-` or `bytes=-N` of @p size bytes as [first, second); nothing when it is
/// not one range of that kind (then all is sent); first == size when it lies outside (416).
[[nodiscard]] std::optional<std::pair<std::int64_t, std::int64_t>>
parse_range(std::string_view range, std::int64_t size);

/// Whether @p field, an If-None-Match, names @p etag (with its quotes): weak comparison, section
/// 13.1.2. False when the field is empty or malformed.
[[nodiscard]] bool names_etag(std::string_view field, std::string_view etag);

/// Whether @p field, an Accept-Encoding, takes gzip: named, or by `*`, and not with a weight of 0.
/// An empty field asks for none.
[[nodiscard]] bool accepts_gzip(std::string_view field);

/// What a player asks of a playlist in its query (RFC 8216bis, 6.2.5).
struct Directives {
    std::int64_t sequence = -1; ///< _HLS_msn; -1: none
    std::int64_t part = -1;     ///< _HLS_part; -1: none
    bool skip = false;          ///< _HLS_skip
};
/// Other members of @p query are ignored. Nothing when one of these is twice there, is no number of
/// at most 15 digits, or is a part without a sequence number.
[[nodiscard]] std::optional<Directives> parse_directives(std::string_view query);

/// IMF-fixdate, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
[[nodiscard]] std::string http_date(base::UtcTime t);

} // namespace relay
