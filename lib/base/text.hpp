// Other people's text, shown to somebody.
#pragma once

#include <string>
#include <string_view>

namespace base {

/// Whether UTF-8 @p text holds nothing that steers a terminal or lets it show something else than
/// is written: no control character (C0, DEL, C1), no separator of lines or paragraphs (U+2028,
/// U+2029), no embedding, override or isolate of the writing direction (U+202A to U+202E, U+2066 to
/// U+2069).
[[nodiscard]] bool is_plain_text(std::string_view text);

/// @p text with a "?" for each of these.
[[nodiscard]] std::string plain_text(std::string_view text);

} // namespace base
