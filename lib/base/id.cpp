#include "base/id.hpp"

#include <algorithm>

namespace base {

namespace {
constexpr std::string_view k_alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t k_length = 26;
} // namespace

std::string Id::text() const {
    // 130 bits of text for 128 of id: the first character carries three bits only.
    std::string out(k_length, '0');
    unsigned acc = 0;
    int bits = 2;
    std::size_t at = 0;
    for (const std::uint8_t byte : bytes) {
        acc = (acc << 8U) | byte;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out[at++] = k_alphabet[(acc >> static_cast<unsigned>(bits)) & 31U];
        }
    }
    return out;
}

Id Id::make(UtcTime now, const std::array<std::uint8_t, 10> &random) {
    Id id;
    const auto ms = static_cast<std::uint64_t>(unix_ms(now));
    for (unsigned i = 0; i < 6; ++i)
        id.bytes[i] = static_cast<std::uint8_t>(ms >> (40U - 8U * i));
    std::ranges::copy(random, id.bytes.begin() + 6);
    return id;
}

Result<Id> Id::parse(std::string_view text) {
    const auto bad = [&] {
        return fail_hint(Errc::bad_data, "an id has 26 characters, as printed by resv-request list",
                         "'{}' is not a reservation id", text.substr(0, 64));
    };
    if (text.size() != k_length)
        return bad();
    Id id;
    unsigned acc = 0;
    int bits = -2;
    std::size_t at = 0;
    for (char c : text) {
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
        const std::size_t value = k_alphabet.find(c);
        if (value == std::string_view::npos || (&c == text.data() && value > 7))
            return bad();
        acc = ((acc << 5U) | static_cast<unsigned>(value)) & 0xfffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            id.bytes[at++] = static_cast<std::uint8_t>(acc >> static_cast<unsigned>(bits));
        }
    }
    if (id.text()[0] != text[0] && id.text()[0] != text[0] - 'A' + 'a')
        return bad(); // the two surplus bits must be zero, or one id would have four spellings
    return id;
}

} // namespace base
