// Text forms of bytes: base64url without padding (RFC 4648 section 5), base64, hexadecimal.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace seal {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteView bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view text_of(ByteView bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

[[nodiscard]] std::string to_base64url(ByteView bytes);
/// Strict: no padding, no white space, canonical last character.
[[nodiscard]] base::Result<Bytes> from_base64url(std::string_view text);
[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] base::Result<Bytes> from_base64(std::string_view text);
[[nodiscard]] std::string to_hex(ByteView bytes);
[[nodiscard]] base::Result<Bytes> from_hex(std::string_view text);

/// @p n bytes from the kernel's random source.
[[nodiscard]] Bytes random_bytes(std::size_t n);

/// Equal in constant time; different lengths are unequal.
[[nodiscard]] bool equal_secret(ByteView a, ByteView b);

} // namespace seal
